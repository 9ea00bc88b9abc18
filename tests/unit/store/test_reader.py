"""Guarantees of gateway/store/reader.py: a disk that hangs gathers no work without end, and answers go on."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store.connection import connect
from gateway.store.faults import StoreBusy
from gateway.store.reader import WAITING_MAX, Reader
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.records import NOW, digest, record

ROOM = 3


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteKeyStore]:
    """A store with one key, and room for three look-ups at a time."""
    opened = await open_sqlite(path)
    await opened.insert(record())
    opened._reader._waiting_max = ROOM
    yield opened
    await opened.close()


@pytest.fixture
async def disk(store: SqliteKeyStore) -> AsyncIterator[threading.Event]:
    """The disk: a look-up made by `hang` waits for it until it is set."""
    answers = threading.Event()
    await store._reader._connection._driver.create_function("hang", 0, lambda: answers.wait(20))
    yield answers
    answers.set()


def hang(store: SqliteKeyStore) -> asyncio.Future[Any]:
    return asyncio.ensure_future(store._reader.fetch("SELECT hang()"))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)


async def test_look_ups_that_nobody_waits_for_any_more_do_not_pile_up(
    store: SqliteKeyStore, disk: threading.Event
) -> None:
    left = [hang(store), *(asyncio.ensure_future(store.find_by_digest(b"?" * 32)) for _ in range(ROOM - 1))]
    await asyncio.sleep(0)
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for act in (
        lambda: store.find_by_digest(digest("key_1")),
        lambda: store.get("key_1"),
        store.list_keys,
        lambda: store.count_by_status(NOW),
        store.check,
    ):
        with pytest.raises(StoreBusy, match=r"keys\.db does not keep up, 3 look-ups wait for it"):
            await act()
    disk.set()
    await until(lambda: not store._reader._waiting)
    assert await store.find_by_digest(digest("key_1")) == record()


async def test_look_ups_within_the_bound_wait_and_are_answered(
    store: SqliteKeyStore, disk: threading.Event
) -> None:
    waiting = [hang(store), *(asyncio.ensure_future(store.get("key_1")) for _ in range(ROOM - 1))]
    await asyncio.sleep(0)
    disk.set()
    assert await asyncio.gather(*waiting) == [[(1,)], record(), record()]


async def test_a_write_goes_on_while_look_ups_hang(store: SqliteKeyStore, disk: threading.Event) -> None:
    waiting = hang(store)
    await store.insert(record("key_2"))
    assert not waiting.done()
    disk.set()
    await waiting


async def test_trouble_with_a_look_up_that_nobody_waits_for_is_nobodys(
    store: SqliteKeyStore, disk: threading.Event
) -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    waiting, failing = hang(store), asyncio.ensure_future(store._reader.fetch("SELECT nonsense"))
    await asyncio.sleep(0)
    failing.cancel()
    await asyncio.gather(failing, return_exceptions=True)
    disk.set()
    await waiting
    await until(lambda: not store._reader._waiting)
    del failing
    gc.collect()  # asyncio complains when it throws a task away
    assert troubles == []


async def test_a_reader_has_room_for_a_burst_of_new_callers(path: Path) -> None:
    await (await open_sqlite(path)).close()
    reader = Reader(path, await connect(path, busy_timeout_s=1, can_write=False))
    burst = await asyncio.gather(*(reader.fetch("SELECT 1") for _ in range(WAITING_MAX)))
    assert burst == [[(1,)]] * WAITING_MAX
    await reader.close()
