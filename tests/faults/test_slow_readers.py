"""Readers slower than their writers (F18): memory stays flat, and nobody else notices.

Callers that take a few KB/s of 64 MiB, and an upstream that takes nothing of uploads as large. What a slow
one does not take stays with its sender: the kernel's buffers fill, then the gateway stops reading.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.conftest import on_plane
from tests.support.raw_caller import call
from tests.support.raw_connection import eventually, steady
from tests.support.running_gateway import Home, RunningGateway
from tests.support.scripted_upstream import OK, ScriptedUpstream, UpstreamConnection
from tests.support.strict_http import Message, read_request

SLOW = 6
WHOLE_BYTES = 64 * 1024 * 1024
PIECE = b"x" * 65_536
GROWTH_BYTES_MAX = {"aiohttp": 24 * 1024 * 1024, "lean": 8 * 1024 * 1024}  # of 384 MiB that are offered
HELD_BYTES_MAX = 24 * 1024 * 1024  # of one stream, nearly all of it in the kernel's four buffers
TAKEN_BYTES = 512
PACE_S = 0.05
OTHERS = 40


async def give_and_take(connection: UpstreamConnection) -> None:
    """`/large`: 64 MiB as fast as they are taken. `/upload`: take nothing of it. Else: ok."""
    while True:
        head = await connection.until(lambda: waiting(connection), "a head", within_s=60)
        if head.target == b"/upload":
            connection.stop_reading()
            return
        await connection.request()
        if head.target == b"/large":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % WHOLE_BYTES)
            for _ in range(WHOLE_BYTES // len(PIECE)):
                await connection.send_all(PIECE)
        else:
            connection.send(OK)


def waiting(connection: UpstreamConnection) -> Message | None:
    """The request whose head is there and which was not taken."""
    return read_request(bytes(connection.received[connection.taken : connection.taken + 4_096]))


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    upstream = ScriptedUpstream(give_and_take)
    await upstream.start()
    yield upstream
    await upstream.stop()


def head(line: str, key: str, *fields: str) -> bytes:
    return "\r\n".join((line, "Host: x", f"X-API-Key: {key}", *fields, "", "")).encode("ascii")


async def trickle(sock: socket.socket) -> None:
    """Take 10 KB/s, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_recv(sock, TAKEN_BYTES)
        await asyncio.sleep(PACE_S)


async def worst_of_others(gateway: RunningGateway, key: str) -> float:
    """The longest time that another caller waits for its answer."""
    caller, worst_s = await call("127.0.0.1", gateway.port), 0.0
    for _ in range(OTHERS):
        began = time.monotonic()
        caller.send(head("GET /small HTTP/1.1", key))
        assert (await caller.response()).body == b"ok"
        worst_s = max(worst_s, time.monotonic() - began)
    caller.abandon()
    return worst_s


async def test_slow_callers_of_large_answers_cost_little_memory_and_nobody_elses_time(
    home: Home, upstream: ScriptedUpstream, served_plane: str
) -> None:
    home.configure(f"http://127.0.0.1:{upstream.port}", server=on_plane(served_plane))
    key, loop = home.make_key("Slow"), asyncio.get_running_loop()
    with home.serve() as gateway:
        assert await worst_of_others(gateway, key) < 1.0
        before = gateway.memory_bytes()
        socks = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(SLOW)]
        for sock in socks:
            sock.setblocking(False)
            await loop.sock_sendall(sock, head("GET /large HTTP/1.1", key))
        readers = [asyncio.ensure_future(trickle(sock)) for sock in socks]
        await steady(lambda: sent(upstream) // 1_000_000, for_s=0.5, within_s=20)
        held = sent(upstream)
        worst_s, grown = await worst_of_others(gateway, key), gateway.memory_bytes() - before
        for reader, sock in zip(readers, socks, strict=True):
            reader.cancel()
            sock.close()
        await asyncio.gather(*readers, return_exceptions=True)
    assert held < SLOW * HELD_BYTES_MAX, "the senders were held back"
    assert worst_s < 1.0
    assert grown < GROWTH_BYTES_MAX[served_plane]


def sent(upstream: ScriptedUpstream) -> int:
    """What the upstream could get rid of."""
    return sum(
        each.bytes_sent - each.transport.get_write_buffer_size()
        for each in upstream.connections
        if not each.is_lost
    )


async def test_uploads_that_the_upstream_does_not_take_cost_little_memory_and_nobody_elses_time(
    home: Home, upstream: ScriptedUpstream, served_plane: str
) -> None:
    home.configure(f"http://127.0.0.1:{upstream.port}", server=on_plane(served_plane))
    key = home.make_key("Large")
    with home.serve() as gateway:
        assert await worst_of_others(gateway, key) < 1.0
        before = gateway.memory_bytes()
        callers = [await call("127.0.0.1", gateway.port) for _ in range(SLOW)]
        uploads = []
        for caller in callers:
            caller.send(head("POST /upload HTTP/1.1", key, f"Content-Length: {WHOLE_BYTES}"))
            uploads.append(asyncio.ensure_future(caller.send_all(PIECE * (WHOLE_BYTES // len(PIECE)))))
        await steady(lambda: sum(each.bytes_sent for each in callers) // 1_000_000, for_s=0.5, within_s=20)
        held = sum(each.bytes_sent for each in callers)
        worst_s, grown = await worst_of_others(gateway, key), gateway.memory_bytes() - before
        for caller, upload in zip(callers, uploads, strict=True):
            upload.cancel()
            caller.reset()
        for connection in upstream.connections:
            connection.abandon()
        ends = [*callers, *upstream.connections]
        await eventually(lambda: all(end.is_lost for end in ends), "everybody leaves")
    assert held < SLOW * HELD_BYTES_MAX, "the senders were held back"
    assert worst_s < 1.0
    assert grown < GROWTH_BYTES_MAX[served_plane]
