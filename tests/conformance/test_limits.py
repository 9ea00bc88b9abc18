"""What a request may weigh and how long it may dawdle: 431, 413, 408, then the connection closes."""

import asyncio

import pytest

from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import Stand, request
from tests.support.raw_connection import eventually, steady
from tests.support.scripted_upstream import OK


def get(*fields: bytes) -> bytes:
    return request(b"GET /any/x HTTP/1.1", *fields)


OVERSIZED = {
    "target": (request(b"GET /any/" + b"a" * 8_200 + b" HTTP/1.1"), b"8192 bytes"),
    "target-and-query": (request(b"GET /any/x?" + b"a" * 8_200 + b" HTTP/1.1"), b"8192 bytes"),
    "target-beyond-the-head": (request(b"GET /any/" + b"a" * 70_000 + b" HTTP/1.1"), b"32768 bytes"),
    "one-header": (get(b"X-A: " + b"a" * 33_000), b"32768 bytes"),
    "one-huge-header": (get(b"X-A: " + b"a" * 500_000), b"32768 bytes"),
    "header-name": (get(b"a" * 33_000 + b": b"), b"32768 bytes"),
    "all-headers": (get(*(b"X-%d: " % n + b"a" * 990 for n in range(40))), b"32768 bytes"),
    "number-of-headers": (get(*(b"X-%d: a" % n for n in range(120))), b"100 header fields"),
    "huge-number-of-headers": (get(*(b"X-%d: a" % n for n in range(5_000))), b""),
    "cookie": (get(b"Cookie: " + b"a=b; " * 7_000), b"32768 bytes"),
    "key": (request(shown=b"kh_" + b"a" * 40_000), b"32768 bytes"),
}


@pytest.mark.parametrize(("sent", "limit"), OVERSIZED.values(), ids=OVERSIZED)
async def test_a_head_that_weighs_too_much_is_refused(stand: Stand, sent: bytes, limit: bytes) -> None:
    caller = await stand.call(sent)
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (431, b"header_too_large")
    assert limit in response.body
    stand.assert_untouched()


@pytest.mark.parametrize("name", ["target", "one-header", "all-headers", "number-of-headers"])
async def test_so_it_is_when_it_comes_piece_by_piece(stand: Stand, name: str) -> None:
    caller = await stand.call()
    await caller.send_slowly(OVERSIZED[name][0], piece_bytes=1_000)
    response = await caller.last_response()
    assert response.status == 431
    stand.assert_untouched()


async def test_a_head_without_an_end_is_refused_before_it_ends(stand: Stand) -> None:
    caller = await stand.call(b"GET /any/x HTTP/1.1\r\nHost: h\r\n")
    sent = 0
    while not caller.is_ended and sent < 4_000_000:
        await caller.send_slowly(b"X-A: %b\r\n" % (b"a" * 1_000) * 8, piece_bytes=8_192)
        sent += 8_192
        await asyncio.sleep(0)
    response = await caller.last_response()
    assert response.status == 431
    assert sent < 1_000_000


FITTING = {
    "target": request(b"GET /any/" + b"a" * (8_192 - len(b"/any/")) + b" HTTP/1.1"),
    "header": get(b"X-A: " + b"a" * 32_000),
    "number-of-headers": get(*(b"X-%d: a" % n for n in range(98))),
}


@pytest.mark.parametrize("sent", FITTING.values(), ids=FITTING)
async def test_a_head_at_the_limit_passes_whole(stand: Stand, sent: bytes) -> None:
    caller = await stand.call(sent)
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.start == sent.partition(b"\r\n")[0]
    assert len([name for name, _ in seen.fields if name.lower().startswith(b"x-") and len(name) < 5]) in (
        0,
        1,
        98,
    )


