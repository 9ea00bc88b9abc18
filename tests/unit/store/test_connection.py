"""Guarantees of gateway/store/connection.py: transactions are whole, errors are outages."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store.connection import Connection, connect
from gateway.store.faults import StoreConflict, StoreForeign, StoreReadOnly


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE numbers (number INTEGER UNIQUE)")


@pytest.fixture
async def connection(path: Path) -> AsyncIterator[Connection]:
    make_database(path)
    opened = await connect(path, busy_timeout_s=0.1, can_write=True)
    yield opened
    await opened.close()


async def numbers(connection: Connection) -> list[int]:
    return [number for (number,) in await connection.fetch("SELECT number FROM numbers ORDER BY number")]


async def test_a_transaction_that_ends_well_is_kept(connection: Connection) -> None:
    async with connection.transaction():
        await connection.run_many("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
    assert await numbers(connection) == [1, 2]


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
async def test_whatever_is_raised_in_a_transaction_undoes_it(
    connection: Connection, error: type[BaseException]
) -> None:
    async def write_and_break() -> None:
        async with connection.transaction():
            await connection.fetch("INSERT INTO numbers VALUES (?)", (1,))
            raise error

    with pytest.raises(error):
        await write_and_break()
    assert await numbers(connection) == []
    async with connection.transaction():
        await connection.fetch("INSERT INTO numbers VALUES (?)", (2,))


async def test_an_error_of_a_statement_undoes_the_transaction(connection: Connection) -> None:
    with pytest.raises(StoreConflict):
        async with connection.transaction():
            await connection.run_many("INSERT INTO numbers VALUES (?)", [(1,), (1,)])
    assert await numbers(connection) == []


async def test_a_task_cancelled_twice_leaves_no_open_transaction(connection: Connection) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with connection.transaction():
            await connection.fetch("INSERT INTO numbers VALUES (?)", (1,))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(write())
    await written.wait()
    assert await numbers(connection) == [1]
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert await numbers(connection) == []
    async with connection.transaction():
        pass


async def test_a_file_that_is_not_there_is_not_made_and_leaves_no_thread(path: Path) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await connect(path, busy_timeout_s=0.1, can_write=True)
    assert not is_there(path)
    assert set(threading.enumerate()) <= threads


async def test_a_connection_that_cannot_be_set_up_leaves_no_thread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("at the first statement")

    make_database(path)
    monkeypatch.setattr(Connection, "fetch", fail)
    threads = set(threading.enumerate())
    with pytest.raises(StoreUnavailable, match="at the first statement"):
        await connect(path, busy_timeout_s=0.1, can_write=True)
    await until(lambda: set(threading.enumerate()) <= threads)


async def test_a_file_of_another_kind_is_refused_and_leaves_no_thread(path: Path) -> None:
    write_prose(path)
    threads = set(threading.enumerate())
    with pytest.raises(StoreForeign):
        await connect(path, busy_timeout_s=0.1, can_write=True)
    await until(lambda: set(threading.enumerate()) <= threads)


def is_there(path: Path) -> bool:
    return path.exists()


def write_prose(path: Path) -> None:
    path.write_text("This is not a database. " * 100)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)


async def test_a_reading_connection_cannot_write(connection: Connection, path: Path) -> None:
    reader = await connect(path, busy_timeout_s=0.1, can_write=False)
    with pytest.raises(StoreReadOnly):
        await reader.fetch("INSERT INTO numbers VALUES (1)")
    await reader.close()


async def test_a_closed_connection_answers_with_an_outage(connection: Connection) -> None:
    await connection.close()
    await connection.close()
    with pytest.raises(StoreUnavailable):
        await connection.fetch("SELECT 1")
    with pytest.raises(StoreUnavailable):
        async with connection.transaction():
            pass


async def test_values_travel_beside_the_statement(connection: Connection) -> None:
    hostile = "1); DROP TABLE numbers; --"
    assert await connection.fetch("SELECT ?", (hostile,)) == [(hostile,)]
    assert await connection.fetch("SELECT :name", {"name": hostile}) == [(hostile,)]
