"""An orderly end: nothing new, what is under way is finished, what is idle is closed, the rest is cut."""

import asyncio

import pytest

from tests.support.http_samples import answer, chunked, switching, websocket
from tests.support.plane_stand import Stand, request
from tests.support.raw_connection import eventually, steady
from tests.support.scripted_upstream import OK

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def refuses(stand: Stand) -> bool:
    try:
        _, writer = await asyncio.open_connection(stand.host, stand.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_what_is_under_way_is_finished(by_hand: Stand) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    draining = asyncio.ensure_future(by_hand.plane.drain(5))
    await steady(lambda: len(caller.received), for_s=0.1)
    assert await refuses(by_hand)
    assert not draining.done()
    upstream.send(answer(body=b"finished"))
    assert (await caller.last_response()).body == b"finished"
    await asyncio.wait_for(draining, 1)


async def test_a_stream_that_ends_in_time_is_finished(by_hand: Stand) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(HEAD + chunked(b"one", end=b""))
    await caller.until_body(b"one")
    draining = asyncio.ensure_future(by_hand.plane.drain(5))
    await steady(lambda: len(caller.received), for_s=0.1)
    upstream.send(chunked(b"two"))
    assert (await caller.last_response()).body == b"onetwo"
    await asyncio.wait_for(draining, 1)


async def test_an_upload_under_way_is_finished(by_hand: Stand) -> None:
    caller = await by_hand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 8", body=b"half"))
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"half")
    draining = asyncio.ensure_future(by_hand.plane.drain(5))
    await asyncio.sleep(0)
    caller.send(b"done")
    assert (await upstream.request()).body == b"halfdone"
    upstream.send(OK)
    assert (await caller.last_response()).body == b"ok"
    await asyncio.wait_for(draining, 1)


@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
async def test_idle_connections_are_closed_at_once(stand: Stand, used: bool) -> None:
    caller = await stand.call(request() if used else b"")
    if used:
        assert (await caller.response()).status == 200
    await eventually(lambda: caller.transport is not None, "connected")
    await asyncio.wait_for(stand.plane.drain(5), 1)
    await caller.until_ended(within_s=1)
    assert caller.rest() == b""
    for connection in stand.upstream.connections:
        await connection.until_ended(within_s=1)


async def test_what_takes_too_long_is_cut(by_hand: Stand) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(HEAD + chunked(b"one", end=b""))
    await caller.until_body(b"one")
    await asyncio.wait_for(by_hand.plane.drain(0.1), 2)
    await caller.cut_response(within_s=1)
    await upstream.until_ended(within_s=1)
    assert (await by_hand.exchange()).cut == "shutdown"


async def test_websockets_are_let_go(by_hand: Stand) -> None:
    caller = await by_hand.call(websocket())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    upstream.send(switching())
    assert (await caller.response()).status == 101
    await asyncio.wait_for(by_hand.plane.drain(0.1), 2)
    await caller.until_ended(within_s=1)
    await upstream.until_ended(within_s=1)


async def test_pipelined_requests_behind_are_not_begun(by_hand: Stand) -> None:
    caller = await by_hand.call(request(b"GET /any/1 HTTP/1.1") + request(b"GET /any/2 HTTP/1.1"))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    draining = asyncio.ensure_future(by_hand.plane.drain(5))
    await asyncio.sleep(0)
    upstream.send(answer(body=b"1"))
    assert (await caller.last_response()).body == b"1"
    await asyncio.wait_for(draining, 1)
    assert b"/any/2" not in by_hand.upstream.everything()


async def test_draining_twice_is_harmless(stand: Stand) -> None:
    await stand.plane.drain(1)
    await stand.plane.drain(1)
    assert await refuses(stand)


async def test_a_port_that_is_taken_is_an_error(stand: Stand) -> None:
    with pytest.raises(OSError, match="in use"):
        await stand.another_plane().start(stand.host, stand.port)


async def test_a_new_ground_serves_new_requests_and_old_ones_go_on(by_hand: Stand) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    by_hand.lead("main", by_hand.second.port)
    other = await by_hand.call(request())
    assert (await other.response()).status == 200
    assert by_hand.second.the_request().target == b"/any/x"
    upstream.send(answer(body=b"old"))
    assert (await caller.response()).body == b"old"


async def test_a_drain_that_is_given_up_can_be_followed_by_a_cut(by_hand: Stand) -> None:
    caller = await by_hand.call(request())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    draining = asyncio.ensure_future(by_hand.plane.drain(60))
    await asyncio.sleep(0)
    draining.cancel()
    await asyncio.wait([draining])
    await asyncio.wait_for(by_hand.plane.drain(0.05), 2)
    await caller.until_ended(within_s=1)
    await upstream.until_ended(within_s=1)