@pytest.mark.parametrize(
    "begun",
    [b"G", b"GET /any/x HTTP/1.1\r\n", get()[:-2], get()[:-1]],
    ids=["byte", "line", "fields", "last"],
)
async def test_a_head_that_does_not_arrive_in_time_is_refused(build: BuildStand, begun: bytes) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.1))
    caller = await stand.call(begun)
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (408, b"request_timeout")
    stand.assert_untouched()


async def test_dripping_bytes_do_not_buy_a_head_more_time(build: BuildStand) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.15))
    caller = await stand.call(b"GET /any/x HTTP/1.1\r\nX-A: ")

    async def drip() -> None:
        while not caller.is_ended:
            caller.send(b"a")
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    response = await caller.last_response()
    await dripping
    assert response.status == 408


async def test_a_second_head_has_its_own_deadline(build: BuildStand) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.1))
    caller = await stand.call(get())
    assert (await caller.response()).status == 200
    caller.send(b"GET /any/y HTT")
    assert (await caller.last_response()).status == 408


@pytest.mark.differs("aiohttp", "a head that began early")
async def test_a_second_head_that_began_during_the_first_exchange_has_one_too(build: BuildStand) -> None:
    stand = await build(script=None, limits=Limits(head_timeout_s=0.1))
    caller = await stand.call(get() + b"GET /any/y HTT")
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(answer(body=b"first"))
    assert (await caller.response()).body == b"first"
    assert (await caller.last_response(within_s=1)).status == 408


async def test_the_bytes_of_a_body_are_not_the_beginning_of_a_head(build: BuildStand) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.1))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 4", body=b"ab"))
    upstream = await stand.upstream.connection()
    await upstream.until_received(b"ab")
    caller.send(b"cd")
    assert (await caller.response()).status == 200
    await steady(lambda: len(caller.received), for_s=0.25)
    caller.send(get())
    assert (await caller.response()).status == 200


async def test_a_connection_without_a_byte_is_closed_after_the_idle_time(build: BuildStand) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.1, idle_timeout_s=0.2))
    caller = await stand.call()
    await caller.until_ended(within_s=2)
    assert caller.received == b""


async def test_a_connection_between_requests_is_closed_after_the_idle_time(build: BuildStand) -> None:
    stand = await build(limits=Limits(idle_timeout_s=0.1))
    caller = await stand.call(get())
    assert (await caller.response()).status == 200
    await caller.until_ended(within_s=2)
    assert caller.rest() == b""


async def test_a_long_exchange_is_not_idle(build: BuildStand) -> None:
    stand = await build(script=None, limits=Limits(head_timeout_s=0.1, idle_timeout_s=0.1))
    caller = await stand.call(get())
    upstream = await stand.upstream.connection()
    await upstream.request()
    await asyncio.sleep(0.3)
    upstream.send(answer(body=b"late"))
    assert (await caller.response()).body == b"late"


SLOW_BODIES = {
    "by-length-nothing": (b"Content-Length: 10", b""),
    "by-length": (b"Content-Length: 10", b"ab"),
    "in-chunks-nothing": (b"Transfer-Encoding: chunked", b""),
    "in-chunks-within": (b"Transfer-Encoding: chunked", b"5\r\nab"),
    "in-chunks-between": (b"Transfer-Encoding: chunked", b"2\r\nab\r\n"),
    "in-chunks-at-the-end": (b"Transfer-Encoding: chunked", b"2\r\nab\r\n0\r\n"),
}


@pytest.mark.parametrize(("field", "begun"), SLOW_BODIES.values(), ids=SLOW_BODIES)
async def test_a_body_that_stops_arriving_is_refused(build: BuildStand, field: bytes, begun: bytes) -> None:
    stand = await build(limits=Limits(idle_timeout_s=0.15))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", field, body=begun))
    await caller.until(lambda: caller.peek() is not None, "an answer")
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (408, b"request_timeout")
    upstream = await stand.upstream.connection()
    await upstream.until_ended(within_s=1)
    assert not any(each.is_whole for each in upstream.requests())


