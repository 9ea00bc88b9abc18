"""The SQLite store when things break: at any statement, on a full disk, with rows that others spoilt.

SQLite's own method: break the n-th step for n = 1, 2, 3 … until the work runs through, and look each time
whether what was acknowledged is there and what was not is whole or absent.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.days import Per, UsageDay, UsageQuery
from gateway.keeper.ports import StoreUnavailable, Use
from gateway.store.faults import StoreDamaged, StoreReadOnly
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.records import NOW, digest, record


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteKeyStore]:
    opened = await open_sqlite(tmp_path / "keys.db", busy_timeout_s=0.1)
    yield opened
    await opened.close()


async def pragma(connection: Any, name: str) -> Any:
    [(value,)] = await connection.fetch(f"PRAGMA {name}")
    return value


async def test_a_full_disk_refuses_the_write_and_keeps_what_was_there(store: SqliteKeyStore) -> None:
    await store.insert(record())
    pages = await pragma(store._writer, "page_count")
    await store._writer.fetch(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="the disk is full: free some space"):
        await store.insert(record("key_2", note="x" * 100_000))
    assert await store.list_keys() == [record()]
    await store._writer.fetch("PRAGMA max_page_count = 1000000")
    await store.insert(record("key_2", note="x" * 100_000))


async def test_a_store_that_turns_read_only_goes_on_answering_look_ups(store: SqliteKeyStore) -> None:
    await store.insert(record())
    await store._writer.fetch("PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnly, match=r"keys\.db cannot be written"):
        await store.update("key_1", lambda key: replace(key, note="x"))
    assert await store.find_by_digest(digest("key_1")) == record()
    await store.check()


DAY = UsageDay("key_1", date(2027, 1, 15), 1, {Reason.SCOPE_MISSING: 2}, 3, 4, "10.0.0.1")
OLD = replace(DAY, day=date(2026, 1, 15))
WRITES: dict[str, Callable[[SqliteKeyStore], Any]] = {
    "insert": lambda store: store.insert(record("key_2", previous_digest=digest("before"))),
    "update": lambda store: store.update(
        "key_1", lambda key: replace(key, digest=digest("new"), previous_digest=key.digest)
    ),
    "delete": lambda store: store.delete("key_1"),
    "record_uses": lambda store: store.record_uses([Use("key_1", NOW, "10.0.0.1", 1)], [DAY]),
    "forget_usage": lambda store: store.forget_usage(date.max, 10),
}


class Trouble:
    """Stands before the writer's statements and strikes at the n-th."""

    def __init__(self, store: SqliteKeyStore, strike: Callable[[], None]) -> None:
        self.driver = store._writer._driver
        self.strike = strike
        self.left = -1
        self.execute_fetchall = self.driver.execute_fetchall
        self.executemany = self.driver.executemany
        self.driver.execute_fetchall = self._watch(self.execute_fetchall)  # type: ignore[method-assign]
        self.driver.executemany = self._watch(self.executemany)  # type: ignore[method-assign]

    def _watch(self, run: Any) -> Any:
        def watched(*arguments: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                self.strike()
            return run(*arguments)

        return watched


def _disk_error() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_WRITE"
    raise error


def _leave() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("strike", [_disk_error, _leave], ids=["disk error", "cancelled"])
async def test_at_whichever_statement_a_write_breaks_it_is_whole_or_absent(
    store: SqliteKeyStore, write: str, strike: Callable[[], None]
) -> None:
    trouble = Trouble(store, strike)
    strikes = 0
    while True:
        for key in await store.list_keys():
            await store.delete(key.id)
        await _begin(store)
        before = await _everything(store)
        trouble.left = strikes + 1
        try:
            await WRITES[write](store)
        except (StoreUnavailable, asyncio.CancelledError):
            strikes += 1
            trouble.left = -1
        else:
            break
        assert not store._writer._driver.in_transaction
        after = await _everything(store)
        if after != before:
            await _undone(store, write)
            assert strike is _leave
    assert strikes >= 2
    assert await _everything(store) != before


async def _everything(store: SqliteKeyStore) -> tuple[Any, ...]:
    digests = await store._reader.fetch("SELECT digest, key_id FROM secrets ORDER BY digest")
    return (*await store.list_keys(), *digests, *await store.usage(UsageQuery()))


async def _begin(store: SqliteKeyStore) -> None:
    await store.insert(record())
    await store.record_uses([], [OLD])


async def _undone(store: SqliteKeyStore, write: str) -> None:
    """A cancelled write may have been committed; then it is there as a whole."""
    there = await _everything(store)
    for key in await store.list_keys():
        await store.delete(key.id)
    await _begin(store)
    await WRITES[write](store)
    assert await _everything(store) == there


# --- Rows that somebody else wrote

SPOILT = {
    "scopes": ["'not json'", "'\"*\"'", "'{}'", "'[1]'", "replace(printf('%09999d', 0), '0', '[')", "x'00'"],
    "allow_from": ["''", "'[\"10.0.0.0/99\"]'", "'null'"],
    "expires_at": ["'tomorrow'", "x'00'"],
    "created_at": ["'yesterday'"],
    "use_count": ["'many'"],
    "last_used_from": ["x'00'"],
    "name": ["x'00'"],
    "digest": ["printf('%032d', 1)"],
    "previous_digest": ["printf('%032d', 1)"],
}


@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for column, values in SPOILT.items() for value in values]
)
async def test_a_record_that_cannot_be_read_exactly_is_named_and_never_guessed(
    store: SqliteKeyStore, column: str, value: str
) -> None:
    await store.insert(record())
    with closing(sqlite3.connect(store.path)) as other:
        other.execute(f"UPDATE keys SET {column} = {value}")  # noqa: S608 - the table above
        other.commit()
    for act in (
        lambda: store.find_by_digest(digest("key_1")),
        lambda: store.get("key_1"),
        store.list_keys,
        store.check,
        lambda: store.update("key_1", lambda key: key),
    ):
        with pytest.raises(StoreDamaged, match="the record of key 'key_1' cannot be read"):
            await act()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE usage SET requests = 1.5",
        "UPDATE usage SET last_address = x'00'",
        "UPDATE refusals SET reason = 'whim'",
    ],
)
async def test_a_day_that_cannot_be_read_exactly_is_never_guessed(store: SqliteKeyStore, spoil: str) -> None:
    await _begin(store)
    with closing(sqlite3.connect(store.path)) as other:
        other.execute(spoil)
        other.commit()
    for per in get_args(Per):
        if per == "total" and "address" in spoil:
            continue  # it tells no address
        with pytest.raises(StoreDamaged, match="a day of usage cannot be read"):
            await store.usage(UsageQuery(per=per))
    assert await store.list_keys() == [record()]
