"""Guarantees of gateway/admin/late.py: a room opens for its first visitor, who loses nothing by that."""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
import uvloop

from gateway.admin.late import LateRoom, Receive, load_beside

At = tuple[str, int]


class Echo(asyncio.Protocol):
    """Sends back what it hears, until it hears a full stop."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        if data.endswith(b"."):
            self.transport.close()


class Opening:
    """Opens a room when told to; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.failures: list[Exception] = []

    async def __call__(self) -> Receive:
        self.asked += 1
        self.begun.set()
        await self.go_on.wait()
        if self.failures:
            raise self.failures.pop()
        return Echo


@asynccontextmanager
async def opened(room: LateRoom) -> AsyncIterator[At]:
    server = await asyncio.get_running_loop().create_server(room, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await room.settle(1.0)


async def say(at: At, *pieces: bytes) -> bytes:
    """Say these pieces one by one, and hear everything until the other side closes."""
    reader, writer = await asyncio.open_connection(*at)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.01)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is the unit's own
            await asyncio.sleep(0.001)


async def test_a_room_opens_once_for_all_who_come_and_not_before() -> None:
    opening = Opening()
    room = LateRoom("the room", opening)
    async with opened(room) as at:
        assert opening.asked == 0
        early = [asyncio.ensure_future(say(at, b"early.")) for _ in range(3)]
        await until(lambda: len(room._waiting) == 3)
        opening.go_on.set()
        assert await asyncio.gather(*early) == [b"early."] * 3
        assert await say(at, b"late.") == b"late."
    assert opening.asked == 1


async def test_what_is_said_before_and_while_it_opens_arrives_whole_and_in_order() -> None:
    opening = Opening()
    said = [b"one ", b"two ", b"three ", b"x" * 1_000_000, b" end."]
    async with opened(LateRoom("the room", opening)) as at:
        speaking = asyncio.ensure_future(say(at, *said))
        await opening.begun.wait()
        await asyncio.sleep(0.05)
        opening.go_on.set()
        assert await speaking == b"".join(said)


def test_it_hands_over_on_uvloop_as_well() -> None:
    async def speak() -> bytes:
        opening = Opening()
        async with opened(LateRoom("the room", opening)) as at:
            speaking = asyncio.ensure_future(say(at, b"one ", b"two."))
            await opening.begun.wait()
            await asyncio.sleep(0.02)
            opening.go_on.set()
            return await speaking

    assert uvloop.run(speak()) == b"one two."


async def test_a_room_that_cannot_be_opened_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    opening = Opening()
    opening.failures = [ImportError("nothing there")]
    opening.go_on.set()
    async with opened(LateRoom("the room", opening)) as at:
        assert await say(at) == b""
        assert await say(at, b"again.") == b"again."
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "the room could not be loaded")
    assert opening.asked == 2


async def test_who_leaves_before_it_is_open_is_forgotten() -> None:
    opening = Opening()
    room = LateRoom("the room", opening)
    async with opened(room) as at:
        _, writer = await asyncio.open_connection(*at)
        await opening.begun.wait()
        writer.close()
        await until(lambda: not room._waiting)
        opening.go_on.set()
        assert await say(at, b"next.") == b"next."


async def test_who_waits_too_long_at_the_end_is_sent_away() -> None:
    opening = Opening()
    room = LateRoom("the room", opening)
    async with opened(room) as at:
        waiting = asyncio.ensure_future(say(at, b"hello"))
        await opening.begun.wait()
        await room.settle(0.01)
        assert await waiting == b""
        assert await say(at) == b"", "a closed room opens no more"
    assert opening.asked == 1


async def test_a_module_is_loaded_in_another_thread() -> None:
    threads: set[int] = set()

    class Watch:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "json.tool":
                threads.add(threading.get_ident())

    watch = Watch()
    sys.modules.pop("json.tool", None)
    sys.meta_path.insert(0, watch)
    try:
        module = await load_beside("json.tool")
    finally:
        sys.meta_path.remove(watch)
    assert module.json is json
    assert threads
    assert threading.get_ident() not in threads
