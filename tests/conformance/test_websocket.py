"""WebSockets: judged before the upstream is touched, checked at the handshake, untouched after it."""

import hashlib
import random

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import ACCEPT, answer, switching, websocket
from tests.support.plane_stand import KEY, STRANGE_KEY, Stand, request
from tests.support.raw_caller import RawCaller
from tests.support.raw_connection import steady
from tests.support.scripted_upstream import CLOSE, OK, UpstreamConnection, answering, playing

TEXT = b"\x81\x85\x01\x02\x03\x04" + b"ignoo"
PING = b"\x89\x00"
CLOSE_4321 = b"\x88\x06" + (4321).to_bytes(2, "big") + b"over"


async def opened(stand: Stand, *fields: bytes) -> tuple[RawCaller, UpstreamConnection]:
    """A WebSocket whose handshake is done."""
    caller = await stand.call(websocket(b"/any/ws", *fields))
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(switching())
    assert (await caller.response()).status == 101
    return caller, upstream


async def test_the_handshake_reaches_the_upstream_whole(by_hand: Stand) -> None:
    fields = [
        b"Sec-WebSocket-Protocol: chat, superchat",
        b"Sec-WebSocket-Extensions: permessage-deflate",
        b"Origin: http://a",
    ]
    await by_hand.call(websocket(b"/any/ws?x=1", *fields))
    seen = await (await by_hand.upstream.connection()).request()
    assert seen.start == b"GET /any/ws?x=1 HTTP/1.1"
    assert (seen.one(b"connection"), seen.one(b"upgrade")) == (b"Upgrade", b"websocket")
    assert seen.one(b"sec-websocket-key") == b"dGhlIHNhbXBsZSBub25jZQ=="
    assert seen.one(b"sec-websocket-version") == b"13"
    assert seen.one(b"sec-websocket-protocol") == b"chat, superchat"
    assert seen.one(b"sec-websocket-extensions") == b"permessage-deflate"
    assert (seen.one(b"origin"), seen.one(b"x-keyhatch-key-id")) == (b"http://a", b"key_ada")


async def test_the_answer_reaches_the_caller_whole(by_hand: Stand) -> None:
    caller = await by_hand.call(websocket(b"/any/ws", b"Sec-WebSocket-Protocol: chat, superchat"))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(
        switching(b"Sec-WebSocket-Protocol: superchat", b"Sec-WebSocket-Extensions: x", b"Set-Cookie: a=b")
    )
    response = await caller.response()
    assert response.start == b"HTTP/1.1 101 Switching Protocols"
    assert (response.one(b"connection"), response.one(b"upgrade")) == (b"Upgrade", b"websocket")
    assert response.one(b"sec-websocket-accept") == ACCEPT
    assert response.one(b"sec-websocket-protocol") == b"superchat"
    assert (response.one(b"sec-websocket-extensions"), response.one(b"set-cookie")) == (b"x", b"a=b")


async def test_bytes_pass_both_ways_untouched(by_hand: Stand) -> None:
    caller, upstream = await opened(by_hand)
    before = len(upstream.received)
    pieces = (TEXT, PING, b"\x82\x7e\x01\x00" + bytes(256), b"\xff\xff not even a frame", b"\x00last\xff")
    for sent in pieces:
        caller.send(sent)
        await upstream.until_received(sent)
        upstream.send(sent)
        await caller.until_received(sent)
    assert bytes(upstream.received[before:]) == b"".join(pieces)
    assert caller.rest() == b"".join(pieces)


async def test_a_frame_that_comes_with_the_upstreams_handshake_is_not_lost(by_hand: Stand) -> None:
    caller = await by_hand.call(websocket())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(switching() + PING + TEXT)
    assert (await caller.response()).status == 101
    await caller.until(lambda: caller.rest() == PING + TEXT, "both frames")
    caller.send(TEXT)
    await upstream.until_received(TEXT)


async def test_big_frames_pass_byte_for_byte(by_hand: Stand) -> None:
    caller, upstream = await opened(by_hand)
    frame = b"\x82\x7f" + (20_000_000).to_bytes(8, "big") + random.Random(3).randbytes(20_000_000)
    before = len(upstream.received)
    by_hand.task(caller.send_all(frame))
    by_hand.task(upstream.send_all(frame[::-1]))
    await upstream.until(lambda: len(upstream.received) - before >= len(frame), "the frame", within_s=20)
    await caller.until(lambda: len(caller.rest()) >= len(frame), "the other frame", within_s=20)
    assert hashlib.sha256(upstream.received[before:]).digest() == hashlib.sha256(frame).digest()
    assert hashlib.sha256(caller.rest()).digest() == hashlib.sha256(frame[::-1]).digest()


