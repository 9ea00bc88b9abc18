"""An upstream that is down, silent, resets, talks nonsense or dies half-way: said, or visibly cut."""

import socket

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import KEY, Stand, request
from tests.support.raw_connection import steady
from tests.support.scripted_upstream import CLOSE, END, OK, RESET, Step, playing

HEAD = b"HTTP/1.1 200 OK\r\n"
BY_LENGTH = HEAD + b"Content-Length: 10\r\n\r\n"
IN_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

PROTOCOL = {
    "closes-at-once": [CLOSE],
    "ends-at-once": [END],
    "resets-at-once": [RESET],
    "closes-in-the-status-line": [b"HTTP/1.1 20", CLOSE],
    "closes-in-the-head": [HEAD + b"Content-Le", CLOSE],
    "resets-in-the-head": [HEAD + b"Content-Le", RESET],
    "closes-after-an-interim-answer": [b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE],
    "garbage": [b"garbage\r\n\r\n", CLOSE],
    "garbage-that-stays": [b"garbage\r\n\r\n"],
    "binary": [bytes(range(256)), CLOSE],
    "tls": [bytes.fromhex("15030100020228"), CLOSE],
    "html": [b"<html>hello</html>\r\n\r\n", CLOSE],
    "empty-lines": [b"\r\n\r\n\r\n", CLOSE],
    "http-0.9": [b"just text", CLOSE],
    "http-9.9": [b"HTTP/9.9 200 OK\r\n\r\n", CLOSE],
    "http-2": [b"HTTP/2.0 200 OK\r\n\r\n", CLOSE],
    "other-protocol": [b"ICY 200 OK\r\n\r\n", CLOSE],
    "no-status": [b"HTTP/1.1 OK\r\n\r\n", CLOSE],
    "short-status": [b"HTTP/1.1 20 OK\r\n\r\n", CLOSE],
    "long-status": [b"HTTP/1.1 2000 OK\r\n\r\n", CLOSE],
    "status-zero": [b"HTTP/1.1 000 OK\r\n\r\n", CLOSE],
    "status-with-letters": [b"HTTP/1.1 2x0 OK\r\n\r\n", CLOSE],
    "two-lengths": [HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"],
    "length-list": [HEAD + b"Content-Length: 2, 3\r\n\r\nabc"],
    "length-word": [HEAD + b"Content-Length: two\r\n\r\nab"],
    "length-plus": [HEAD + b"Content-Length: +2\r\n\r\nab"],
    "length-minus": [HEAD + b"Content-Length: -2\r\n\r\nab"],
    "length-hex": [HEAD + b"Content-Length: 0x2\r\n\r\nab"],
    "length-too-long": [HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nab"],
    "length-and-chunks": [HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"ab")],
    "chunks-and-length": [HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" + chunked(b"ab")],
    "unknown-coding": [HEAD + b"Transfer-Encoding: xyz\r\n\r\nab", CLOSE],
    "coding-twice": [HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked(b"ab"), CLOSE],
    "gzip-coding": [HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(b"ab"), CLOSE],
    "space-before-colon": [HEAD + b"Content-Length : 2\r\n\r\nab"],
    "no-colon": [HEAD + b"Content-Length\r\n\r\n", CLOSE],
    "empty-name": [HEAD + b": x\r\n\r\n", CLOSE],
    "nul-in-value": [HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n"],
    "nul-in-name": [HEAD + b"X\x00A: b\r\nContent-Length: 0\r\n\r\n"],
    "cr-in-value": [HEAD + b"X-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
    "cr-in-reason": [b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"],
    "huge-header": [HEAD + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n", CLOSE],
    "huge-reason": [b"HTTP/1.1 200 " + b"a" * 1_000_000 + b"\r\n\r\n", CLOSE],
    "ten-thousand-headers": [HEAD + b"X-A: b\r\n" * 10_000 + b"\r\n", CLOSE],
    "endless-status-line": [b"H" * 3_000_000],
}


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("steps", PROTOCOL.values(), ids=PROTOCOL)
async def test_an_answer_that_is_no_http_becomes_502(
    build: BuildStand, steps: list[Step], method: bytes
) -> None:
    stand = await build(script=playing(*steps), timeout_first_byte_s=2)
    caller = await stand.call(request(method + b" /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")
    assert b"127.0.0.1:" not in response.body
    assert response.all(b"set-cookie") == []
    assert (await stand.exchange()).reason == "upstream_protocol"
    for connection in stand.upstream.connections:
        await connection.until_ended(within_s=1)
    caller.send(request(b"GET /.keyhatch/health HTTP/1.1"))
    assert (await caller.response()).status == 200


TOLERATED = {
    "same-length-twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "nul-in-reason": b"HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nab",
    "underscore": HEAD + b"X_A: b\r\nContent-Length: 2\r\n\r\nab",
}


@pytest.mark.parametrize("sent", TOLERATED.values(), ids=TOLERATED)
async def test_what_has_one_reading_only_may_be_passed_on_but_cleanly(build: BuildStand, sent: bytes) -> None:
    stand = await build(script=playing(sent, CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert response.status in (200, 502)
    if response.status == 200:
        assert response.body == b"ab"
    caller.send(request(b"GET /.keyhatch/health HTTP/1.1"))
    assert (await caller.response()).status == 200


LOOSE = {
    "folded": HEAD + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nab",
    "folded-length": HEAD + b"Content-Length:\r\n 2\r\n\r\nab",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
    "one-bare-lf": HEAD + b"X-A: b\nContent-Length: 2\r\n\r\nab",
    "bare-lf-at-the-end": HEAD + b"Content-Length: 2\r\n\nab",
}


@pytest.mark.differs("aiohttp", "an upstream's loose head")
@pytest.mark.parametrize("sent", LOOSE.values(), ids=LOOSE)
async def test_a_head_that_only_lenient_readers_accept_becomes_502(build: BuildStand, sent: bytes) -> None:
    """RFC 9112 §2.2 and §5.2 let a recipient mend it; two that mend it differently read two messages."""
    stand = await build(script=playing(sent, CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")


@pytest.mark.parametrize("sent", LOOSE.values(), ids=LOOSE)
async def test_a_loose_head_of_an_upstream_is_never_passed_on_as_it_is(
    build: BuildStand, sent: bytes
) -> None:
    stand = await build(script=playing(sent, CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert response.status in (200, 502)
    if response.status == 200:
        assert (response.body, response.one(b"content-length")) == (b"ab", b"2")
    caller.send(request(b"GET /.keyhatch/health HTTP/1.1"))
    assert (await caller.response()).status == 200


STORMS = [b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, b"HTTP/1.1 103 x\r\nLink: y\r\n\r\n" * 20_000]


@pytest.mark.parametrize("storm", STORMS, ids=["100", "103"])
async def test_a_storm_of_interim_answers_changes_nothing(build: BuildStand, storm: bytes) -> None:
    stand = await build(script=playing(storm, OK))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.status, response.interim) in ((200, ()), (502, ()))


CUTS = {
    "length-nothing": [BY_LENGTH],
    "length-half": [BY_LENGTH, b"half"],
    "length-but-one": [BY_LENGTH, b"123456789"],
    "chunks-nothing": [IN_CHUNKS],
    "chunks-one": [IN_CHUNKS, chunked(b"half", end=b"")],
    "chunks-in-a-size": [IN_CHUNKS, chunked(b"half", end=b"1")],
    "chunks-in-a-chunk": [IN_CHUNKS, b"a\r\nhalf"],
    "chunks-before-the-last-line": [IN_CHUNKS, chunked(b"half", end=b"0\r\n")],
    "chunks-in-a-trailer": [IN_CHUNKS, chunked(b"half", end=b"0\r\nX-A")],
    "events": [
        HEAD
        + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(b"data", end=b"")
    ],
}
WAYS = {"closes": CLOSE, "ends": END, "resets": RESET}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_body_that_is_cut_upstream_is_visibly_cut(
    build: BuildStand, steps: list[bytes], way: str, version: bytes
) -> None:
    stand = await build(script=None)
    caller = await stand.call(request(b"GET /any/x HTTP/" + version))
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(*steps)
    await caller.until(lambda: b"\r\n\r\n" in caller.received, "the head")
    upstream.play(WAYS[way])
    if version == b"1.0" and b"chunked" in steps[0]:
        await caller.until_ended(within_s=1)
        assert caller.was_reset, "without framing only a reset tells a cut from an end"
    else:
        response = await caller.cut_response(within_s=1)
        assert response.status == 200
    told = await stand.exchange()
    assert (told.status, told.cut) == (200, "upstream_cut")


BROKEN_CHUNKS = {
    "no-hex": b"x\r\nabc\r\n",
    "longer-than-it-says": b"2\r\nabcdef\r\n0\r\n\r\n",
    "minus": b"-1\r\nabc\r\n",
    "beyond-64-bits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "nul": b"\x00\r\n",
}


@pytest.mark.parametrize("broken", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
async def test_broken_chunks_of_the_upstream_never_end_cleanly(by_hand: Stand, broken: bytes) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(IN_CHUNKS + chunked(b"good", end=b""))
    await caller.until_body(b"good")
    upstream.send(broken)
    assert (await caller.cut_response(within_s=1)).body.startswith(b"good")
    await upstream.until_ended(within_s=1)


@pytest.mark.parametrize(
    "steps", [[BY_LENGTH, b"half"], [IN_CHUNKS, chunked(b"half", end=b"")]], ids=["length", "chunks"]
)
async def test_an_upstream_that_falls_silent_in_its_body_is_cut(
    build: BuildStand, steps: list[bytes]
) -> None:
    stand = await build(script=playing(*steps), timeout_idle_s=0.15)
    caller = await stand.call(request())
    assert (await caller.cut_response(within_s=2)).body == b"half"
    assert (await stand.exchange()).cut == "upstream_idle"
    await stand.upstream.connections[0].until_ended(within_s=1)


SILENCES: dict[str, list[Step]] = {
    "nothing": [],
    "half-a-status-line": [b"HTTP/1."],
    "half-a-head": [HEAD + b"X-A: b\r\n"],
    "only-interim": [b"HTTP/1.1 100 Continue\r\n\r\n"],
}


@pytest.mark.parametrize("steps", SILENCES.values(), ids=SILENCES)
@pytest.mark.parametrize("body", [b"", b"hi"], ids=["get", "post"])
async def test_an_upstream_that_does_not_answer_becomes_504(
    build: BuildStand, steps: list[Step], body: bytes
) -> None:
    stand = await build(script=playing(*steps), timeout_first_byte_s=0.15)
    method = b"POST" if body else b"GET"
    caller = await stand.call(
        request(method + b" /any/x HTTP/1.1", b"Content-Length: %d" % len(body), body=body)
    )
    response = await caller.response(within_s=2)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (504, b"upstream_timeout")
    await stand.upstream.connections[0].until_ended(within_s=1)
    assert len(stand.upstream.requests()) == 1, "it was asked again"


async def test_the_time_to_answer_counts_from_the_end_of_the_upload(build: BuildStand) -> None:
    stand = await build(timeout_first_byte_s=0.3)
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 8"))
    for byte in b"slow-one":
        await steady(lambda: len(caller.received), for_s=0.1)
        caller.send(bytes([byte]))
    assert (await caller.response()).status == 200


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_an_upstream_that_is_down_becomes_502_at_once(stand: Stand, method: bytes) -> None:
    caller = await stand.call(request(method + b" /down/x HTTP/1.1", b"Content-Length: 2", body=b"hi"))
    response = await caller.response(within_s=1)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_unreachable")
    assert KEY not in response.body


async def test_an_upstream_that_takes_no_connection_becomes_504(build: BuildStand) -> None:
    stand = await build(timeout_connect_s=0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        stand.lead("down", port)
        caller = await stand.call(request(b"GET /down/x HTTP/1.1"))
        response = await caller.response(within_s=3)
        for each in waiting:
            each.close()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (504, b"upstream_timeout")
    assert b"did not accept the connection" in response.body


async def test_an_accident_within_is_refused_and_not_explained(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.lead("main", None)
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")
    assert b"KeyError" not in response.body
    assert "KeyError" in caplog.text


async def test_one_that_comes_back_is_used_again(stand: Stand) -> None:
    stand.upstream.stop_listening()
    caller = await stand.call(request())
    assert (await caller.response()).status == 502
    await stand.upstream.start()
    caller.send(request())
    assert (await caller.response()).status == 200


async def test_one_that_is_down_does_not_disturb_the_other(stand: Stand) -> None:
    stand.upstream.stop_listening()
    caller = await stand.call(request(b"GET /second/x HTTP/1.1"))
    assert (await caller.response()).status == 200


async def test_an_answer_without_a_request_is_not_taken_for_one(build: BuildStand) -> None:
    """An upstream that talks first, or too much, poisons no later answer."""
    stand = await build(script=playing(answer(body=b"mine") + answer(body=b"injected")))
    caller = await stand.call(request())
    first = await caller.response()
    assert (first.status, first.body) in ((200, b"mine"), (502, first.body))
    for _ in range(3):
        caller.send(request())
        assert (await caller.response()).body != b"injected"
