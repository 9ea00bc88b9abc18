"""Guarantees of gateway/admin/listener.py: its address is taken at once, the rest loaded when asked for."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from gateway.admin.app import build_admin_app
from gateway.admin.listener import AdminListener
from gateway.metrics import Metrics
from gateway.wire.request_head import Limits
from tests.unit.metrics.conftest import SetClock

LIMITS = Limits(head_bytes_max=4_096, fields_max=20, head_timeout_s=0.1, idle_timeout_s=5)
ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def app() -> web.Application:
    return build_admin_app({}, Metrics(version="1", plane="lean", clock=SetClock()))


def listening(build: Callable[[], web.Application] = app) -> AdminListener:
    return AdminListener(build, LIMITS, lambda: 0.0)


async def ask(at: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*at)
    writer.write(ASK)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


async def test_the_application_is_made_once_and_not_before_somebody_asks() -> None:
    built: list[web.Application] = []

    def build() -> web.Application:
        built.append(app())
        return built[-1]

    listener = listening(build)
    at = await listener.start("127.0.0.1", 0)
    assert built == []
    answers = [*await asyncio.gather(ask(at), ask(at)), await ask(at)]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 3
    assert len(built) == 1
    await listener.stop()


async def test_who_asks_while_it_stops_is_answered() -> None:
    listener = listening()
    at = await listener.start("127.0.0.1", 0)
    asking = asyncio.ensure_future(ask(at))
    while not listener._room._waiting:  # noqa: ASYNC110 - the room is the unit's own
        await asyncio.sleep(0)
    await listener.stop()
    assert (await asking).startswith(b"HTTP/1.1 200 OK")


async def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open() -> None:
    first, second = listening(), listening()
    at = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="address already in use"):
        await second.start(*at)
    await second.stop()
    await first.stop()


async def test_after_stopping_nobody_listens() -> None:
    listener = listening()
    where = await listener.start("127.0.0.1", 0)
    await listener.stop()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(*where)
