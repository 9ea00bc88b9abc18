"""Streams: each piece arrives before the next is sent, and a slow reader holds the sender back."""

import hashlib
import random

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, chunked
from tests.support.plane_stand import Stand, request
from tests.support.raw_caller import RawCaller
from tests.support.raw_connection import eventually, steady
from tests.support.scripted_upstream import UpstreamConnection
from tests.support.strict_http import Framing

HEADS = {
    "sse": (b"text/event-stream", b"Transfer-Encoding: chunked\r\n"),
    "ndjson": (b"application/x-ndjson", b"Transfer-Encoding: chunked\r\n"),
    "sse-by-closing": (b"text/event-stream", b""),
    "audio-by-length": (b"audio/mpeg", b"Content-Length: 40\r\n"),
}
PIECES = [b"data: %d\n\n" % number for number in range(4)]


async def begin(
    stand: Stand, framing: bytes = b"Transfer-Encoding: chunked\r\n", kind: bytes = b"text/event-stream"
) -> tuple[RawCaller, UpstreamConnection]:
    """A request whose answer has begun."""
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", EVENTS))
    upstream = await stand.upstream.asked()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n" + framing + b"\r\n")
    await caller.until(caller.peek, "the head")
    return caller, upstream


@pytest.mark.parametrize(("kind", "framing"), HEADS.values(), ids=HEADS)
async def test_each_piece_arrives_before_the_next_is_sent(
    by_hand: Stand, kind: bytes, framing: bytes
) -> None:
    caller, upstream = await begin(by_hand, framing, kind)
    pieces = [piece.ljust(10) for piece in PIECES]
    for number, piece in enumerate(pieces):
        upstream.send(chunked(piece, end=b"") if b"chunked" in framing else piece)
        await caller.until_body(b"".join(pieces[: number + 1]))
    if b"chunked" in framing:
        upstream.send(b"0\r\n\r\n")
    elif not framing:
        upstream.close()
    assert (await caller.response()).one(b"content-type") == kind


async def test_the_head_arrives_before_the_first_piece(by_hand: Stand) -> None:
    caller, upstream = await begin(by_hand)
    response = caller.peek()
    assert response is not None
    assert (response.status, response.framing, response.body) == (200, Framing.CHUNKED, b"")
    upstream.send(chunked())
    assert (await caller.response()).body == b""


async def test_a_piece_of_a_piece_arrives_too(by_hand: Stand) -> None:
    caller, upstream = await begin(by_hand)
    for byte in b"5\r\nhello\r\n":
        upstream.send(bytes([byte]))
    await caller.until_body(b"hello")
    upstream.send(b"A\r\n01234")
    await caller.until_body(b"hello01234")
    upstream.send(b"56789\r\n0\r\n\r\n")
    assert (await caller.response()).body == b"hello0123456789"


async def test_more_than_a_hundred_streams_run_side_by_side(by_hand: Stand) -> None:
    streams = [await begin(by_hand) for _ in range(120)]
    for number, (_, upstream) in enumerate(streams):
        upstream.send(chunked(b"data: %d\n\n" % number, end=b""))
    for number, (caller, _) in enumerate(streams):
        await caller.until_body(b"data: %d\n\n" % number)
    caller = await by_hand.call(request(b"GET /.keyhatch/health HTTP/1.1"))
    assert (await caller.response()).status == 200


async def test_a_stream_outlives_the_time_for_the_first_byte(build: BuildStand) -> None:
    stand = await build(script=None, timeout_first_byte_s=0.1, timeout_idle_s=5)
    caller, upstream = await begin(stand)
    await steady(lambda: len(caller.received), for_s=0.25)
    upstream.send(chunked(b"late"))
    assert (await caller.response()).body == b"late"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_a_slow_reader_holds_the_upstream_back(by_hand: Stand, framing: str) -> None:
    size = 64_000_000
    fields = {
        "chunked": b"Transfer-Encoding: chunked\r\n",
        "length": b"Content-Length: %d\r\n" % size,
        "close": b"",
    }
    caller, upstream = await begin(by_hand, fields[framing])
    caller.stop_reading()
    block = random.Random(framing).randbytes(64_000)
    piece = chunked(block, end=b"") if framing == "chunked" else block
    ending = b"0\r\n\r\n" if framing == "chunked" else b""
    by_hand.task(upstream.send_all(piece * (size // 64_000) + ending))
    written = await steady(lambda: upstream.bytes_sent)
    assert written < size // 2
    caller.go_on_reading()
    await eventually(lambda: upstream.bytes_sent >= size, "everything is sent", within_s=20)
    if framing == "close":
        upstream.close()
    await caller.until(lambda: len(caller.received) > size, "everything is received", within_s=20)
    response = await caller.response()
    assert len(response.body) == size
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(block * (size // 64_000)).digest()


async def test_one_slow_reader_does_not_hold_up_the_others(by_hand: Stand) -> None:
    slow, flooding = await begin(by_hand)
    slow.stop_reading()
    by_hand.task(flooding.send_all(chunked(bytes(64_000), end=b"") * 1_000))
    await steady(lambda: flooding.bytes_sent, for_s=0.1)
    for _ in range(5):
        quick, upstream = await begin(by_hand)
        upstream.send(chunked(b"quick"))
        assert (await quick.response(within_s=1)).body == b"quick"


async def test_a_body_in_single_bytes_arrives_whole(by_hand: Stand) -> None:
    caller, upstream = await begin(by_hand)
    body = bytes(random.Random(1).randbytes(3_000))
    upstream.send(b"".join(chunked(bytes([byte]), end=b"") for byte in body), b"0\r\n\r\n")
    assert (await caller.response()).body == body


async def test_both_ways_at_once(by_hand: Stand) -> None:
    caller = await by_hand.call(request(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: chunked"))
    upstream = await by_hand.upstream.connection()
    await upstream.head()
    upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(3):
        asked, answered = b"question %d" % number, b"answer %d" % number
        caller.send(chunked(asked, end=b""))
        await upstream.until_received(asked)
        upstream.send(chunked(answered, end=b""))
        await caller.until_received(answered)
    caller.send(b"0\r\n\r\n")
    await upstream.request()
    upstream.send(b"0\r\n\r\n")
    assert (await caller.response()).body == b"answer 0answer 1answer 2"