@pytest.mark.parametrize("body", [b"x" * 1_001, b"x" * 100_000], ids=["just", "far"])
async def test_a_body_that_says_it_is_too_large_reaches_nobody(build: BuildStand, body: bytes) -> None:
    stand = await build(limits=Limits(body_bytes_max=1_000))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: %d" % len(body), body=body))
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (413, b"body_too_large")
    stand.assert_untouched()


async def test_a_body_that_grows_too_large_never_reaches_the_upstream_whole(build: BuildStand) -> None:
    stand = await build(limits=Limits(body_bytes_max=1_000))
    caller = await stand.call(
        request(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: chunked"), chunked(b"x" * 900, b"y" * 101)
    )
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (413, b"body_too_large")
    for connection in stand.upstream.connections:
        await connection.until_ended(within_s=1)
        assert not any(each.is_whole for each in connection.requests())


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_body_at_the_limit_passes(build: BuildStand, framing: str) -> None:
    stand = await build(limits=Limits(body_bytes_max=1_000))
    body = b"x" * 1_000
    fields = [b"Content-Length: 1000"] if framing == "length" else [b"Transfer-Encoding: chunked"]
    sent = body if framing == "length" else chunked(body[:300], body[300:])
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", *fields, body=sent))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().body == body


async def test_a_refused_upload_is_read_away_so_that_its_sender_reads_why(stand: Stand) -> None:
    """A close with unread bytes in the socket would reset the connection and wipe out the answer."""
    body = b"x" * 4_000_000
    head = request(b"POST /any/x HTTP/1.1", b"Content-Length: %d" % len(body), shown=None)
    caller = await stand.call(head)
    await caller.send_all(body)
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"credential_missing")
    assert not caller.was_reset
    stand.assert_untouched()


FRAMINGS = {
    "chunked": b"Transfer-Encoding: chunked",
    "by-length": b"Content-Length: 120000000",
    "by-closing": b"X: y",
}


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_caller_who_takes_nothing_of_an_answer_is_let_go_after_the_idle_time(
    build: BuildStand, framing: str
) -> None:
    stand = await build(script=None, limits=Limits(idle_timeout_s=0.2))
    caller = await stand.call(get())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\n" + FRAMINGS[framing] + b"\r\n\r\n")
    piece = chunked(bytes(60_000), end=b"") if framing == "chunked" else bytes(60_000)
    caller.stop_reading()
    stand.task(upstream.send_all(piece * 2_000))
    await upstream.until_ended(within_s=3)
    told = await stand.exchange()
    assert (told.status, told.cut) == (200, "caller_idle")
    caller.go_on_reading()
    await caller.until_ended()
    assert len(caller.received) < 30_000_000


async def test_a_caller_who_reads_slowly_is_not_idle(build: BuildStand) -> None:
    stand = await build(script=None, limits=Limits(idle_timeout_s=0.4))
    caller = await stand.call(get())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 24000000\r\n\r\n")
    stand.task(upstream.send_all(bytes(24_000_000)))
    for number in range(8):
        caller.stop_reading()
        await asyncio.sleep(0.1)
        caller.go_on_reading()
        await caller.until(lambda: len(caller.received) >= number * 3_000_000, f"part {number}")  # noqa: B023
    await caller.until(lambda: len(caller.received) > 24_000_000, "all of it")
    assert len((await caller.response()).body) == 24_000_000


async def test_answers_to_a_flood_of_requests_that_nobody_reads_are_held_back(build: BuildStand) -> None:
    """Each answer is small, but they would pile up without an end."""
    stand = await build(limits=Limits(idle_timeout_s=0.5))
    flood = request(b"GET /any/x HTTP/1.1", shown=None) * 400_000
    caller = await stand.call()
    caller.stop_reading()
    stand.task(caller.send_all(flood))
    await eventually(lambda: caller.is_ended, "it is cut", within_s=10)
    assert caller.bytes_sent < len(flood) // 2
    stand.assert_untouched()


