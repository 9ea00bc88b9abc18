"""SIGTERM under load (F3): what was read is answered whole, what was not is untouched; streams finish.

Callers keep asking on kept connections and on new ones until nobody listens any more, and SIGTERM comes in
the middle. Each of their requests carries a number, and three books are compared: what the caller saw, what
the gateway logged, what the upstream was asked.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import pytest

from tests.faults.conftest import on_plane
from tests.support.http_samples import chunked
from tests.support.plane_stand import Stand, request
from tests.support.raw_caller import RawCaller, call
from tests.support.raw_connection import eventually, steady
from tests.support.running_gateway import Home, RunningGateway
from tests.support.scripted_upstream import ScriptedUpstream, UpstreamConnection

CALLERS = 24
STREAMS = 6
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Books:
    """What became of each request, by its number, as its caller saw it."""

    def __init__(self) -> None:
        self.asked = 0
        self.whole: set[int] = set()
        self.untouched: set[int] = set()
        self.broken: dict[int, str] = {}

    def number(self) -> int:
        """A number for one more request."""
        self.asked += 1
        return self.asked


async def answer_slowly(connection: UpstreamConnection) -> None:
    """Say what was asked for, after a turn of the loop; a stream goes on until it is told to end."""
    while True:
        asked = await connection.request(within_s=60)
        if asked.target == b"/stream":
            connection.send(EVENTS + chunked(b"data: begun\n\n", end=b""))
            return
        await asyncio.sleep(0.002)
        body = asked.target + b" " + asked.body
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    upstream = ScriptedUpstream(answer_slowly)
    await upstream.start()
    yield upstream
    await upstream.stop()


def ask(number: int, key: str) -> bytes:
    head = f"POST /n/{number} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 4\r\n\r\n"
    return head.encode("ascii") + b"body"


async def keep_asking(port: int, key: str, books: Books, *, on_one_connection: bool) -> None:
    """Ask again and again, until a new connection is refused."""
    caller: RawCaller | None = None
    while True:
        try:
            caller = caller or await call("127.0.0.1", port)
        except OSError:
            return
        number = books.number()
        kept = await ask_once(caller, number, key, books)
        if not (kept and on_one_connection):
            await let_go(caller)
            caller = None


async def let_go(caller: RawCaller) -> None:
    caller.abandon()
    await caller.until(lambda: caller.is_lost, "the caller is gone")


async def ask_once(caller: RawCaller, number: int, key: str, books: Books) -> bool:
    """One request; whether its connection may carry another."""
    caller.send(ask(number, key))

    def over() -> bool:
        response = caller.peek(b"POST", at_end=False)
        return caller.is_ended or (response is not None and response.is_whole)

    await caller.until(over, "an answer or an end", within_s=20)
    response = caller.peek(b"POST", at_end=False)
    if response is None:
        books.untouched.add(number)
        return False
    expected = b"/n/%d body" % number
    if not response.is_whole or (response.status, response.body) != (200, expected):
        books.broken[number] = f"{response.status} {response.body!r} whole: {response.is_whole}"
        return False
    books.whole.add(number)
    caller.taken += response.size
    return response.one(b"connection") != b"close" and not caller.is_ended


def numbers(paths: list[str]) -> set[int]:
    return {int(match[1]) for path in paths if (match := re.fullmatch(r"/n/(\d+)", path))}


@pytest.mark.parametrize("turn", range(2))
async def test_under_load_no_request_that_was_read_fails_and_streams_finish(
    home: Home, upstream: ScriptedUpstream, served_plane: str, turn: int
) -> None:
    home.configure(
        f"http://127.0.0.1:{upstream.port}", server=on_plane(served_plane), keys={"last_used_flush": "10m"}
    )
    key = home.make_key("Busy")
    books = Books()
    with home.serve() as gateway:
        streams = [await stream(gateway, key) for _ in range(STREAMS)]
        load = [
            asyncio.ensure_future(keep_asking(gateway.port, key, books, on_one_connection=bool(number % 3)))
            for number in range(CALLERS)
        ]
        await eventually(lambda: len(books.whole) > 200 + 37 * turn, "the load is on", 20)
        gateway.signal(signal.SIGTERM)
        await asyncio.gather(*load)
        await finish(streams, upstream)
        assert await asyncio.to_thread(gateway.end) == 0
        compare(books, gateway, upstream)
    [record] = home.manage(lambda desk: desk.list_keys())
    assert record.use_count == len(books.whole) + STREAMS, "each use was written at the end"


async def stream(gateway: RunningGateway, key: str) -> RawCaller:
    """An event stream under way."""
    head = f"GET /stream HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n"
    caller = await call("127.0.0.1", gateway.port, head.encode("ascii"))
    await caller.until_received(b"begun")
    return caller


async def finish(streams: list[RawCaller], upstream: ScriptedUpstream) -> None:
    """Let them end by themselves, after everything else has."""
    for connection in upstream.connections:
        if any(each.target == b"/stream" for each in connection.requests()):
            connection.send(chunked(b"data: the end\n\n"))
    for caller in streams:
        assert (await caller.response()).body == b"data: begun\n\ndata: the end\n\n"
        await let_go(caller)


def compare(books: Books, gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """The three books agree."""
    assert books.broken == {}
    logged = numbers([str(line.get("path")) for line in gateway.lines()])
    seen = [each.target.decode("ascii") for each in upstream.requests()]
    assert numbers(seen) == books.whole, "what reached the upstream was answered, and only that"
    assert logged == books.whole, "what was read was answered"
    assert len([path for path in seen if path.startswith("/n/")]) == len(books.whole), "each of them once"
    assert len(books.whole) + len(books.untouched) == books.asked
    assert len(books.untouched) <= 2 * CALLERS


@pytest.mark.parametrize(
    "half", [b"G", b"GET /any/x HTTP/1.1\r\nHost: gate", None], ids=["a-byte", "half", "all-but-one"]
)
async def test_a_request_whose_head_has_begun_is_answered(stand: Stand, half: bytes | None) -> None:
    whole = request(b"GET /any/x HTTP/1.1")

    half = whole[:-1] if half is None else half
    assert whole.startswith(half)
    caller = await stand.call(half)
    await eventually(lambda: len(stand.plane.connections.open) == 1, "the caller is there")
    await steady(lambda: len(caller.received), for_s=0.05)
    draining = asyncio.ensure_future(stand.plane.drain(5))
    await steady(lambda: len(caller.received), for_s=0.05)
    caller.send(whole[len(half) :])
    assert (await caller.last_response()).body == b"ok"
    await asyncio.wait_for(draining, 1)


async def test_a_head_that_goes_no_further_holds_nobody_up_for_long(stand: Stand) -> None:
    caller = await stand.call(b"GET /any/x HTT")
    await eventually(lambda: len(stand.plane.connections.open) == 1, "the caller is there")
    await steady(lambda: len(caller.received), for_s=0.05)
    await asyncio.wait_for(stand.plane.drain(30), 3)
    await caller.until_ended(within_s=1)
    stand.assert_untouched()