@pytest.mark.parametrize("slow", ["caller", "upstream"])
async def test_a_slow_reader_holds_the_other_side_back(by_hand: Stand, slow: str) -> None:
    caller, upstream = await opened(by_hand)
    reader, writer = (caller, upstream) if slow == "caller" else (upstream, caller)
    reader.stop_reading()
    size, before = 64_000_000, len(reader.received)
    by_hand.task(writer.send_all(bytes(size)))
    begun = writer.bytes_sent
    written = await steady(lambda: writer.bytes_sent) - begun
    assert written < size // 2
    reader.go_on_reading()
    await reader.until(lambda: len(reader.received) - before == size, "everything", within_s=20)


@pytest.mark.parametrize("first", ["caller", "upstream"])
@pytest.mark.parametrize("way", ["closes", "resets"])
async def test_when_one_side_goes_the_other_is_let_go(by_hand: Stand, first: str, way: str) -> None:
    caller, upstream = await opened(by_hand)
    here, there = (caller, upstream) if first == "caller" else (upstream, caller)
    here.close() if way == "closes" else here.reset()
    await there.until_ended(within_s=1)


async def test_a_close_code_passes_before_the_end(by_hand: Stand) -> None:
    caller, upstream = await opened(by_hand)
    upstream.send(CLOSE_4321)
    await caller.until_received(CLOSE_4321)
    caller.send(CLOSE_4321)
    await upstream.until_received(CLOSE_4321)
    upstream.close()
    await caller.until_ended(within_s=1)
    assert caller.rest() == CLOSE_4321
    told = await by_hand.exchange()
    assert (told.kind, told.status, told.reason) == ("websocket", 101, None)


async def test_the_last_bytes_before_a_close_are_not_lost(by_hand: Stand) -> None:
    caller, upstream = await opened(by_hand)
    last = random.Random(4).randbytes(1_000_000)
    upstream.send(last)
    upstream.close()
    await caller.until_ended()
    assert caller.rest() == last


async def test_the_callers_last_bytes_before_its_close_are_not_lost(by_hand: Stand) -> None:
    caller, upstream = await opened(by_hand)
    before = len(upstream.received)
    last = random.Random(5).randbytes(1_000_000)
    caller.send(last)
    caller.close()
    await upstream.until_ended()
    assert bytes(upstream.received[before:]) == last


async def test_silence_on_both_sides_ends_it(build: BuildStand) -> None:
    stand = await build(script=None, timeout_idle_s=0.2)
    caller, upstream = await opened(stand)
    await caller.until_ended(within_s=2)
    await upstream.until_ended(within_s=1)
    assert (await stand.exchange()).cut == "upstream_idle"


async def test_bytes_in_either_direction_keep_it_alive(build: BuildStand) -> None:
    stand = await build(script=None, timeout_idle_s=0.4)
    caller, upstream = await opened(stand)
    for number in range(8):
        here, there = (caller, upstream) if number % 2 else (upstream, caller)
        await steady(lambda: len(caller.received), for_s=0.1)
        mark = b"\x8a\x01%d" % number
        here.send(mark)
        await there.until_received(mark)


NOT_101 = {
    "200": (answer(b"200 OK", body=b"no websocket here"), 200, b"no websocket here"),
    "401": (answer(b"401 Unauthorized", b"WWW-Authenticate: Basic", body=b"who?"), 401, b"who?"),
    "403": (answer(b"403 Forbidden"), 403, b""),
    "404": (answer(b"404 Not Found", body=b"x"), 404, b"x"),
    "426": (answer(b"426 Upgrade Required", b"Sec-WebSocket-Version: 8", body=b"8"), 426, b"8"),
    "302": (answer(b"302 Found", b"Location: /other"), 302, b""),
    "500-chunked": (
        b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        500,
        b"no",
    ),
}


