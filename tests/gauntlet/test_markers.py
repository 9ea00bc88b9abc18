"""No byte of one caller's answer ever reaches another, whatever upstreams and callers do on the connections.

Many callers, each of whose requests carries a marker that the upstream repeats throughout its answer, share
few connections. Callers leave in the middle; the upstream sends more than it announced, answers twice,
storms with interim answers, breaks off. A caller may be told of trouble or be cut, but whatever it is given
of an answer is its own. GAUNTLET_EXCHANGES says how many exchanges each plane makes.
"""

import asyncio
import os
import random
import re
from collections import Counter
from enum import Enum
from typing import Final

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import KEY
from tests.support.strict_http import read_response

EXCHANGES: Final = {"lean": 7_000, "aiohttp": 3_000}
CALLERS: Final = 16
LEAVES_AFTER: Final = 12  # requests on one connection before the caller takes another
WITHIN_S: Final = 10.0
PAUSE_S: Final = 0.002
_MARKER: Final = re.compile(rb"<([0-9]+)>")
_ASKED: Final = re.compile(rb"(?:GET|POST) /any/([a-z-]+)/([0-9]+) HTTP/1\.1\r\n(?:[^\r]+\r\n)*\r\n")
STRAY: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<0000000>"
INTERIM: Final = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


class Way(Enum):
    """How the upstream answers. Those after the first three end the connection, whatever it pretends."""

    LENGTH = "length"
    CHUNKS = "chunks"
    INTERIMS = "interims"
    EXCESS = "excess"
    TWICE = "twice"
    LATE = "late"
    SHORT = "short"
    CLOSING = "closing"
    BROKEN = "broken"


CLEAN: Final = (Way.LENGTH, Way.CHUNKS, Way.INTERIMS)


def answer(way: Way, number: bytes) -> bytes:
    """An answer full of the request's marker."""
    body = b"<%b>" % number * (1 + int(number) % 90)
    whole = b"HTTP/1.1 200 OK\r\nX-Mark: <%b>\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)
    half = len(body) // 2
    if way is Way.CHUNKS:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    if way is Way.CLOSING:
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    return {
        Way.INTERIMS: INTERIM * 20 + whole,
        Way.EXCESS: whole + b"<0000000>",
        Way.TWICE: whole + STRAY,
        Way.SHORT: whole[: -half or None],
        Way.BROKEN: b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n" + body,
    }.get(way, whole)


class Repeater(asyncio.Protocol):
    """The upstream: reads requests without bodies and answers each in the way that its target names."""

    def __init__(self, seen: Counter[str]) -> None:
        self._seen = seen
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while match := _ASKED.match(self._buffer):
            self._buffer = self._buffer[match.end() :]
            self._seen["requests"] += 1
            way, number = Way(match[1].decode()), match[2]
            whole = answer(way, number)
            if int(number) % 3:
                self._write(way, whole)
            else:  # in two parts: whoever leaves in between leaves half an answer on the connection
                self._transport.write(whole[: -len(whole) // 2])
                rest = whole[-len(whole) // 2 :]
                asyncio.get_running_loop().call_later(PAUSE_S, self._write, way, rest)

    def _write(self, way: Way, last: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(last)
        if way is Way.LATE:
            asyncio.get_running_loop().call_soon(self._transport.write, STRAY)
        if way in {Way.SHORT, Way.CLOSING, Way.BROKEN}:
            self._transport.close()


class Visitor(asyncio.Protocol):
    """A caller: keeps what it is given since it last asked."""

    def __init__(self) -> None:
        self.given = bytearray()
        self.is_over = False
        self.transport: asyncio.Transport
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.given += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._news.set()

    async def ask(self, way: Way, number: int, *, patiently: bool) -> bytes:
        """What comes of one request, to its end or (not `patiently`) as soon as anything does."""
        self.given.clear()
        self.transport.write(
            b"GET /any/%b/%d HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\n\r\n" % (way.value.encode(), number, KEY)
        )
        while not self.is_over:
            if self.given and (not patiently or self._is_whole()):
                break
            self._news.clear()
            await self._news.wait()
        return bytes(self.given)

    def _is_whole(self) -> bool:
        response = read_response(bytes(self.given))
        return response is not None and response.is_whole


async def visit(port: int, numbers: list[int], told: Counter[str]) -> None:
    """One caller after the other, each on a connection of its own, asking and sometimes leaving early."""
    chance = random.Random(numbers[0])
    visitor: Visitor | None = None
    left = 0
    for number in numbers:
        if visitor is None or visitor.is_over or not left:
            if visitor is not None:
                visitor.transport.abort()
            _, visitor = await asyncio.get_running_loop().create_connection(Visitor, "127.0.0.1", port)
            left = chance.randint(1, LEAVES_AFTER)
        left -= 1
        way = chance.choice(CLEAN) if chance.random() < 0.7 else chance.choice(list(Way))
        patiently = chance.random() < 0.9
        async with asyncio.timeout(WITHIN_S):
            given = await visitor.ask(way, number, patiently=patiently)
        marks = set(_MARKER.findall(given))
        assert marks <= {b"%d" % number}, f"{number} was given {marks}"
        told["mixed"] += bool(marks - {b"%d" % number})
        told["whole"] += bool(marks) and patiently
        told["left"] += not patiently
        if patiently and way in CLEAN:
            assert marks, f"{number} ({way}) was given {given!r}"
        if not patiently or b"\nconnection: close\r" in given.lower():
            visitor.transport.abort()
            visitor = None
    if visitor is not None:
        visitor.transport.abort()


@pytest.mark.timeout(120)
async def test_nobody_is_given_what_was_meant_for_another(build: BuildStand, plane_name: str) -> None:
    stand = await build()
    seen: Counter[str] = Counter()
    told: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Repeater(seen), "127.0.0.1", 0)
    stand.lead("main", server.sockets[0].getsockname()[1])
    number = int(os.environ.get("GAUNTLET_EXCHANGES", EXCHANGES[plane_name]))
    shares = [list(range(1 + first, 1 + number, CALLERS)) for first in range(CALLERS)]
    try:
        async with asyncio.TaskGroup() as visits:
            for share in shares:
                visits.create_task(visit(stand.port, share, told))
    finally:
        server.close()
    assert told["mixed"] == 0
    assert told["whole"] > number // 2
    assert told["left"] > number // 20
    assert seen["connections"] < seen["requests"] // 2, "connections are used again"
