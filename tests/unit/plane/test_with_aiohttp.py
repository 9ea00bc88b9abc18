"""Guarantees of gateway/plane/with_aiohttp.py: it listens where it is told and leaves nothing open.

What it does between the two is held on the wire by tests/conformance.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.core.refusal import Reason
from gateway.plane.contract import Ground
from gateway.plane.with_aiohttp import AiohttpPlane
from gateway.wire.request_head import Limits
from tests.unit.plane.stage import Witness, ask, gone, plane_of


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
async def plane(witness: Witness) -> AsyncIterator[AiohttpPlane]:
    made = plane_of(witness)
    yield made
    await made.drain(0)


GOODBYE = b"GET /.keyhatch/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_it_tells_where_it_listens_and_takes_requests_there(
    plane: AiohttpPlane, witness: Witness
) -> None:
    host, port = await plane.start("127.0.0.1", 0)
    assert (host, port > 0) == ("127.0.0.1", True)
    assert (await ask((host, port), GOODBYE)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (witness.began, [exchange.status for exchange in witness.ended]) == (1, [200])


async def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open(plane: AiohttpPlane) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    try:
        with pytest.raises(OSError, match="address already in use"):
            await plane.start("127.0.0.1", port)
        await plane.drain(0)
    finally:
        taken.close()
        await taken.wait_closed()


async def test_after_draining_nobody_listens_and_draining_twice_is_harmless(plane: AiohttpPlane) -> None:
    at = await plane.start("127.0.0.1", 0)
    await plane.drain(0)
    await plane.drain(0)
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(*at)


async def test_a_plane_that_never_started_drains_at_once(plane: AiohttpPlane) -> None:
    async with asyncio.timeout(1):
        await plane.drain(60)


async def test_draining_closes_a_connection_that_waits_for_its_next_request(plane: AiohttpPlane) -> None:
    at = await plane.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*at)
    writer.write(GOODBYE.replace(b"Connection: close\r\n", b""))
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    try:
        async with asyncio.timeout(5):
            await plane.drain(60)
            assert await reader.read() == b""
    finally:
        await gone(writer)


async def test_a_head_that_never_became_a_request_is_told_once(plane: AiohttpPlane, witness: Witness) -> None:
    at = await plane.start("127.0.0.1", 0)
    answer = await ask(at, b"\x00\x01 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert witness.began == len(witness.ended) == 1
    (told,) = witness.ended
    assert (told.status, told.reason, told.peer) == (400, Reason.REQUEST_MALFORMED, "127.0.0.1")
    assert told.bytes_out == len(answer.partition(b"\r\n\r\n")[2])


async def test_a_new_ground_holds_for_the_next_request_and_the_next_connection(plane: AiohttpPlane) -> None:
    at = await plane.start("127.0.0.1", 0)
    plane.ground = Ground({}, Limits(target_bytes_max=5))
    answer = await ask(at, GOODBYE)
    assert answer.startswith(b"HTTP/1.1 431 ")
    plane.ground = Ground({})
    assert (await ask(at, GOODBYE)).startswith(b"HTTP/1.1 200 ")
