"""An upstream that is down, silent, breaks off or talks nonsense: what callers of the real command see.

The conformance suite tries every byte of this on the planes themselves; here the whole program stands
between, with its timeouts from a configuration file, its metrics and its log.
"""

import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from tests.support.raw_caller import RawCaller, call, json_body
from tests.support.raw_connection import eventually
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import ANY_KEY, Home, RunningGateway
from tests.support.scripted_upstream import CLOSE, OK, RESET, Script, ScriptedUpstream, answering, playing

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNK = b"5\r\n12345\r\n"
TWO_LENGTHS = b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"
TIMEOUTS = {"connect": "300ms", "first_byte": "400ms", "idle": "400ms"}


async def silent(connection: object) -> None:
    """Take everything and say nothing."""


@pytest.fixture(scope="module")
def port() -> int:
    """Where the upstream of every test in this file listens."""
    return free_port()


@pytest.fixture(scope="module")
def at_home(port: int, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    put_before(home, port)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: RunningGateway, at_home: Home) -> bytes:
    return at_home.make_key("Patient").encode("ascii")


@pytest.fixture
async def upstream(port: int) -> AsyncIterator[ScriptedUpstream]:
    upstream = ScriptedUpstream(silent)
    upstream.port = port
    await upstream.start()
    yield upstream
    await upstream.stop()


def put_before(home: Home, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    nowhere = {"url": "http://nowhere.invalid", "timeouts": {**TIMEOUTS, "first_byte": "20s"}}
    route = {"id": "nowhere", "path": "/nowhere", "upstream": "nowhere", "scopes": []}
    upstreams = {"main": {"url": url, "timeouts": TIMEOUTS}, "nowhere": nowhere}
    home.configure(url, [*ANY_KEY, route], upstreams=upstreams)


@asynccontextmanager
async def knock(
    gateway: RunningGateway, key: bytes, line: bytes = b"GET /x HTTP/1.1", body: bytes = b""
) -> AsyncIterator[RawCaller]:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    head = b"%b\r\nHost: gate.example\r\nX-API-Key: %b\r\n%b\r\n" % (line, key, length)
    caller = await call("127.0.0.1", gateway.port, head + body)
    yield caller
    caller.transport.abort()
    await caller.until(lambda: caller.is_lost, "the caller is gone")


async def refusal(gateway: RunningGateway, key: bytes) -> tuple[int, str, str]:
    """Status, reason and sentence, which must not tell where the upstream is."""
    async with knock(gateway, key) as caller:
        response = await caller.response()
    error = json_body(response)["error"]
    assert b"127.0.0.1" not in response.body
    assert response.one(b"x-keyhatch-reason") == error["code"].encode("ascii")
    return response.status, error["code"], error["message"]


async def works(gateway: RunningGateway, key: bytes, upstream: ScriptedUpstream) -> bool:
    """Whether the next caller gets an answer, the whole of it and nothing else."""
    upstream.script = answering(OK)
    async with knock(gateway, key) as caller:
        return (await caller.response()).body == b"ok"


@contextmanager
def never_accepting() -> Iterator[int]:
    """The port of a listener whose queue is full, so that the kernel drops whoever knocks."""
    with ExitStack() as doors:
        listener = doors.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = doors.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def counting(gateway: RunningGateway, name: str, **labels: str) -> Iterator[None]:
    """The metric must grow by one."""
    before = gateway.metric(name, **labels)
    yield
    assert gateway.metric(name, **labels) == before + 1


async def test_an_upstream_that_is_down_is_502_at_once_and_200_when_it_is_back(
    gateway: RunningGateway, upstream: ScriptedUpstream, key: bytes
) -> None:
    upstream.stop_listening()
    with counting(gateway, "keyhatch_upstream_errors_total", reason="upstream_unreachable"):
        began = time.monotonic()
        status, reason, message = await refusal(gateway, key)
        assert time.monotonic() - began < 1.0
    assert (status, reason) == (502, "upstream_unreachable")
    assert "cannot be reached. Your key is fine; try again later." in message
    assert gateway.ask_admin("/healthz").status == 200
    await upstream.start()
    assert await works(gateway, key, upstream)


async def test_an_upstream_whose_name_leads_nowhere_is_502(gateway: RunningGateway, key: bytes) -> None:
    with counting(gateway, "keyhatch_upstream_errors_total", reason="upstream_unreachable"):
        async with knock(gateway, key, b"GET /nowhere HTTP/1.1") as caller:
            response = await caller.response(within_s=25)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_unreachable")
    assert b"invalid" not in response.body
    assert gateway.ask_admin("/healthz").status == 200


async def test_an_upstream_that_never_answers_is_504_in_its_time(
    gateway: RunningGateway, upstream: ScriptedUpstream, key: bytes
) -> None:
    with counting(gateway, "keyhatch_upstream_errors_total", reason="upstream_timeout"):
        status, reason, message = await refusal(gateway, key)
    assert (status, reason) == (504, "upstream_timeout")
    assert "did not begin to answer in time" in message
    assert await works(gateway, key, upstream)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue answers with a reset")
async def test_an_upstream_that_takes_no_connection_is_504_in_its_time(home: Home) -> None:
    upstream = ScriptedUpstream(silent)
    with ExitStack() as stack:
        with never_accepting() as port:
            put_before(home, port)
            gateway = stack.enter_context(home.serve())
            key = home.make_key("Any").encode("ascii")
            with counting(gateway, "keyhatch_upstream_errors_total", reason="upstream_timeout"):
                status, reason, message = await refusal(gateway, key)
        upstream.port = port
        await upstream.start()
        assert await works(gateway, key, upstream), "it is used once it takes connections"
        await upstream.stop()
    assert (status, reason) == (504, "upstream_timeout")
    assert "did not accept the connection in time" in message


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(playing(RESET), id="reset"),
        pytest.param(playing(CLOSE), id="closed"),
        pytest.param(playing(b"HTTP/1.1 200 OK\r\nContent-", CLOSE), id="closed-in-the-head"),
        pytest.param(playing(b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE), id="another-protocol"),
        pytest.param(
            playing(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), id="two-lengths"
        ),
        pytest.param(playing(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2_000_000 + b"\r\n\r\n"), id="huge-head"),
    ],
)
async def test_an_upstream_that_gives_no_valid_answer_is_502(
    gateway: RunningGateway, upstream: ScriptedUpstream, key: bytes, script: Script
) -> None:
    upstream.script = script
    before = len(gateway.lines(reason="upstream_protocol"))
    with counting(gateway, "keyhatch_upstream_errors_total", reason="upstream_protocol"):
        status, reason, _ = await refusal(gateway, key)
    assert (status, reason) == (502, "upstream_protocol")
    await eventually(lambda: len(gateway.lines(reason=reason)) == before + 1, "the refusal is logged")
    assert gateway.ask_admin("/healthz").status == 200
    assert await works(gateway, key, upstream)


