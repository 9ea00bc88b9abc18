"""An upstream with several targets: turns, retries where nothing was sent, and who is left out."""

import asyncio
import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.refusal import Reason
from gateway.wire.targets import Balance, Eject, State, UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer
from tests.support.plane_stand import Stand, request
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import RESET, ScriptedUpstream, UpstreamConnection, answering, playing

GET = request(b"GET /any/x HTTP/1.1")
POST = request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi")
UPLOAD = request(b"POST /any/x HTTP/1.1", b"Content-Length: 4", body=b"hi")


def at(name: str, port: int, host: str = "127.0.0.1") -> UpstreamTarget:
    return UpstreamTarget(name, "http", host, port)


def lead(
    stand: Stand, *targets: UpstreamTarget, balance: Balance = "round_robin", connect_s: float = 5.0
) -> Upstream:
    """From now on `main` has these targets."""
    ground, first = stand.plane.ground, targets[0]
    upstream = replace(
        ground.upstreams["main"],
        host=first.host,
        port=first.port,
        targets=targets,
        balance=balance,
        eject=Eject(3, 60.0),
        timeout_connect_s=connect_s,
    )
    stand.plane.ground = replace(ground, upstreams={**ground.upstreams, "main": upstream})
    return upstream


def both(stand: Stand) -> tuple[UpstreamTarget, UpstreamTarget]:
    return at("a", stand.upstream.port), at("b", stand.second.port)


async def ask(stand: Stand, sent: bytes = GET) -> int:
    caller = await stand.call(sent)
    return (await caller.response()).status


async def test_targets_take_turns_and_each_is_called_by_its_own_name(stand: Stand) -> None:
    upstream = lead(stand, *both(stand))
    for _ in range(6):
        assert await ask(stand) == 200
    for server in (stand.upstream, stand.second):
        seen = server.requests()
        assert len(seen) == 3
        assert {each.one(b"host") for each in seen} == {b"127.0.0.1:%d" % server.port}
    await eventually(lambda: not any(each.busy for each in upstream.crew.standings), "nobody is busy")


async def test_what_is_under_way_counts_and_the_least_busy_is_asked(by_hand: Stand) -> None:
    upstream = lead(by_hand, *both(by_hand), balance="least_busy")
    long = await by_hand.call(GET)
    held = await by_hand.upstream.connection()
    await held.request()
    assert [each.busy for each in upstream.crew.standings] == [1, 0]
    for _ in range(3):
        assert await ask(by_hand) == 200
    assert len(by_hand.second.requests()) == 3
    held.send(answer(body=b"late"))
    assert (await long.response()).body == b"late"
    await eventually(lambda: not any(each.busy for each in upstream.crew.standings), "nobody is busy")


@pytest.mark.parametrize("sent", [GET, POST], ids=["GET", "POST"])
async def test_where_nothing_could_be_sent_the_next_target_is_asked(stand: Stand, sent: bytes) -> None:
    lead(stand, at("dead", 1), at("b", stand.second.port))
    for _ in range(4):
        assert await ask(stand, sent) == 200
    seen = stand.second.requests()
    assert len(seen) == 4
    assert {each.one(b"host") for each in seen} == {b"127.0.0.1:%d" % stand.second.port}


async def test_a_body_that_is_still_coming_goes_to_the_next_target_whole(stand: Stand) -> None:
    lead(stand, at("dead", 1), at("b", stand.second.port))
    caller = await stand.call(UPLOAD)
    await stand.second.connection()
    caller.send(b"-o")
    assert (await caller.response()).status == 200
    assert [each.body for each in stand.second.requests()] == [b"hi-o"]


async def test_failures_in_a_row_leave_a_target_out_and_an_answer_takes_it_back(stand: Stand) -> None:
    upstream = lead(stand, at("dead", 1), at("b", stand.second.port))
    dead = upstream.crew.standings[0]
    for _ in range(6):
        assert await ask(stand) == 200
    assert (dead.state, dead.failures, dead.ejections_total) == (State.EJECTED, 3, 1)
    assert dead.last_error == "Connection refused"
    assert upstream.crew.standings[1].state is State.UP


