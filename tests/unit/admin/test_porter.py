"""Guarantees of gateway/admin/porter.py: probes are answered as by the application, the rest is passed on."""

import asyncio
import logging
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvloop
from aiohttp import web

from gateway.admin.app import build_admin_app
from gateway.admin.connection import serving
from gateway.admin.health import Pages
from gateway.admin.late import Receive
from gateway.admin.places import PLACES_MAX
from gateway.admin.porter import Porter
from gateway.core.hosts import Hosts
from gateway.keeper.ports import StoreUnavailable
from gateway.wire.request_head import Limits
from tests.support.raw_caller import call
from tests.unit.admin.conftest import make_pages, speak

LIMITS = Limits(head_timeout_s=0.15, idle_timeout_s=5)
QUICK = Limits(head_timeout_s=5, idle_timeout_s=0.1)
PATIENT = Limits(head_timeout_s=5, idle_timeout_s=60)
ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
READY = LAST.replace(b"healthz", b"readyz")

At = tuple[str, int]


class Beyond(asyncio.Protocol):
    """Stands for the application: says back what it heard, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"<" + data + b">")
        self.transport.close()


class Answered(Beyond):
    """Stands for a request that the application is answering."""

    is_busy = True

    def data_received(self, data: bytes) -> None:
        """Its answer takes long."""


@asynccontextmanager
async def opened(
    pages: Pages | None = None, limits: Limits = LIMITS, receive: Receive = Beyond
) -> AsyncIterator[tuple[Porter, At]]:
    porter = Porter(pages or make_pages(), Hosts(), limits, time.time, receive)
    server = await asyncio.get_running_loop().create_server(porter, "127.0.0.1", 0)
    try:
        yield porter, server.sockets[0].getsockname()
    finally:
        server.close()
        await porter.settle(1.0)


@asynccontextmanager
async def application(pages: Pages) -> AsyncIterator[Receive]:
    runner = web.AppRunner(build_admin_app(pages, Hosts()), access_log=None)
    try:
        yield await serving(runner, LIMITS, time.time)
    finally:
        await runner.cleanup()


async def broken() -> None:
    raise StoreUnavailable("gone")


async def warned() -> str:
    return "reload failed"


def steady(raw: bytes) -> bytes:
    """An answer without what differs from one moment to the next."""
    raw = re.sub(rb"\r\nDate: [^\r]+ GMT\r\n", b"\r\nDate: then\r\n", raw)
    return re.sub(rb"(text/plain[^\r]*\r\nContent-Length: )[0-9]{4}\r", rb"\1many\r", raw)


PROBES = {
    "healthz": LAST,
    "head": LAST.replace(b"GET", b"HEAD"),
    "readyz": READY,
    "head-of-readyz": READY.replace(b"GET", b"HEAD"),
    "kept": ASK + ASK + LAST,
    "kept-in-so-many-words": ASK.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n") + LAST,
    "before-1.1": b"GET /healthz HTTP/1.0\r\n\r\n",
    "kept-before-1.1": b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    b"HEAD /readyz HTTP/1.0\r\n\r\n",
    "closed-before-1.1": b"HEAD /healthz HTTP/1.0\r\nConnection: close\r\nHost: [::1]:8081\r\n\r\n",
    "head-of-metrics": LAST.replace(b"GET /healthz", b"HEAD /metrics"),
}


@pytest.mark.parametrize(
    "checks", [{}, {"store": broken}, {"store": warned}], ids=["none", "broken", "warned"]
)
@pytest.mark.parametrize("name", PROBES)
async def test_a_probe_is_answered_in_the_bytes_of_the_application(name: str, checks: dict[str, Any]) -> None:
    pages = make_pages(checks)
    async with application(pages) as receive, opened(pages) as (_, at):
        server = await asyncio.get_running_loop().create_server(receive, "127.0.0.1", 0)
        theirs = await speak(server.sockets[0].getsockname(), PROBES[name])
        ours = await speak(at, PROBES[name])
        server.close()
    assert theirs.startswith(b"HTTP/1.")
    assert steady(ours) == steady(theirs)


def test_it_answers_and_passes_on_on_uvloop_as_well() -> None:
    async def ask() -> bytes:
        async with opened() as (_, at):
            return await speak(at, ASK, ASK[:30], ASK[30:], b"POST /x HTTP/1.1\r\n", pause_s=0.01)

    raw = uvloop.run(ask())
    assert raw.count(b"HTTP/1.1 200 OK") == 2
    assert raw.endswith(b"<POST /x HTTP/1.1\r\n>")


FOREIGN = {
    "other-request": (b"POST /x HTTP/1.1\r\n", b""),
    "garbage": (b"\x00", b""),
    "foreign-host": (b"GET /healthz HTTP/1.1\r\nHost: evil.test\r\n\r\n", b""),
    "found-late": (b"GET /heal", b"/ HTTP/1.1\r\n"),
}


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("name", FOREIGN)
async def test_what_is_no_probe_is_passed_on_whole_also_behind_probes(name: str, before: int) -> None:
    first, then = FOREIGN[name]
    async with opened() as (porter, at):
        at_once = await speak(at, ASK * before + first + then)
        in_pieces = await speak(at, *[ASK] * before, first, then, pause_s=0.02)
        assert not porter.visits
    for raw in (at_once, in_pieces):
        assert raw.count(b"200 OK") == before
        assert raw.endswith(b"<" + first + then + b">")


async def test_probes_said_at_once_are_answered_in_order_and_none_is_lost() -> None:
    head = ASK.replace(b"GET", b"HEAD")
    async with opened() as (_, at):
        raw = await speak(at, (ASK + head) * 400 + LAST)
    bodies = [part.endswith(b'{"status": "ok"}') for part in raw.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [True, False] * 400 + [True]


async def test_half_a_probe_has_the_heads_deadline_and_dripping_buys_no_time() -> None:
    async with opened() as (_, at):
        begun = time.monotonic()
        caller = await call(*at, b"GET /healthz HTTP/1.1\r\nA: ")

        async def drip() -> None:
            while not caller.is_ended:
                caller.send(b"a")
                await asyncio.sleep(0.01)

        dripping = asyncio.ensure_future(drip())
        answer = await caller.last_response()
        await dripping
        caller.abandon()
        assert time.monotonic() - begun < 3
    assert answer.status == 408
    assert b'"detail": "The request did not arrive within 0.15 seconds."' in answer.body


@pytest.mark.parametrize("said", [b"", ASK], ids=["nothing", "a-probe"])
async def test_who_says_nothing_more_is_let_go(said: bytes) -> None:
    async with opened(limits=QUICK) as (porter, at):
        raw = await speak(at, said)
        assert raw.count(b"200 OK") == bool(said)
        assert not porter.visits


class Pipe:
    """A transport of which a test sees everything."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.reads = True
        self.is_over = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_reading(self) -> bool:
        return self.reads

    def is_closing(self) -> bool:
        return self.is_over

    def close(self) -> None:
        self.is_over = True

    abort = close