async def test_a_refused_upload_that_goes_on_is_not_refused_twice(build: BuildStand) -> None:
    stand = await build(limits=Limits(head_timeout_s=0.1))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 4000000", shown=None))
    await caller.until(caller.peek, "an answer")
    for _ in range(20):
        caller.send(b"x" * 1_000)
        await asyncio.sleep(0.02)
    caller.end()
    response = await caller.last_response()
    assert response.status == 401
    assert [told.status for told in stand.notebook.ended] == [401]


async def test_a_flood_of_pipelined_requests_is_held_back(by_hand: Stand) -> None:
    flood = get() * 400_000
    caller = await by_hand.call()
    by_hand.task(caller.send_all(flood))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    assert await steady(lambda: caller.bytes_sent) < len(flood) // 2
    assert len(by_hand.upstream.requests()) == 1


FLOODS = {
    "trailers": chunked(b"abc", end=b"0\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n"),
    "one-trailer": chunked(b"abc", end=b"0\r\nX-A: " + b"b" * 1_000_000 + b"\r\n\r\n"),
    "extensions": b"1;" + b"a=b;" * 200_000 + b"\r\nx\r\n0\r\n\r\n",
    "tiny-chunks": b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n",
}


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS)
async def test_a_flood_within_the_framing_of_a_body_does_no_harm(stand: Stand, body: bytes) -> None:
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: chunked", body=body))
    await caller.until(caller.peek, "an answer", within_s=10)
    assert (await caller.response()).status in (200, 400, 431)
    for seen in stand.upstream.requests():
        assert seen.all(b"x-a") == []
        assert seen.body in (b"abc", b"x", b"x" * 100_000) or not seen.is_whole
    other = await stand.call(get())
    assert (await other.response()).status == 200


async def test_the_end_of_a_last_answer_is_seen_at_once_also_where_a_body_is_still_to_come(
    build: BuildStand,
) -> None:
    stand = await build(limits=Limits(body_bytes_max=10))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 1000"))
    response = await caller.last_response(within_s=1)
    assert (response.status, response.one(b"connection")) == (413, b"close")


async def test_hundreds_of_idle_connections_do_not_hold_up_a_request(stand: Stand) -> None:
    for _ in range(200):
        await stand.call(b"GET /any/x HTTP/1.1\r\n")
    caller = await stand.call(get())
    assert (await caller.response()).status == 200
    await eventually(lambda: len(stand.notebook.ended) == 1, "one exchange")


async def test_one_peer_cannot_take_every_connection(
    build: BuildStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.plane.connections.LOOPBACK", ())
    stand = await build(limits=Limits(connections_per_peer_max=3))
    for _ in range(3):
        assert (await (await stand.call(request())).response()).status == 200
    turned_away = await stand.call(request())
    await turned_away.until_ended()
    assert turned_away.received == b""
    assert (stand.plane.connections.turned_away, len(stand.plane.connections.open)) == (1, 3)


async def test_loopback_speaks_for_many(build: BuildStand) -> None:
    stand = await build(limits=Limits(connections_per_peer_max=1))
    for _ in range(3):
        assert (await (await stand.call(request())).response()).status == 200


async def test_the_connection_idle_longest_makes_room_for_a_new_one(build: BuildStand) -> None:
    stand = await build(limits=Limits(connections_max=2))
    first, second = [await stand.call(request()) for _ in range(2)]
    assert (await second.response()).status == (await first.response()).status == 200
    first.send(request())
    assert (await first.response()).status == 200
    third = await stand.call(request())
    assert (await third.response()).status == 200
    await second.until_ended()
    first.send(request())
    assert (await first.response()).status == 200
    assert stand.plane.connections.made_room == 1


async def test_who_is_served_makes_no_room(build: BuildStand) -> None:
    stand = await build(script=None, limits=Limits(connections_max=1))
    served = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    turned_away = await stand.call(request())
    await turned_away.until_ended()
    upstream.send(OK)
    assert (await served.response()).status == 200