async def test_where_every_target_is_dead_the_refusal_names_none(stand: Stand) -> None:
    lead(stand, at("one", 1), at("two", 1, "127.0.0.2"))
    for _ in range(5):  # also while all of them are left out
        caller = await stand.call(GET)
        response = await caller.response()
        assert response.status == 502
        assert b"127.0.0" not in response.body
        assert b"two" not in response.body
    assert (await stand.exchange(4)).reason is Reason.UPSTREAM_UNREACHABLE


async def test_a_drained_target_gets_nothing_new_and_ends_what_it_has(by_hand: Stand) -> None:
    upstream = lead(by_hand, *both(by_hand))
    long = await by_hand.call(GET)
    held = await by_hand.upstream.connection()
    await held.request()
    upstream.crew.standings[0].drain(0.0, drained=True)
    for _ in range(3):
        assert await ask(by_hand) == 200
    assert len(by_hand.second.requests()) == 3
    held.send(answer(body=b"late"))
    assert (await long.response()).body == b"late"


async def test_where_every_target_is_drained_nobody_is_asked(stand: Stand) -> None:
    upstream = lead(stand, *both(stand))
    for each in upstream.crew.standings:
        each.drain(0.0, drained=True)
    assert await ask(stand) == 502
    assert (await stand.exchange()).reason is Reason.UPSTREAM_UNREACHABLE
    stand.assert_untouched()
    for each in upstream.crew.standings:
        each.drain(0.0, drained=False)


async def test_a_safe_request_whose_connection_broke_goes_to_another_target(build: BuildStand) -> None:
    stand = await build(script=playing(RESET))
    upstream = lead(stand, *both(stand))
    assert await ask(stand) == 200
    assert (len(stand.upstream.requests()), len(stand.second.requests())) == (1, 1)
    assert upstream.crew.standings[0].failures == 1


async def test_a_request_that_was_sent_and_changes_things_is_not_sent_twice(build: BuildStand) -> None:
    stand = await build(script=playing(RESET))
    lead(stand, *both(stand))
    assert await ask(stand, POST) == 502
    assert (len(stand.upstream.requests()), len(stand.second.requests())) == (1, 0)


async def test_a_target_that_swallows_packets_does_not_use_up_the_time_of_the_others(stand: Stand) -> None:
    backlog = _Backlog()
    try:
        upstream = lead(stand, at("deaf", backlog.port), at("b", stand.second.port), connect_s=0.8)
        assert await ask(stand) == 200
        assert upstream.crew.standings[0].last_error == "it takes no connection in time (timeouts.connect)"
    finally:
        backlog.close()


async def test_an_upstream_behind_a_unix_socket_is_called_localhost(stand: Stand) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.fspath(Path(folder) / "app.sock")
        server = ScriptedUpstream(answering(answer(body=b"unix")))
        listening = await asyncio.get_running_loop().create_unix_server(
            lambda: UpstreamConnection(server), path
        )
        lead(stand, UpstreamTarget("main", "http", "localhost", 80, path))
        caller = await stand.call(GET + GET)
        for _ in range(2):
            assert (await caller.response()).body == b"unix"
        assert [each.one(b"host") for each in server.requests()] == [b"localhost"] * 2
        assert len(server.connections) == 1
        listening.close()
        lead(stand, UpstreamTarget("gone", "http", "localhost", 80, path + "-gone"))
        assert await ask(stand) == 502
        server.connections[0].abandon()


class _Backlog:
    """A listener that never accepts and whose queue is full: the system drops what knocks."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._knocking = []
        for _ in range(4):
            knocking = socket.socket()
            knocking.setblocking(False)
            knocking.connect_ex(("127.0.0.1", self.port))
            self._knocking.append(knocking)

    def close(self) -> None:
        for each in (*self._knocking, self._listener):
            each.close()
