"""Guarantees of gateway/keeper/first_use.py: the first use of a new secret ends the old one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Allow
from gateway.core.keys import ApiKey
from gateway.core.refusal import Deny, Reason
from gateway.keeper.audit import Act
from gateway.keeper.first_use import FirstUses
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import CHANGE, StoreUnavailable
from gateway.keeper.rotation import finished, undone
from tests.unit.keeper.stage import (
    EPOCH_S,
    Counter,
    DictStore,
    HandClock,
    decided,
    keeper_of,
    key_of,
    reason_of,
    secret_of,
    settled,
    view_of,
)

OLD, NEW = secret_of(1), secret_of(2)
UNTIL_S = EPOCH_S + 86_400.0
ROTATED = replace(
    key_of(1),
    digest=key_of(2).digest,
    previous_digest=key_of(1).digest,
    previous_preview="kh_OldO…ld01",
    rotated_at=EPOCH_S,
    previous_secret_valid_until=UNTIL_S,
    previous_until_first_use=True,
)


class Book(DictStore):
    """A store that can be down for writing, and keeps the acts that changed something."""

    def __init__(self, *keys: ApiKey) -> None:
        super().__init__(*keys)
        for key in keys:
            self.holders[key.previous_digest or b""] = key.id
        self.trouble: Exception | None = None
        self.acts: list[Act] = []

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        if self.trouble is not None:
            raise self.trouble
        before = self.keys.get(key_id)
        after = await super().update(key_id, change, act)
        if after != before:
            self.acts.append(act)
        return after


async def known(keeper: Gatekeeper) -> None:
    """Both secrets' records are cached."""
    for secret in (OLD, NEW):
        need = keeper.admit(view_of(secret))
        await keeper._look_ups.by_digest(need.digest)  # type: ignore[union-attr]


async def test_the_old_secret_works_until_the_new_one_was_let_pass_and_not_after_it() -> None:
    keeper = keeper_of(Book(ROTATED))
    for _ in range(2):
        assert reason_of(await decided(keeper, OLD)) is None
    assert reason_of(await decided(keeper, NEW)) is None
    assert reason_of(await decided(keeper, OLD)) is Reason.KEY_ROTATED
    assert reason_of(await decided(keeper, NEW)) is None


async def test_it_ends_within_the_plain_call_that_let_the_new_secret_pass() -> None:
    keeper = keeper_of(Book(ROTATED))
    await known(keeper)
    before = keeper.peek(view_of(OLD))
    assert isinstance(before, Allow)
    need = keeper.admit(view_of(OLD))
    assert isinstance(keeper.peek(view_of(NEW)), Allow)
    assert reason_of(keeper.look(need, before)) is Reason.KEY_ROTATED  # type: ignore[arg-type]


async def test_a_refused_use_of_the_new_secret_ends_nothing() -> None:
    keeper = keeper_of(Book(replace(ROTATED, scopes=frozenset())))
    assert reason_of(await decided(keeper, NEW)) is Reason.SCOPE_MISSING
    assert reason_of(await decided(keeper, OLD)) is Reason.SCOPE_MISSING
    assert keeper.first_uses.pending == 0


async def test_a_rotation_that_is_not_until_first_use_goes_on_as_before() -> None:
    keeper = keeper_of(Book(replace(ROTATED, previous_until_first_use=False)))
    assert reason_of(await decided(keeper, NEW)) is None
    assert reason_of(await decided(keeper, OLD)) is None


async def test_what_the_old_secret_opened_ends_and_what_the_new_one_opens_goes_on() -> None:
    keeper = keeper_of(Book(ROTATED))
    ended: list[Deny] = []
    old = await decided(keeper, OLD)
    assert isinstance(old, Allow)
    keeper.attend(old, ended.append)
    new = await decided(keeper, NEW)
    assert isinstance(new, Allow)
    assert [deny.reason for deny in ended] == [Reason.KEY_ROTATED]
    keeper.attend(new, ended.append)
    keeper.live.sweep()
    assert len(ended) == 1


async def test_the_end_is_written_behind_the_request_as_an_act_of_the_key() -> None:
    store, clock = Book(ROTATED), HandClock()
    keeper = keeper_of(store, clock)
    clock.wall += 5
    await decided(keeper, NEW)
    assert (store.acts, keeper.first_uses.pending) == ([], 1)
    writing = asyncio.ensure_future(keeper.first_uses.run())
    await settled()
    assert store.acts == [Act("first_use", "k1", None, EPOCH_S + 5)]
    assert store.keys["k1"] == finished(ROTATED, EPOCH_S + 5)
    assert keeper.first_uses.pending == 0
    assert reason_of(await decided(keeper, OLD)) is Reason.KEY_ROTATED
    await decided(keeper, NEW)
    await settled()
    assert len(store.acts) == 1
    await ended(writing)


