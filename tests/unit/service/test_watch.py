"""Guarantees of gateway/service/watch.py: a change by others is noticed, and trouble ends no watch."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, Status
from gateway.core.refusal import Deny, Reason
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import KeyStore, StoreUnavailable
from gateway.service import watch as module
from gateway.service.watch import COUNT_INTERVAL_S, SHARE, StoreWatch
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.raw_connection import eventually
from tests.unit.keeper.stage import EPOCH_S, TABLE, Counter, HandClock, key_of, secret_of, view_of

DAY_S = 86_400.0


class OddStore(MemoryKeyStore):
    """A store whose version and troubles the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.looks = self.counts = 0
        self.look_trouble: Exception | None = None
        self.count_trouble: Exception | None = None

    async def data_version(self) -> int:
        self.looks += 1
        if self.look_trouble is not None:
            raise self.look_trouble
        return self.version

    async def count_by_status(self, now: float) -> dict[Status, int]:
        self.counts += 1
        if self.count_trouble is not None:
            raise self.count_trouble
        return await super().count_by_status(now)


class Stage:
    """A watch over a store and the gatekeeper before it."""

    def __init__(self, store: KeyStore) -> None:
        self.clock = HandClock()
        self.errors = Counter()
        self.gatekeeper = Gatekeeper(TABLE, "kh", store, self.clock, Counter())
        self.watch = StoreWatch(store, self.gatekeeper, self.clock, self.errors)

    async def let_in(self, number: int) -> Allow:
        """A request with this key, which must pass; afterwards its record is cached."""
        need = self.gatekeeper.peek(view_of(secret_of(number)))
        decision = await self.gatekeeper.settle(need) if isinstance(need, NeedKey) else need
        assert isinstance(decision, Allow)
        return decision

    def asked_again(self, number: int) -> bool:
        """Whether the next request with this key would ask the store."""
        return isinstance(self.gatekeeper.peek(view_of(secret_of(number))), NeedKey)


@pytest.fixture
def odd() -> OddStore:
    return OddStore()


@pytest.fixture
def stage(odd: OddStore) -> Stage:
    return Stage(odd)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteKeyStore]:
    store = await open_sqlite(tmp_path / "keyhatch.db")
    yield store
    await store.close()


