"""Guarantees of gateway/store/sqlite.py beyond the contract: the file, its faults, what runs beside it."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.keeper.audit import Act
from gateway.keeper.days import UsageQuery
from gateway.keeper.ports import KeyNotFound, StoreUnavailable, Use, WholeKey
from gateway.store.faults import StoreBusy, StoreDamaged, StoreReadOnly, StoreReplaced
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.records import NOW, digest, record
from tests.unit.store.stores import remake

BUSY_S = 0.1


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteKeyStore]:
    opened = await open_sqlite(path, busy_timeout_s=BUSY_S)
    yield opened
    await opened.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def set_mode(path: Path, bits: int) -> None:
    path.chmod(bits)


def empty(path: Path) -> None:
    path.write_bytes(b"")


async def pragma(connection: Any, name: str) -> Any:
    [(value,)] = await connection.fetch(f"PRAGMA {name}")
    return value


# --- Opening


async def test_a_new_store_and_everything_beside_it_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = await open_sqlite(tmp_path / "new" / "keys.db")
    finally:
        os.umask(before)
    await store.insert(record())
    files = {file.name: mode(file) for file in (tmp_path / "new").iterdir()}
    await store.close()
    assert mode(tmp_path / "new") == 0o700
    assert files == dict.fromkeys(["keys.db", "keys.db-shm", "keys.db-wal", "keys.db.lock"], 0o600)


async def test_records_are_there_after_closing_and_opening_again(path: Path) -> None:
    first = await open_sqlite(path)
    await first.insert(record())
    await first.close()
    again = await open_sqlite(path)
    assert await again.list_keys() == [record()]
    await again.close()


async def test_a_record_written_is_there_after_the_process_was_killed(path: Path) -> None:
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.store.sqlite import open_sqlite
from tests.support.records import record

async def main():
    store = await open_sqlite(Path(sys.argv[1]))
    await store.insert(record())
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    store = await open_sqlite(path)
    assert await store.list_keys() == [record()]
    await store.close()


async def test_a_process_that_forgets_to_close_ends_all_the_same(path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from gateway.store.sqlite import open_sqlite

kept = asyncio.run(open_sqlite(Path(sys.argv[1])))
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(path)], check=False, timeout=20
    )
    assert done.returncode == 0


async def test_the_connections_are_set_for_safety(store: SqliteKeyStore) -> None:
    for connection in (store._writer, store._reader):
        assert await pragma(connection, "journal_mode") == "wal"
        assert await pragma(connection, "synchronous") == 2  # FULL
        assert await pragma(connection, "foreign_keys") == 1
        assert await pragma(connection, "trusted_schema") == 0
        assert await pragma(connection, "busy_timeout") == BUSY_S * 1000
    assert await pragma(store._reader, "query_only") == 1


async def test_a_name_with_every_special_character_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=ro#%41'\".db"
    store = await open_sqlite(path)
    await store.insert(record())
    await store.close()
    assert names(tmp_path) == [path.name, f"{path.name}.lock"]


async def test_a_symbolic_link_is_the_file_it_leads_to(tmp_path: Path, store: SqliteKeyStore) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(store.path)
    with pytest.raises(StoreBusy):
        await open_sqlite(link)


async def test_a_file_that_cannot_be_written_is_refused_when_it_is_opened(unprivileged: Path) -> None:
    path = unprivileged / "keys.db"
    await (await open_sqlite(path)).close()
    path.chmod(0o400)
    with pytest.raises(StoreReadOnly, match=r"keys\.db cannot be written: give .* write access"):
        await open_sqlite(path)
    path.chmod(0o000)
    with pytest.raises(StoreUnavailable, match="Permission denied; check its path, owner and mode"):
        await open_sqlite(path)


async def test_a_folder_that_cannot_be_written_is_refused_when_it_is_opened(unprivileged: Path) -> None:
    path = unprivileged / "keys.db"
    await (await open_sqlite(path)).close()
    set_mode(unprivileged, 0o500)
    with pytest.raises(StoreUnavailable, match=r"keys\.db"):
        await open_sqlite(path)


async def test_opening_that_fails_leaves_no_lock_and_no_thread(path: Path) -> None:
    empty(path)
    threads = set(threading.enumerate())
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="empty"):
            await open_sqlite(path)
    await _until(lambda: set(threading.enumerate()) <= threads | {threading.main_thread()})


@pytest.mark.parametrize("steps", range(0, 60, 4))
async def test_opening_that_is_cancelled_leaves_no_lock_and_no_thread(path: Path, steps: int) -> None:
    threads = set(threading.enumerate())
    opening = asyncio.ensure_future(open_sqlite(path))
    for _ in range(steps):
        await asyncio.sleep(0)
    opening.cancel()
    with suppress(asyncio.CancelledError):
        await (await opening).close()
    store = await open_sqlite(path)
    await store.close()
    await _until(
        lambda: {thread for thread in threading.enumerate() if "asyncio" not in thread.name} <= threads
    )


async def test_opening_that_is_cancelled_and_fails_is_cancelled(path: Path) -> None:
    empty(path)
    opening = asyncio.ensure_future(open_sqlite(path))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_closing_that_is_cancelled_closes(path: Path) -> None:
    store = await open_sqlite(path)
    closing_task = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    closing_task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing_task
    await store.close()
    await (await open_sqlite(path)).close()


async def test_closing_waits_for_the_write_under_way(path: Path) -> None:
    store = await open_sqlite(path)
    writing = asyncio.ensure_future(store.insert(record()))
    await _until(store._writing.locked)
    waiting = asyncio.ensure_future(store.insert(record("key_2")))
    await asyncio.sleep(0)
    await store.close()
    await writing
    with pytest.raises(StoreUnavailable, match="closed"):
        await waiting
    again = await open_sqlite(path)
    assert await again.list_keys() == [record()]
    await again.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)


# --- Others at the same file


async def test_look_ups_do_not_wait_behind_writes(store: SqliteKeyStore) -> None:
    await store.insert(record())
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.ensure_future(store.update("key_1", lambda key: replace(key, note="late")))
        await _until(store._writing.locked)
        assert await store.find_by_digest(digest("key_1")) == record()
        assert not write.done()
        with pytest.raises(StoreBusy, match=r"keys\.db is locked for writing by another program"):
            await write
        await store.check()
    await store.update("key_1", lambda key: replace(key, note="it writes again"))


async def test_a_write_waits_for_the_one_before_it_no_longer_than_the_bound(store: SqliteKeyStore) -> None:
    async with store._writing:
        with pytest.raises(StoreBusy, match="locked for writing"):
            await store.insert(record())
    await store.insert(record())


async def test_what_another_program_writes_is_noticed(store: SqliteKeyStore) -> None:
    await store.insert(record())
    before = await store.data_version()
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE keys SET note = 'by hand'")
        other.commit()
        assert await store.data_version() != before
    assert await store.get("key_1") == record(note="by hand")


async def test_asking_for_the_data_version_does_not_wait_for_a_write(store: SqliteKeyStore) -> None:
    await store.insert(record())
    before = await store.data_version()
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("UPDATE keys SET note = 'by hand'")
        other.commit()
        async with store._writing:
            assert await store.data_version() == before
        assert await store.data_version() != before


def _replace_by_copy(path: Path) -> None:
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


GONE: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "moved": lambda path: path.rename(path.with_name("moved.db")),
    "replaced by a copy": _replace_by_copy,
    "its log deleted": lambda path: path.with_name(path.name + "-wal").unlink(),
}


@pytest.mark.parametrize("happened", GONE)
async def test_a_file_that_is_not_the_one_opened_is_neither_believed_nor_written(
    store: SqliteKeyStore, happened: str
) -> None:
    await store.insert(record())
    GONE[happened](store.path)
    for act in (
        lambda: store.find_by_digest(digest("key_1")),
        lambda: store.get("key_1"),
        store.list_keys,
        store.check,
        store.data_version,
        lambda: store.insert(record("key_2")),
        lambda: store.update("key_1", lambda key: key),
        lambda: store.delete("key_1"),
        lambda: store.record_uses([Use("key_1", NOW, "10.0.0.1", 1)]),
        lambda: store.usage(UsageQuery()),
        lambda: store.forget_usage(date.max, 1),
    ):
        with pytest.raises(StoreReplaced, match=r"keys\.db was deleted, moved or replaced"):
            await act()


# --- What cannot be


async def test_a_record_that_cannot_be_stored_exactly_is_refused(store: SqliteKeyStore) -> None:
    for key in (record(expires_at=float("nan")), record(created_at=float("inf"))):
        with pytest.raises(ValueError, match="finite"):
            await store.insert(key)
    with pytest.raises(StoreUnavailable):
        await store.insert(record(name="\udcff"))
    with pytest.raises(ValueError, match="too large"):
        await store.insert(record(use_count=2**70))
    with pytest.raises(StoreUnavailable):
        await store.insert(record(digest=b"short"))
    assert await store.list_keys() == []


async def test_a_look_up_by_what_cannot_be_a_text_fails_closed(store: SqliteKeyStore) -> None:
    with pytest.raises(StoreUnavailable):
        await store.get("\udcff")


async def test_a_table_that_vanished_is_an_outage(store: SqliteKeyStore) -> None:
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("DROP TABLE secrets")
        other.commit()
    with pytest.raises(StoreUnavailable):
        await store.check()
    with pytest.raises(KeyNotFound):
        await store.delete("key_1")


async def test_a_long_list_lets_others_have_their_turn(store: SqliteKeyStore) -> None:
    for number in range(300):
        await store.insert(record(f"key_{number}"))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    rows = await store._read("SELECT 1")
    assert rows == [(1,)]
    others = asyncio.ensure_future(take_turns())
    assert len(await store.list_keys()) == 300
    others.cancel()
    assert turns >= 2


# --- What the file lets fall


LOSSY = {
    "audit": ("at REAL NOT NULL", "at REAL NOT NULL UNIQUE ON CONFLICT IGNORE"),
    "keys": ("note TEXT NOT NULL", "note TEXT NOT NULL UNIQUE ON CONFLICT IGNORE"),
}


@pytest.mark.parametrize("table", ["audit", "keys"])
async def test_a_row_that_the_file_lets_fall_fails_the_whole_act(path: Path, table: str) -> None:
    """A file that was prepared so, and put in the store's place by hand."""
    opened = await open_sqlite(path)
    for number in (1, 2):
        await opened.insert(record(f"key_{number}", note=str(number)), Act("create", at=number))
    await opened.close()
    await asyncio.to_thread(remake, path, table, *LOSSY[table])
    opened = await open_sqlite(path)
    before = await opened.list_keys(), await opened.audit()
    told = Act("revoke", at=1.0)
    with pytest.raises(StoreDamaged, match="a row was not written"):
        await opened.update("key_2", lambda key: replace(key, revoked_at=NOW, note="1"), told)
    with pytest.raises(StoreDamaged, match="a row was not written"):
        await opened.insert(record("key_3", note="1"), told)
    with pytest.raises(StoreDamaged, match="a row was not written"):
        await opened.insert_many([WholeKey(record("key_4", note="1"), {})], told)
    assert (await opened.list_keys(), await opened.audit()) == before
    await opened.close()