@pytest.mark.parametrize(("sent", "status", "body"), NOT_101.values(), ids=NOT_101)
async def test_another_answer_is_relayed_and_the_connection_closes(
    build: BuildStand, sent: bytes, status: int, body: bytes
) -> None:
    stand = await build(script=answering(sent))
    caller = await stand.call(websocket())
    response = await caller.last_response()
    assert (response.status, response.body, response.one(b"connection")) == (status, body, b"close")


async def test_bytes_sent_ahead_of_the_answer_never_reach_the_upstream(build: BuildStand) -> None:
    """RFC 9931: they would be read as a request if the upgrade is declined."""
    stand = await build(script=answering(answer(b"403 Forbidden", body=b"no")))
    smuggled = b"GET /admin/x HTTP/1.1\r\nHost: h\r\n\r\n"
    caller = await stand.call(websocket() + smuggled)
    assert (await caller.last_response()).status == 403
    assert b"/admin/x" not in stand.upstream.everything()


async def test_bytes_sent_ahead_follow_once_the_handshake_is_done(by_hand: Stand) -> None:
    caller = await by_hand.call(websocket() + TEXT)
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    assert TEXT not in upstream.received
    upstream.send(switching())
    assert (await caller.response()).status == 101
    await upstream.until_received(TEXT)


WRONG = {
    "no-accept": switching().replace(b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n", b""),
    "wrong-accept": switching(accept=b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    "empty-accept": switching(accept=b""),
    "two-accepts": switching(b"Sec-WebSocket-Accept: " + ACCEPT),
    "no-upgrade": switching().replace(b"Upgrade: websocket\r\n", b""),
    "no-connection": switching().replace(b"Connection: Upgrade\r\n", b""),
    "another-protocol": switching().replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "two-protocols": switching().replace(b"Upgrade: websocket", b"Upgrade: websocket, h2c"),
    "unoffered-subprotocol": switching(b"Sec-WebSocket-Protocol: other"),
    "two-subprotocols": switching(b"Sec-WebSocket-Protocol: chat, superchat"),
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
async def test_a_wrong_handshake_of_the_upstream_is_refused(build: BuildStand, sent: bytes) -> None:
    stand = await build(script=answering(sent))
    caller = await stand.call(websocket(b"/any/ws", b"Sec-WebSocket-Protocol: chat, superchat"))
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")
    await stand.upstream.connections[0].until_ended(within_s=1)


async def test_a_subprotocol_that_nobody_offered_is_refused(build: BuildStand) -> None:
    stand = await build(
        script=answering(switching(b"Sec-WebSocket-Protocol: openai-insecure-api-key." + KEY[:9]))
    )
    caller = await stand.call(
        websocket(b"/any/ws", b"Sec-WebSocket-Protocol: openai-insecure-api-key." + KEY, shown=None)
    )
    assert (await caller.last_response()).status == 502


UNASKED = {
    "websocket": switching(),
    "h2c": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "bare": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "with-bytes-behind": switching() + OK,
}


@pytest.mark.parametrize("sent", UNASKED.values(), ids=UNASKED)
async def test_an_upgrade_that_nobody_asked_for_is_refused(build: BuildStand, sent: bytes) -> None:
    stand = await build(script=answering(sent))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")
    await stand.upstream.connections[0].until_ended(within_s=1)


@pytest.mark.parametrize(
    "fields", [[b"Upgrade: websocket"], [b"Connection: Upgrade"], [b"Upgrade: h2c"]], ids=str
)
async def test_half_an_upgrade_is_an_ordinary_request(stand: Stand, fields: list[bytes]) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", *fields))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert (seen.all(b"upgrade"), seen.all(b"sec-websocket-key")) == ([], [])
    caller.send(request())
    assert (await caller.response()).status == 200


async def test_an_upstream_that_closes_instead_of_answering(build: BuildStand) -> None:
    stand = await build(script=playing(CLOSE))
    caller = await stand.call(websocket())
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")


async def test_nothing_behind_a_refused_handshake_is_served(stand: Stand) -> None:
    """Also where the key is not known yet, and the store has to be asked."""
    behind = request(b"POST /open/behind HTTP/1.1", b"Content-Length: 0", shown=None)
    caller = await stand.call(websocket(b"/any/ws", shown=STRANGE_KEY) + behind)
    response = await caller.last_response()
    assert (response.status, response.one(b"connection")) == (401, b"close")
    assert await steady(lambda: len(stand.notebook.ended), for_s=0.2) == 1
    stand.assert_untouched()
