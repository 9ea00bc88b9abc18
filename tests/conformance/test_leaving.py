"""A caller that leaves stops the upstream's work within a second, in whatever phase the exchange is."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked, switching, websocket
from tests.support.plane_stand import Stand, request
from tests.support.raw_caller import RawCaller
from tests.support.raw_connection import eventually, steady
from tests.support.scripted_upstream import UpstreamConnection

SOON_S = 1.0
WAYS = ["closes", "resets", "half-closes"]


def leave(caller: RawCaller, way: str) -> None:
    {"closes": caller.close, "resets": caller.reset, "half-closes": caller.end}[way]()


async def assert_told(stand: Stand, status: int, cut: str | None = "caller_gone") -> None:
    told = await stand.exchange()
    assert (told.status, told.cut, told.reason) == (status, cut, None)
    assert len(stand.gatekeeper.live) == 0


@pytest.mark.parametrize("way", WAYS)
async def test_before_the_first_byte(by_hand: Stand, way: str) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    await assert_told(by_hand, 0)


@pytest.mark.parametrize("way", WAYS)
async def test_before_the_first_byte_of_a_post(by_hand: Stand, way: str) -> None:
    caller = await by_hand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    await assert_told(by_hand, 0)


FRAMINGS = {
    "chunked": (b"Transfer-Encoding: chunked\r\n", chunked(b"data: 1\n\n", end=b"")),
    "by-length": (b"Content-Length: 1000\r\n", b"data: 1\n\n"),
    "by-closing": (b"", b"data: 1\n\n"),
}


async def begun(stand: Stand, framing: str) -> tuple[RawCaller, UpstreamConnection]:
    field, first = FRAMINGS[framing]
    caller = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n" + first)
    await caller.until_body(b"data: 1\n\n")
    return caller, upstream


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("framing", FRAMINGS)
async def test_in_the_middle_of_an_answer_while_the_upstream_is_silent(
    by_hand: Stand, framing: str, way: str
) -> None:
    caller, upstream = await begun(by_hand, framing)
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    await assert_told(by_hand, 200)


@pytest.mark.parametrize("way", WAYS)
async def test_in_the_middle_of_an_answer_while_the_upstream_sends(by_hand: Stand, way: str) -> None:
    caller, upstream = await begun(by_hand, "chunked")
    by_hand.task(upstream.send_all(chunked(bytes(60_000), end=b"") * 2_000))
    await caller.until(lambda: len(caller.received) > 1_000_000, "a part of it")
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    await assert_told(by_hand, 200)


async def test_while_it_does_not_read_what_the_upstream_sends(by_hand: Stand) -> None:
    caller, upstream = await begun(by_hand, "chunked")
    caller.stop_reading()
    by_hand.task(upstream.send_all(chunked(bytes(60_000), end=b"") * 2_000))
    await steady(lambda: upstream.bytes_sent, for_s=0.1)
    caller.reset()
    await upstream.until_ended(within_s=SOON_S)
    await assert_told(by_hand, 200)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_in_the_middle_of_an_upload(by_hand: Stand, framing: str, way: str) -> None:
    field = b"Content-Length: 1000" if framing == "length" else b"Transfer-Encoding: chunked"
    caller = await by_hand.call(request(b"POST /any/x HTTP/1.1", field))
    caller.send(b"x" * 100 if framing == "length" else chunked(b"x" * 100, end=b""))
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"x" * 100)
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    assert [each.is_whole for each in upstream.requests()] == [False]
    await by_hand.exchange()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", ["handshake", "open"])
async def test_from_a_websocket(by_hand: Stand, phase: str, way: str) -> None:
    caller = await by_hand.call(websocket())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    if phase == "open":
        upstream.send(switching())
        assert (await caller.response()).status == 101
    leave(caller, way)
    await upstream.until_ended(within_s=SOON_S)
    told = await by_hand.exchange()
    assert told.status == (101 if phase == "open" else 0)


async def test_while_the_store_is_asked_nothing_is_forwarded(stand: Stand) -> None:
    stand.store.may_answer.clear()
    caller = await stand.call(request())
    await stand.until_looking()
    caller.close()
    await stand.exchange()
    stand.store.may_answer.set()
    stand.assert_untouched()


async def test_one_that_leaves_does_not_take_others_along(by_hand: Stand) -> None:
    first, second = await by_hand.call(request()), await by_hand.call(request())
    ones = [await by_hand.upstream.connection(number) for number in range(2)]
    for one in ones:
        await one.request()
    first.close()
    await eventually(lambda: any(one.is_ended for one in ones), "one of them ends", within_s=SOON_S)
    (staying,) = [one for one in ones if not one.is_ended]
    staying.send(answer(body=b"stayed"))
    assert (await second.response()).body == b"stayed"


async def test_a_request_pipelined_behind_is_not_forwarded_after_leaving(by_hand: Stand) -> None:
    caller = await by_hand.call(request(b"GET /any/1 HTTP/1.1") + request(b"GET /any/2 HTTP/1.1"))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    caller.close()
    await upstream.until_ended(within_s=SOON_S)
    assert b"/any/2" not in by_hand.upstream.everything()


async def test_coming_and_going_hundreds_of_times_leaves_nothing_behind(build: BuildStand) -> None:
    stand = await build(script=None)
    for number in range(300):
        caller = await stand.call(request())
        if number % 3:
            await eventually(lambda: stand.upstream.connections, "one of them gets through")
        caller.reset()
    await eventually(
        lambda: all(each.is_ended for each in stand.upstream.connections), "all are let go", within_s=SOON_S
    )
    await eventually(lambda: stand.notebook.begun == len(stand.notebook.ended), "all are told")
    assert len(stand.gatekeeper.live) == 0