def visit(porter: Porter) -> tuple[Any, Pipe]:
    pipe, protocol = Pipe(), porter()
    protocol.connection_made(cast("asyncio.Transport", pipe))
    return protocol, pipe


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_does_not_take_the_answers_is_read_no_more_until_they_do() -> None:
    async with opened() as (porter, _):
        protocol, pipe = visit(porter)
        protocol.data_received(ASK)
        protocol.pause_writing()
        await turns()
        protocol.data_received(ASK + ASK)
        await turns()
        assert (len(pipe.written), pipe.reads) == (1, False)
        protocol.resume_writing()
        await turns()
        assert (len(pipe.written), pipe.reads) == (3, True)


async def test_who_never_takes_the_answers_is_let_go() -> None:
    async with opened(limits=QUICK) as (porter, _):
        protocol, pipe = visit(porter)
        protocol.data_received(ASK)
        await turns()
        protocol.pause_writing()
        async with asyncio.timeout(5):
            while not pipe.is_over:  # noqa: ASYNC110 - the pipe is the test's own
                await asyncio.sleep(0.01)
        protocol.resume_writing()
        protocol.connection_lost(None)


async def test_what_comes_while_a_check_is_asked_waits_unread() -> None:
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    async with opened(make_pages({"store": slow}, deadline_s=5)) as (porter, _):
        protocol, pipe = visit(porter)
        protocol.data_received(READY.replace(b"Connection: close\r\n", b""))
        protocol.data_received(ASK)
        await turns()
        assert (pipe.written, pipe.reads) == ([], False)
        release.set()
        await turns()
        assert [b"ready" in each for each in pipe.written] == [True, False]