@pytest.mark.parametrize(
    ("script", "came", "cause"),
    [
        pytest.param(playing(LONG + b"12345", CLOSE), b"12345", "upstream_cut", id="in-a-body"),
        pytest.param(playing(LONG + b"12345", RESET), None, "upstream_cut", id="reset-in-a-body"),
        pytest.param(playing(CHUNKED + b"5\r\n12", CLOSE), b"12", "upstream_cut", id="in-a-chunk"),
        pytest.param(playing(CHUNKED + CHUNK, CLOSE), b"12345", "upstream_cut", id="between-chunks"),
        pytest.param(playing(EVENTS + CHUNK, CLOSE), b"12345", "upstream_cut", id="in-a-stream"),
        pytest.param(playing(CHUNKED + CHUNK), b"12345", "upstream_idle", id="silent-in-a-body"),
    ],
)
async def test_an_upstream_that_dies_in_its_answer_leaves_it_visibly_cut(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    key: bytes,
    request: pytest.FixtureRequest,
    script: Script,
    came: bytes | None,
    cause: str,
) -> None:
    upstream.script = script
    path = f"/{request.node.callspec.id}"
    with counting(gateway, "keyhatch_responses_cut_total", cause=cause):
        async with knock(gateway, key, b"GET %b HTTP/1.1" % path.encode("ascii")) as caller:
            response = await caller.cut_response()
    assert response.status == 200
    assert came is None or response.body == came
    line = await eventually(lambda: gateway.lines(path=path), "the exchange is logged")
    assert [each["cut"] for each in line] == [cause]
    assert await works(gateway, key, upstream)


async def test_a_request_that_may_have_been_carried_out_is_not_sent_twice(
    gateway: RunningGateway, upstream: ScriptedUpstream, key: bytes
) -> None:
    upstream.script = playing(CLOSE)
    async with knock(gateway, key, b"POST /x HTTP/1.1", b"once") as caller:
        assert (await caller.response(b"POST")).status == 502
    assert upstream.the_request().body == b"once"


@pytest.mark.parametrize(
    ("answer", "line", "body"),
    [
        pytest.param(b"", b"GET /x HTTP/1.1", b"", id="before-the-first-byte"),
        pytest.param(EVENTS + b"8\r\ndata: 1\n\r\n", b"GET /x HTTP/1.1", b"", id="streaming"),
        pytest.param(LONG + b"12345", b"POST /x HTTP/1.1", b"ask", id="not-streaming"),
    ],
)
async def test_a_caller_that_leaves_stops_the_upstream_within_a_second(
    gateway: RunningGateway, upstream: ScriptedUpstream, key: bytes, answer: bytes, line: bytes, body: bytes
) -> None:
    upstream.script = None
    before = len(gateway.lines(cut="caller_gone"))
    async with knock(gateway, key, line, body) as caller:
        connection = await upstream.connection()
        await connection.request()
        if answer:
            connection.send(answer)
            await caller.until_received(answer[-5:].strip())
    await connection.until_ended(1.0)
    await eventually(lambda: len(gateway.lines(cut="caller_gone")) == before + 1, "its leaving is logged")