async def ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "trouble",
    [StoreUnavailable("the disk is full"), RuntimeError("nobody expected that")],
    ids=["down", "accident"],
)
async def test_while_it_cannot_be_written_it_is_in_force_and_tried_again(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store, errors = Book(ROTATED), Counter()
    keeper = keeper_of(store, errors=errors)
    store.trouble = trouble
    await decided(keeper, NEW)
    writing = asyncio.ensure_future(keeper.first_uses.run(retry_s=0))
    await settled()
    assert errors.count > 0
    assert str(trouble) in caplog.text
    await keeper.data_changed()  # the cache is empty: the store still says that the overlap runs
    assert reason_of(await decided(keeper, OLD)) is Reason.KEY_ROTATED
    keeper.key_changed("k1", ROTATED)  # somebody changed another thing about it
    assert reason_of(await decided(keeper, OLD)) is Reason.KEY_ROTATED
    assert keeper.latest(ROTATED).overlap_runs(EPOCH_S) is False
    store.trouble = None
    await settled()
    assert [act.name for act in store.acts] == ["first_use"]
    assert keeper.first_uses.pending == 0
    await ended(writing)


async def test_after_a_restart_that_lost_it_the_next_use_tells_it_again() -> None:
    store = Book(ROTATED)
    store.trouble = StoreUnavailable("killed before it was written")
    await decided(keeper_of(store), NEW)
    store.trouble = None
    keeper = keeper_of(store)
    assert reason_of(await decided(keeper, OLD)) is None
    assert reason_of(await decided(keeper, NEW)) is None
    assert reason_of(await decided(keeper, OLD)) is Reason.KEY_ROTATED
    assert await keeper.first_uses.flush()
    assert [act.name for act in store.acts] == ["first_use"]


async def test_an_orderly_stop_writes_what_is_left_and_says_if_it_could_not() -> None:
    store = Book(ROTATED)
    keeper = keeper_of(store)
    await decided(keeper, NEW)
    store.trouble = StoreUnavailable("the disk is full")
    assert not await keeper.first_uses.flush()
    store.trouble = None
    assert await keeper.first_uses.flush()
    assert len(store.acts) == 1


async def test_an_undone_rotation_stays_undone() -> None:
    store = Book(ROTATED)
    keeper = keeper_of(store)
    await decided(keeper, NEW)
    undo = undone(ROTATED, EPOCH_S)
    store.put(undo)
    keeper.key_changed("k1", undo)
    assert await keeper.first_uses.flush()
    assert (store.keys["k1"], store.acts) == (undo, [])
    assert reason_of(await decided(keeper, OLD)) is None
    assert reason_of(await decided(keeper, NEW)) is Reason.KEY_ROTATED


async def test_a_deleted_key_has_nothing_to_write() -> None:
    store = Book(ROTATED)
    keeper = keeper_of(store)
    await decided(keeper, NEW)
    store.drop("k1")
    assert await keeper.first_uses.flush()
    assert keeper.first_uses.pending == 0
    assert reason_of(await decided(keeper, NEW)) is Reason.KEY_UNKNOWN


async def test_a_first_use_that_is_noted_while_another_is_written_is_not_lost() -> None:
    store = Book(ROTATED)
    changed: list[str] = []
    uses = FirstUses(store, lambda key_id, _key: changed.append(key_id), Counter())
    uses.note(ROTATED, EPOCH_S)
    again = replace(ROTATED, digest=key_of(3).digest)
    store.put(ROTATED)

    def rotate_again(key_id: str, _key: ApiKey | None) -> None:
        if not changed:
            store.put(again)
            uses.note(again, EPOCH_S + 1)
        changed.append(key_id)

    uses._on_change = rotate_again
    assert not await uses.flush()
    assert uses.pending == 1
    assert await uses.flush()
    assert store.keys["k1"] == finished(again, EPOCH_S + 1)


def test_nothing_of_it_shows_a_digest() -> None:
    uses = FirstUses(DictStore(), lambda _id, _key: None, Counter())
    uses.note(ROTATED, EPOCH_S)
    assert repr(ROTATED.digest) not in repr(uses._unwritten)


@given(
    st.lists(
        st.sampled_from(["old", "new", "write", "down", "up", "forget", "restart", "edit", "later"]),
        max_size=25,
    )
)
async def test_one_secret_always_works_and_the_old_one_ends_with_a_use_of_the_new_one_alone(
    steps: list[str],
) -> None:
    """Whatever happens in between: a restart may revive the old one only if the end was not written."""
    store, clock = Book(ROTATED), HandClock()
    keeper = keeper_of(store, clock)
    is_used = is_written = False
    for step in steps:
        if step == "new":
            assert reason_of(await decided(keeper, NEW)) is None
            is_used = True
        elif step == "old":
            assert (reason_of(await decided(keeper, OLD)) is None) is not is_used
        elif step == "write":
            is_written = await keeper.first_uses.flush() and is_used
        elif step in ("down", "up"):
            store.trouble = StoreUnavailable("down") if step == "down" else None
        elif step == "forget":
            await keeper.data_changed()
        elif step == "restart":
            keeper = keeper_of(store, clock)
            is_used = is_written
        elif step == "edit" and store.trouble is None:
            store.put(replace(store.keys["k1"], note=store.keys["k1"].note + "!"))
            keeper.key_changed("k1", store.keys["k1"])
        else:
            clock.wall += 60