@pytest.fixture
async def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Starts the watch with no pause between looks; it is stopped at the end and must still be alive."""
    monkeypatch.setattr(module, "WATCH_INTERVAL_S", 0)
    monkeypatch.setattr(module, "COUNT_INTERVAL_S", 0)
    tasks: list[asyncio.Task[None]] = []

    async def start() -> None:
        tasks.append(asyncio.create_task(stage.watch.run()))

    yield start
    for task in tasks:
        assert not task.done(), "the watch gave up"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def edit(store: SqliteKeyStore, statement: str, *values: object) -> None:
    """Change the file as a person with the sqlite3 command would: by another connection."""
    connection = sqlite3.connect(store.path)
    with connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


async def until(condition: Callable[[], object], what: str) -> None:
    await eventually(lambda: condition() or None, what)


async def test_a_foreign_revocation_is_in_force_after_one_look(
    sqlite: SqliteKeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    await sqlite.insert(key_of(1))
    stage = Stage(sqlite)
    await stage.watch.look()
    allow = await stage.let_in(1)
    ends: list[Deny] = []
    stage.gatekeeper.attend(allow, ends.append)

    edit(sqlite, "UPDATE keys SET revoked_at = ? WHERE id = ?", EPOCH_S, "k1")
    assert not stage.asked_again(1)  # still from the cache
    await stage.watch.look()

    assert [(deny.reason, deny.key_id) for deny in ends] == [(Reason.KEY_REVOKED, "k1")]
    assert stage.asked_again(1)
    assert len(stage.gatekeeper.live) == 0
    assert ["another program changed the store" in line for line in caplog.messages] == [True]


async def test_a_foreign_deletion_ends_what_lives_under_the_key(sqlite: SqliteKeyStore) -> None:
    await sqlite.insert(key_of(1))
    stage = Stage(sqlite)
    await stage.watch.look()
    ends: list[Deny] = []
    stage.gatekeeper.attend(await stage.let_in(1), ends.append)
    edit(sqlite, "DELETE FROM secrets WHERE key_id = ?", "k1")
    edit(sqlite, "DELETE FROM keys WHERE id = ?", "k1")
    await stage.watch.look()
    assert [deny.reason for deny in ends] == [Reason.KEY_UNKNOWN]


async def test_a_foreign_change_leaves_alone_what_still_stands(sqlite: SqliteKeyStore) -> None:
    await sqlite.insert(key_of(1))
    await sqlite.insert(key_of(2))
    stage = Stage(sqlite)
    await stage.watch.look()
    ends: list[Deny] = []
    stage.gatekeeper.attend(await stage.let_in(2), ends.append)
    edit(sqlite, "UPDATE keys SET revoked_at = ? WHERE id = ?", EPOCH_S, "k1")
    await stage.watch.look()
    assert ends == []
    assert len(stage.gatekeeper.live) == 1


async def test_our_own_writes_are_no_foreign_change(
    sqlite: SqliteKeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(sqlite)
    await stage.watch.look()
    await sqlite.insert(key_of(1))
    await stage.let_in(1)
    await sqlite.update("k1", lambda key: key)
    await stage.watch.look()
    assert not stage.asked_again(1)
    assert caplog.messages == []


async def test_the_first_look_only_remembers(
    stage: Stage, odd: OddStore, caplog: pytest.LogCaptureFixture
) -> None:
    odd.version = 7
    await stage.watch.look()
    assert caplog.messages == []


async def test_a_change_that_could_not_be_followed_up_is_followed_up_at_the_next_look(
    stage: Stage, odd: OddStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await odd.insert(key_of(1))
    await stage.watch.look()
    ends: list[Deny] = []
    stage.gatekeeper.attend(await stage.let_in(1), ends.append)
    await odd.update("k1", lambda _: key_of(1, revoked_at=EPOCH_S))
    odd.version = 1

    async def unreadable(_key_id: str) -> ApiKey | None:
        raise StoreUnavailable("cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(odd, "get", unreadable)
        with pytest.raises(StoreUnavailable):
            await stage.watch.look()
    assert ends == []
    await stage.watch.look()
    assert [deny.reason for deny in ends] == [Reason.KEY_REVOKED]


async def test_keys_are_counted_by_their_status_now(stage: Stage, odd: OddStore) -> None:
    ends_in: dict[int, Any] = {1: None, 2: EPOCH_S + 90 * DAY_S, 3: EPOCH_S + DAY_S, 4: EPOCH_S - 1}
    for number, at in ends_in.items():
        await odd.insert(key_of(number, expires_at=at))
    await odd.insert(key_of(5, revoked_at=EPOCH_S))
    await odd.insert(key_of(6, disabled_at=EPOCH_S))
    await stage.watch.count()
    assert stage.watch.key_counts == {
        Status.ACTIVE: 2,
        Status.EXPIRING: 1,
        Status.EXPIRED: 1,
        Status.REVOKED: 1,
        Status.DISABLED: 1,
    }
    stage.clock.wall += 365 * DAY_S
    await stage.watch.count()
    assert stage.watch.key_counts[Status.EXPIRED] == 3


async def test_it_looks_and_counts_again_and_again(
    stage: Stage, odd: OddStore, run: Callable[[], Awaitable[None]]
) -> None:
    await run()
    await until(lambda: odd.looks > 3 and odd.counts > 3, "several looks and counts")
    await odd.insert(key_of(1))
    await until(lambda: stage.watch.key_counts == {Status.ACTIVE: 1}, "the new key is counted")


@pytest.mark.parametrize("act", ["look", "count"])
@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        pytest.param(StoreUnavailable("the disk is gone"), "the disk is gone", id="store"),
        pytest.param(ZeroDivisionError("oops"), "unexpected", id="accident"),
    ],
)
async def test_trouble_is_told_once_counted_each_time_and_outlived(
    stage: Stage,
    odd: OddStore,
    run: Callable[[], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
    act: str,
    trouble: Exception,
    told: str,
) -> None:
    setattr(odd, f"{act}_trouble", trouble)
    await run()
    await until(lambda: stage.errors.count > 5, "several failures")
    assert len(caplog.records) == 1
    assert told in caplog.text

    setattr(odd, f"{act}_trouble", None)
    looks, counts = odd.looks, odd.counts
    await until(lambda: odd.looks > looks + 2 and odd.counts > counts + 2, "it goes on")
    setattr(odd, f"{act}_trouble", trouble)
    await until(lambda: len(caplog.records) == 2, "trouble that came back is told again")


async def test_another_kind_of_trouble_is_told_too(
    stage: Stage, odd: OddStore, run: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    odd.look_trouble = StoreUnavailable("busy")
    await run()
    await until(lambda: caplog.records, "the first is told")
    odd.look_trouble = OSError("no more files")
    await until(lambda: len(caplog.records) == 2, "the second is told")
    assert all(record.levelno == logging.ERROR for record in caplog.records)
    assert "no more files" in caplog.text


async def test_what_takes_long_is_done_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    class LargeStore(MemoryKeyStore):
        async def count_by_status(self, now: float) -> dict[Status, int]:
            slow.clock.mono += 0.24
            return await super().count_by_status(now)

    slow = Stage(LargeStore())
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) >= 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", rest)
    with pytest.raises(asyncio.CancelledError):
        await slow.watch._repeat(slow.watch.count, COUNT_INTERVAL_S)
    assert rests == pytest.approx([SHARE * 0.24] * 4)
