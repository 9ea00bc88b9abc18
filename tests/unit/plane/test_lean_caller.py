"""Guarantees of gateway/plane/lean_caller.py: answers in order, in bounded time, for as many as there may be.

What can be seen on the wire is held by tests/conformance; here are the moments that the wire cannot choose.
"""

import asyncio
import logging

import pytest

from gateway.core.refusal import Reason
from gateway.plane.lean_caller import AT_ONCE_BYTES_MAX, AT_ONCE_MAX, LINGER_S, LeanCaller
from gateway.wire.request_head import Limits
from tests.unit.plane.lean_stage import (
    GET,
    HEALTH,
    LIMITS,
    OK,
    POST,
    FakeTransport,
    Stage,
    status_of,
)

HEAD_S, IDLE_S = LIMITS.head_timeout_s, LIMITS.idle_timeout_s


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


# --- Connections ------------------------------------------------------------------------------------------


async def test_one_too_many_from_a_peer_is_closed_without_a_word(stage: Stage) -> None:
    transports = [stage.caller()[1] for _ in range(3)]
    assert [each.was_aborted for each in transports] == [False, False, True]
    assert [each.written for each in transports] == [b"", b"", b""]
    assert stage.plane.connections.turned_away == 1


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.1.2.3"])
async def test_loopback_and_trusted_proxies_are_not_one_peer(stage: Stage, peer: str) -> None:
    transports = [stage.caller(peer=peer)[1] for _ in range(LIMITS.connections_max)]
    assert not any(each.was_aborted for each in transports)


async def test_when_all_places_are_taken_the_one_idle_longest_makes_room(stage: Stage) -> None:
    held = []
    for number in range(4):
        stage.clock.mono += 1
        held.append(stage.caller(peer=f"198.51.100.{number}"))
    held[0][0].data_received(GET)  # busy now: it waits for a connection to the upstream
    _, late = stage.caller(peer="198.51.100.9")
    assert not late.was_aborted
    assert [each.was_aborted for _, each in held] == [False, True, False, False]
    assert stage.plane.connections.made_room == 1
    stage.plane.connections.go(held[0][0])
    held[0][0].connection_lost(None)


async def test_a_peer_without_an_address_is_one_as_well(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, transport = LeanCaller(stage.plane), FakeTransport()
    monkeypatch.setattr(transport, "_extra", {"peername": "/a/unix/socket"})
    caller.connection_made(transport)
    assert not caller.peer
    caller.data_received(HEALTH)
    assert status_of(transport.written) == 200


# --- Deadlines --------------------------------------------------------------------------------------------


async def test_who_says_nothing_is_let_go_after_the_idle_time(stage: Stage) -> None:
    caller, transport = stage.caller()
    stage.wait(IDLE_S - 1, caller)
    assert not transport.is_closing()
    stage.wait(1, caller)
    assert (transport.was_closed, transport.written) == (True, b"")


async def test_the_idle_time_begins_with_the_end_of_an_answer(stage: Stage) -> None:
    caller, transport = stage.caller()
    stage.wait(IDLE_S - 1, caller)
    caller.data_received(HEALTH)
    stage.wait(IDLE_S - 1, caller)
    assert not transport.is_closing()
    stage.wait(1, caller)
    assert transport.is_closing()


async def test_a_head_that_does_not_come_to_its_end_is_refused_in_words(stage: Stage) -> None:
    caller, transport = stage.caller(GET[:10])
    stage.wait(HEAD_S - 1, caller)
    caller.data_received(GET[10:12])
    assert transport.written == b""
    stage.wait(1, caller)
    assert status_of(transport.written) == 408
    (told,) = stage.witness.ended
    assert (told.reason, told.method, told.path) == (Reason.REQUEST_TIMEOUT, "GET", "/open/x")


async def test_a_head_in_time_is_served_and_the_next_has_its_own_time(stage: Stage) -> None:
    caller, transport = stage.caller(HEALTH[:10])
    stage.wait(HEAD_S - 1, caller)
    caller.data_received(HEALTH[10:] + HEALTH[:5])
    assert status_of(transport.take()) == 200
    stage.wait(HEAD_S - 1, caller)
    caller.data_received(HEALTH[5:])
    assert status_of(transport.take()) == 200


async def test_whoever_was_refused_is_listened_to_for_a_while_and_then_let_go(stage: Stage) -> None:
    caller, transport = stage.caller(b"garbage\r\n\r\n")
    assert status_of(transport.take()) == 400
    caller.data_received(b"more " * 10_000)
    assert (transport.written, transport.reads) == (b"", True)
    stage.wait(LINGER_S - 1, caller)
    assert not transport.was_aborted
    stage.wait(1, caller)
    assert transport.was_aborted


async def test_who_takes_the_last_answer_slowly_may_and_who_takes_nothing_is_let_go(stage: Stage) -> None:
    caller, transport = stage.caller()
    transport.unsent = 1_000
    caller.data_received(b"garbage\r\n\r\n")
    for left in (800, 500):
        transport.unsent = left
        stage.wait(IDLE_S, caller)
        assert not transport.was_aborted
    stage.wait(IDLE_S, caller)
    assert transport.was_aborted


# --- Heads and pipelining ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"x" * 1_024, 431, id="too-large-to-become-a-head"),
        pytest.param(b"GET / HTTP/1.1\nHost", 400, id="hopeless"),
        pytest.param(b"\x16\x03\x01", 400, id="tls"),
    ],
)
async def test_what_cannot_become_a_head_is_refused_before_its_end(
    stage: Stage, begun: bytes, status: int
) -> None:
    _, transport = stage.caller(begun)
    assert status_of(transport.written) == status