async def test_an_accident_is_500_and_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    pages = make_pages()

    async def fall(path: str, accept: str) -> None:
        raise RuntimeError("secret")

    pages.of = fall  # type: ignore[method-assign,assignment]
    async with application(pages) as receive, opened(pages) as (_, at):
        server = await asyncio.get_running_loop().create_server(receive, "127.0.0.1", 0)
        theirs = await speak(server.sockets[0].getsockname(), LAST)
        ours = await speak(at, LAST)
        server.close()
    assert ours.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in ours
    assert steady(ours) == steady(theirs)
    told = {(record.levelno, record.getMessage(), bool(record.exc_info)) for record in caplog.records}
    assert told == {(logging.ERROR, "the admin listener met something unexpected: GET /healthz", True)}
    assert len(caplog.records) == 2


async def test_a_caller_that_leaves_while_a_check_is_asked_leaves_nothing_behind() -> None:
    async with opened(make_pages({"store": asyncio.Event().wait}, deadline_s=5)) as (porter, at):  # type: ignore[dict-item]
        caller = await call(*at, READY)
        async with asyncio.timeout(5):
            while not any(each._answer for each in porter.visits):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            caller.reset()
            while porter.visits:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_at_the_end_idle_connections_close_and_answers_under_way_are_given() -> None:
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    async with opened(make_pages({"store": slow}, deadline_s=5)) as (porter, at):
        (idle, idle_pipe), (late, late_pipe) = visit(porter), visit(porter)
        kept = READY.replace(b"Connection: close\r\n", b"")
        late.data_received(kept)
        await turns()
        ending = asyncio.ensure_future(porter.settle(5.0))
        await turns()
        assert (idle_pipe.is_over, late_pipe.is_over) == (True, False)
        idle.connection_lost(None)
        release.set()
        await ending
        assert late_pipe.written[0].startswith(b"HTTP/1.1 200 OK")
        assert late_pipe.is_over
        late.connection_lost(None)
        assert await speak(at) == b"", "who comes after the end is sent away"


async def test_at_the_end_nobody_is_waited_for_for_ever() -> None:
    async with opened(make_pages({"store": asyncio.Event().wait}, deadline_s=5)) as (porter, at):  # type: ignore[dict-item]
        asking = asyncio.ensure_future(speak(at, READY))
        async with asyncio.timeout(5):
            while not any(each._answer for each in porter.visits):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await porter.settle(0.01)
        assert await asking == b""


@asynccontextmanager
async def sitting(at: At, said: bytes = b"") -> AsyncIterator[list[socket.socket]]:
    """As many connections as there are places, each of which said this."""
    sockets = [socket.create_connection(at) for _ in range(PLACES_MAX)]
    for one in sockets:
        one.setblocking(False)
        one.send(said)
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


async def is_cut(one: socket.socket) -> bool:
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(one, 1), 2) == b""
    except ConnectionResetError:
        return True


async def test_whoever_only_sits_there_makes_room_and_probes_go_on() -> None:
    async with opened(limits=PATIENT) as (_, at), sitting(at) as sockets:
        for _ in range(3):  # one place is enough for who asks and goes
            assert (await speak(at, LAST)).startswith(b"HTTP/1.1 200 OK")
        assert await is_cut(sockets[0])
        with pytest.raises(BlockingIOError):
            sockets[1].recv(1)


async def test_passed_on_connections_that_are_answered_keep_their_places() -> None:
    made: list[Answered] = []

    def receive() -> Answered:
        made.append(Answered())
        return made[-1]

    said = b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with opened(receive=receive) as (_, at), sitting(at, said) as sockets:
        while len(made) < PLACES_MAX:  # noqa: ASYNC110 - what is under way in this loop
            await asyncio.sleep(0)
        late = socket.create_connection(at)
        late.setblocking(False)
        assert await is_cut(late)
        late.close()
        made[0].is_busy = False
        assert (await speak(at, LAST)).startswith(b"HTTP/1.1 200 OK")
        assert await is_cut(sockets[0])
        for one in made[1:]:
            assert not one.transport.is_closing()
            one.transport.abort()
