"""Guarantees of gateway/plane/lean_server.py: it listens where it is told and leaves nothing open.

What it does between the two is held on the wire by tests/conformance.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.plane.contract import Ground
from gateway.plane.lean_server import SWEEP_S, LeanPlane
from gateway.wire.request_head import Limits
from gateway.wire.upstream import Upstream
from tests.unit.plane.lean_stage import GET, HEALTH, Stage
from tests.unit.plane.stage import ask, gone

GOODBYE = b"GET /.keyhatch/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    stage = Stage(monkeypatch)
    yield stage
    await stage.plane.drain(0)


@pytest.fixture
async def plane(stage: Stage) -> LeanPlane:
    return stage.plane


async def test_it_tells_where_it_listens_and_takes_requests_there(stage: Stage) -> None:
    host, port = await stage.plane.start("127.0.0.1", 0)
    assert (host, port > 0) == ("127.0.0.1", True)
    assert (await ask((host, port), GOODBYE)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (stage.witness.began, [exchange.status for exchange in stage.witness.ended]) == (1, [200])


async def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open(plane: LeanPlane) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    try:
        with pytest.raises(OSError, match="address already in use"):
            await plane.start("127.0.0.1", port)
        await plane.drain(0)
    finally:
        taken.close()
        await taken.wait_closed()


async def test_after_draining_nobody_listens_and_draining_twice_is_harmless(plane: LeanPlane) -> None:
    at = await plane.start("127.0.0.1", 0)
    await plane.drain(0)
    await plane.drain(0)
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(*at)


async def test_a_plane_that_never_started_drains_at_once(plane: LeanPlane) -> None:
    async with asyncio.timeout(1):
        await plane.drain(60)


async def test_draining_closes_a_connection_that_waits_for_its_next_request(plane: LeanPlane) -> None:
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


async def test_draining_cuts_what_does_not_end_within_the_grace(stage: Stage) -> None:
    stage.dial_in_vain()
    at = await stage.plane.start("127.0.0.1", 0)
    asking = asyncio.ensure_future(ask(at, GET))
    async with asyncio.timeout(5):
        while not stage.witness.began:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        await stage.plane.drain(0.01)
        assert await asking == b""
    assert [each.cut for each in stage.witness.ended] == ["shutdown"]


async def test_draining_waits_until_an_answer_was_taken_to_its_end(stage: Stage) -> None:
    await stage.plane.start("127.0.0.1", 0)
    caller, transport = stage.caller(HEALTH)
    transport.unsent = 40_000
    draining = asyncio.ensure_future(stage.plane.drain(60))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (transport.was_closed, transport.was_aborted, draining.done()) == (True, False, False)
    transport.unsent = 0
    caller.connection_lost(None)
    async with asyncio.timeout(5):
        await draining
    assert not transport.was_aborted


async def test_while_it_drains_nobody_new_is_taken_in(stage: Stage) -> None:
    await stage.plane.start("127.0.0.1", 0)
    stage.plane.house.is_draining = True
    _, transport = stage.caller()
    assert transport.was_aborted


async def test_a_reload_holds_for_the_next_request(plane: LeanPlane) -> None:
    at = await plane.start("127.0.0.1", 0)
    plane.ground = Ground({}, Limits(target_bytes_max=5))
    assert (await ask(at, GOODBYE)).startswith(b"HTTP/1.1 431 ")
    plane.ground = Ground({})
    assert (await ask(at, GOODBYE)).startswith(b"HTTP/1.1 200 ")


async def test_a_reload_closes_idle_connections_to_upstreams(stage: Stage) -> None:
    _, upstream = stage.link()
    stage.plane.ground = Ground({})
    assert upstream.was_aborted


@pytest.mark.parametrize(
    ("limits", "upstreams", "interval_s"),
    [
        pytest.param(Limits(), {}, SWEEP_S[1], id="long-times"),
        pytest.param(Limits(head_timeout_s=0.8), {}, 0.1, id="a-short-time"),
        pytest.param(Limits(head_timeout_s=0.001), {}, SWEEP_S[0], id="a-very-short-time"),
        pytest.param(
            Limits(), {"u": Upstream("u", "http", "h", 1, timeout_idle_s=1.6)}, 0.2, id="an-upstreams-time"
        ),
    ],
)
async def test_deadlines_are_looked_at_as_often_as_the_shortest_of_them_needs(
    plane: LeanPlane, limits: Limits, upstreams: dict[str, Upstream], interval_s: float
) -> None:
    plane.ground = Ground(upstreams, limits)
    assert plane._interval_s() == pytest.approx(interval_s)


async def test_no_two_exchanges_have_one_request_id(plane: LeanPlane) -> None:
    ids = {plane.new_request_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in ids)