async def test_blank_lines_before_a_head_are_passed_over(stage: Stage) -> None:
    _, transport = stage.caller(b"\r\n", b"\r\n\r\n" + HEALTH)
    assert status_of(transport.written) == 200


async def test_others_get_their_turn_after_so_many_requests_in_one_read(stage: Stage) -> None:
    _, transport = stage.caller(HEALTH * (AT_ONCE_MAX + 3))
    assert transport.written.count(b"HTTP/1.1 200 OK") == AT_ONCE_MAX
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1 200 OK") == AT_ONCE_MAX + 3


async def test_others_get_their_turn_after_so_many_bytes_in_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Limits())
    heavy = HEALTH.replace(b"\r\n\r\n", b"\r\nX-A: " + b"a" * 12_000 + b"\r\n\r\n")
    _, transport = stage.caller(heavy * 5)
    assert transport.written.count(b"HTTP/1.1 200 OK") == AT_ONCE_BYTES_MAX // 12_000 + 1
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1 200 OK") == 5


async def test_who_has_not_taken_the_end_of_an_answer_is_busy_still(stage: Stage) -> None:
    caller, transport = stage.caller(HEALTH)
    assert (caller.is_exchanging, caller.is_busy) == (False, False)
    transport.unsent = 1
    assert (caller.is_exchanging, caller.is_busy) == (False, True)


@pytest.mark.parametrize("end", ["expire", "make_room", "cut"])
async def test_what_is_thrown_away_is_seen(stage: Stage, end: str) -> None:
    caller, transport = stage.caller(HEALTH)
    transport.unsent = 40_000
    if end == "expire":
        caller.pause_writing()
        stage.wait(LIMITS.idle_timeout_s + 1, caller)
    else:
        getattr(caller, end)()
    assert transport.was_aborted
    assert transport.options


async def test_where_nothing_is_thrown_away_nothing_is_reset(stage: Stage) -> None:
    caller, transport = stage.caller(HEALTH)
    caller.make_room()
    assert (transport.was_aborted, transport.options) == (True, [])


async def test_a_blank_line_is_no_head_that_has_begun(stage: Stage) -> None:
    caller, transport = stage.caller(b"\r", b"\n")
    stage.wait(LIMITS.head_timeout_s + 1, caller)
    assert (transport.written, transport.was_closed) == (b"", False)


async def test_a_caller_that_left_meanwhile_is_not_served_on(stage: Stage) -> None:
    caller, transport = stage.caller(HEALTH * (AT_ONCE_MAX + 3))
    caller.connection_lost(None)
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1 200 OK") == AT_ONCE_MAX


async def test_pipelined_requests_wait_and_are_not_read_without_end(stage: Stage) -> None:
    link, upstream = stage.link()
    caller, transport = stage.caller(GET)
    while transport.is_reading():
        caller.data_received(HEALTH)
        assert len(caller._buffer) < 2 * LIMITS.head_bytes_max
    assert transport.written == b""
    link.data_received(OK)
    assert transport.written.count(b"HTTP/1.1 200 OK") > 10
    await asyncio.sleep(0)
    assert transport.is_reading()
    assert upstream.written.startswith(b"GET /open/x HTTP/1.1\r\n")


async def test_nothing_is_served_while_the_caller_takes_nothing(stage: Stage) -> None:
    caller, transport = stage.caller()
    caller.pause_writing()
    caller.data_received(HEALTH)
    assert transport.written == b""
    caller.resume_writing()
    await asyncio.sleep(0)
    assert status_of(transport.written) == 200


# --- Ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["eof_received", "connection_lost"])
async def test_a_caller_that_leaves_ends_its_exchange_and_the_work_upstream(stage: Stage, end: str) -> None:
    _, upstream = stage.link()
    caller, _ = stage.caller(GET)
    caller.eof_received() if end == "eof_received" else caller.connection_lost(None)
    assert upstream.was_aborted
    assert [each.cut for each in stage.witness.ended] == ["caller_gone"]


async def test_who_is_cut_without_an_exchange_is_closed(stage: Stage) -> None:
    caller, transport = stage.caller()
    caller.cut()
    assert transport.was_aborted


@pytest.mark.parametrize(
    ("reset", "unsent", "aborted"), [(False, 0, False), (False, 9, True), (True, 0, True)]
)
async def test_a_cut_is_seen_whatever_has_not_left_yet(
    stage: Stage, reset: bool, unsent: int, aborted: bool
) -> None:
    caller, transport = stage.caller()
    transport.unsent = unsent
    caller.hang_up(reset=reset)
    assert (transport.was_aborted, transport.was_closed) == (aborted, not aborted)


async def test_an_accident_before_an_exchange_is_logged_and_closes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault in the house")

    monkeypatch.setattr(type(stage.plane.plans), "of", fail)
    _, transport = stage.caller(GET)
    assert transport.was_aborted
    assert "a fault in the house" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


async def test_an_accident_in_a_later_turn_is_one_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caller, transport = stage.caller()
    caller.pause_writing()
    caller.data_received(HEALTH)
    monkeypatch.setattr(type(stage.plane.plans), "of", lambda *_: 1 / 0)
    caller.resume_writing()
    await asyncio.sleep(0)
    assert transport.was_aborted
    assert "ZeroDivisionError" in caplog.text


async def test_a_new_limit_holds_for_a_connection_that_was_there_before(stage: Stage) -> None:
    caller, transport = stage.caller()
    stage.plane.ground = type(stage.plane.ground)({}, Limits(target_bytes_max=3))
    caller.data_received(HEALTH)
    assert status_of(transport.written) == 431


async def test_the_rest_of_a_body_that_nobody_wants_closes_the_connection(stage: Stage) -> None:
    _, transport = stage.caller(POST.replace(b"/open/x", b"/nowhere"))
    assert status_of(transport.written) == 404
    assert transport.has_ended
