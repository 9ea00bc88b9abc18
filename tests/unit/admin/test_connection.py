"""Guarantees of gateway/admin/connection.py: what arrives is answered in one form, in time, and quietly."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadStatusLine

from gateway.admin.app import build_admin_app
from gateway.admin.connection import AdminConnection, serving
from gateway.core.hosts import Hosts
from gateway.wire.request_head import Limits
from tests.support.raw_caller import call
from tests.unit.admin.conftest import make_pages, speak
from tests.unit.service.houses import until

LIMITS = Limits(head_bytes_max=4_096, fields_max=20, head_timeout_s=0.1, idle_timeout_s=5)
LARGE = 20_000_000
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(0.25)
    return web.json_response(len(await request.read()))


async def unread(_request: web.Request) -> web.Response:
    return web.json_response("not read")


async def fall(_request: web.Request) -> None:
    raise RuntimeError("secret")


@pytest.fixture
async def at() -> AsyncIterator[tuple[str, int]]:
    app = build_admin_app(make_pages(), Hosts())
    app.router.add_post("/slow", slow)
    app.router.add_post("/unread", unread)
    app.router.add_post("/odd", unread, expect_handler=fall)
    runner = web.AppRunner(app, access_log=None)
    receive = await serving(runner, LIMITS, lambda: 1_800_000_000.0)
    server = await asyncio.get_running_loop().create_server(receive, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    await runner.cleanup()


def read(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, fields by lower-case name, and the body."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *fields = head.decode("ascii").split("\r\n")
    pairs = (field.partition(": ") for field in fields)
    return int(line.split()[1]), {name.lower(): value for name, _, value in pairs}, body


TLS = bytes.fromhex("16030100f8010000f40303") + b"\x01" * 64 + b"\r\n\r\n"
UNREADABLE = {
    "garbage": (b"garbage\r\n\r\n", 400, "its head cannot be parsed"),
    "tls": (TLS, 400, "this looks like TLS"),
    "broken-field": (b"GET /healthz HTTP/1.1\r\nA B: c\r\n\r\n", 400, "its head cannot be parsed"),
    "long-line": (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n\r\n", 431, None),
    "many-fields": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30 + b"\r\n", 431, None),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_request_is_answered_with_a_problem_and_no_traceback(
    at: tuple[str, int], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    sent, expected, detail = UNREADABLE[name]
    status, fields, body = read(await speak(at, sent))
    assert (status, fields["content-type"]) == (expected, "application/problem+json")
    told = json.loads(body)
    assert told["status"] == expected
    assert (detail or "") in told.get("detail", "")
    assert (fields["cache-control"], fields["connection"], fields["date"]) == ("no-store", "close", DATE)
    assert int(fields["content-length"]) == len(body)
    assert "server" not in fields
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/healthz", "/nowhere"])
async def test_an_expectation_that_nobody_meets_is_a_problem(at: tuple[str, int], path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 200-maybe\r\nConnection: close\r\n\r\n"
    status, fields, body = read(await speak(at, asked.encode()))
    assert (status, fields["content-type"]) == (417, "application/problem+json; charset=utf-8")
    assert json.loads(body)["status"] == 417
    assert fields["cache-control"] == "no-store"
    assert "server" not in fields
    assert "date" in fields


@pytest.mark.parametrize("begun", [b"G", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"])
async def test_a_head_that_does_not_arrive_in_time_is_refused(at: tuple[str, int], begun: bytes) -> None:
    status, fields, body = read(await speak(at, begun))
    assert (status, fields["connection"]) == (408, "close")
    assert json.loads(body)["detail"] == "The request did not arrive within 0.1 seconds."


async def test_dripping_bytes_do_not_buy_a_head_more_time(at: tuple[str, int]) -> None:
    caller = await call(*at, b"GET / HTTP/1.1\r\nA: ")

    async def drip() -> None:
        while not caller.is_ended:
            caller.send(b"a")
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    assert (await caller.last_response()).status == 408
    await dripping
    caller.abandon()


async def test_the_head_alone_has_that_deadline(at: tuple[str, int]) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    assert read(await speak(at, head, b"ab", b"cd", pause_s=0.15))[::2] == (200, b"4")


async def test_a_connection_serves_one_request_after_the_other(at: tuple[str, int]) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    raw = await speak(at, ask, ask, last, pause_s=0.12)
    assert raw.count(b"HTTP/1.1 200 OK") == 3
    assert b"408" not in raw


async def test_a_body_that_nobody_read_is_not_the_beginning_of_a_head(at: tuple[str, int]) -> None:
    head = b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    raw = await speak(at, head, b"ab", b"cd", b"ef", b"", b"", b"", ask, pause_s=0.06)
    assert (raw.count(b"HTTP/1.1 200 OK"), raw.count(b"408")) == (2, 0)


async def test_an_accident_outside_the_application_is_logged_and_not_explained(
    at: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    asked = b"POST /odd HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    raw = await speak(at, asked)
    assert read(raw)[0] == 500
    assert b"secret" not in raw
    (record,) = caplog.records
    assert (record.levelno, record.exc_info is None) == (logging.ERROR, False)


async def test_a_caller_that_leaves_amid_its_head_leaves_nothing_behind(
    at: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caller = await call(*at, b"GET /")
    caller.reset()
    await asyncio.sleep(0.15)
    assert caplog.records == []


async def test_a_connection_that_is_gone_is_answered_with_nothing() -> None:
    async def served(_request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError

    connection = AdminConnection(web.Server(served), LIMITS, lambda: 0.0)
    answer = connection.handle_error(None, 400, BadStatusLine(""))  # type: ignore[arg-type]
    assert not answer.keep_alive


@pytest.mark.parametrize("takes", [0, LARGE // 50])
async def test_who_does_not_take_an_answer_is_left_who_is_slow_is_served(takes: int) -> None:
    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(LARGE))

    app = build_admin_app(make_pages(), Hosts())
    app.router.add_get("/large", large)
    runner = web.AppRunner(app, access_log=None)
    receive = await serving(runner, replace(LIMITS, idle_timeout_s=0.2), lambda: 0.0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(receive, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as caller:
        caller.setblocking(False)
        caller.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        served = runner.server
        assert served is not None
        await until(lambda: served.connections, "the caller is there")
        received = 0
        while takes and received < LARGE:
            received += len(await loop.sock_recv(caller, takes))
            await asyncio.sleep(0.01)
        await until(lambda: not served.connections, "the connection is over")
    server.close()
    await runner.cleanup()
