"""Guarantees of gateway/admin/listener.py: its address is taken at once, the rest loaded when asked for."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from gateway.admin.app import build_admin_app
from gateway.admin.health import Pages
from gateway.admin.listener import AdminListener
from gateway.core.hosts import Hosts
from gateway.wire.request_head import Limits
from tests.unit.admin.conftest import make_pages, speak

LIMITS = Limits(head_bytes_max=4_096, fields_max=20, head_timeout_s=0.1, idle_timeout_s=5)
ASK = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PROBE = ASK.replace(b"/nothing", b"/healthz")


Build = Callable[[Pages, Hosts], web.Application]


def listening(build: Build = build_admin_app) -> AdminListener:
    return AdminListener(build, make_pages(), LIMITS, lambda: 0.0)


async def test_the_application_is_made_once_and_not_before_somebody_asks() -> None:
    built: list[web.Application] = []

    def build(pages: Pages, hosts: Hosts) -> web.Application:
        built.append(build_admin_app(pages, hosts))
        return built[-1]

    listener = listening(build)
    at = await listener.start("127.0.0.1", 0)
    assert (await speak(at, PROBE)).startswith(b"HTTP/1.1 200 OK")
    assert built == []
    answers = [*await asyncio.gather(speak(at, ASK), speak(at, ASK)), await speak(at, ASK)]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 404 Not Found"] * 3
    assert len(built) == 1
    await listener.stop()


async def test_who_asks_while_it_stops_is_answered() -> None:
    listener = listening()
    at = await listener.start("127.0.0.1", 0)
    asking = asyncio.ensure_future(speak(at, ASK))
    while not listener._room._waiting:  # noqa: ASYNC110 - the room is the unit's own
        await asyncio.sleep(0)
    await listener.stop()
    assert (await asking).startswith(b"HTTP/1.1 404 Not Found")


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
