"""Guarantees of gateway/plane/lean_forward.py: who is slow holds back the other, and nothing waits for ever.

What can be seen on the wire is held by tests/conformance; here are the moments that the wire cannot choose.
"""

import pytest

from gateway.core.refusal import Reason
from gateway.plane.lean_reach import HELD_BYTES_MAX
from tests.unit.plane.lean_stage import GET, LIMITS, OK, POST, UPSTREAM, Stage, status_of

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


# --- Back-pressure ----------------------------------------------------------------------------------------


async def test_a_caller_that_takes_no_more_holds_back_the_upstream(stage: Stage) -> None:
    link, upstream = stage.link()
    caller, _ = stage.caller(GET)
    link.data_received(STREAM)
    caller.pause_writing()
    assert not upstream.is_reading()
    caller.resume_writing()
    assert upstream.is_reading()


async def test_an_upstream_that_takes_no_more_holds_back_the_caller(stage: Stage) -> None:
    link, _ = stage.link()
    _, transport = stage.caller(POST + b"he")
    link.pause_writing()
    assert not transport.is_reading()
    link.resume_writing()
    assert transport.is_reading()


async def test_a_body_is_not_gathered_without_end_while_the_upstream_is_dialled(stage: Stage) -> None:
    size = 4 * HELD_BYTES_MAX
    caller, transport = stage.caller(POST.replace(b"Length: 5", b"Length: %d" % size))
    held = 0
    while transport.is_reading():
        caller.data_received(b"x" * 10_000)
        held += 10_000
    assert HELD_BYTES_MAX < held <= HELD_BYTES_MAX + 10_000
    caller.connection_lost(None)


async def test_an_upstream_that_is_held_back_at_the_end_reads_again_for_the_next(stage: Stage) -> None:
    link, upstream = stage.link()
    caller, _ = stage.caller(GET)
    link.data_received(STREAM)
    caller.pause_writing()
    link.data_received(b"0\r\n\r\n")
    assert upstream.is_reading()
    assert stage.plane.house.pool.lend(link.origin, stage.clock.mono) is link


# --- Deadlines --------------------------------------------------------------------------------------------


async def test_an_upstream_that_says_nothing_is_given_its_time_for_the_first_byte(stage: Stage) -> None:
    _, upstream = stage.link()
    caller, transport = stage.caller(GET)
    stage.wait(UPSTREAM.timeout_first_byte_s - 1, caller)
    assert transport.written == b""
    stage.wait(1, caller)
    assert status_of(transport.written) == 504
    assert upstream.was_aborted
    assert [each.reason for each in stage.witness.ended] == [Reason.UPSTREAM_TIMEOUT]


async def test_an_upstream_that_stops_in_the_middle_is_cut(stage: Stage) -> None:
    link, upstream = stage.link()
    caller, transport = stage.caller(GET)
    stage.wait(20, caller)
    link.data_received(STREAM + b"1\r\na\r\n")
    stage.wait(UPSTREAM.timeout_idle_s - 1, caller)
    assert not transport.is_closing()
    stage.wait(1, caller)
    assert transport.is_closing()
    assert upstream.was_aborted
    assert [each.cut for each in stage.witness.ended] == ["upstream_idle"]


async def test_a_connection_that_cannot_be_made_in_time_is_given_up(stage: Stage) -> None:
    stage.dial_in_vain()
    caller, transport = stage.caller(GET)
    stage.wait(UPSTREAM.timeout_connect_s - 1, caller)
    assert transport.written == b""
    stage.wait(1, caller)
    assert status_of(transport.written) == 504
    assert stage.witness.ended[0].reason is Reason.UPSTREAM_TIMEOUT


async def test_a_body_that_does_not_come_is_waited_for_so_long(stage: Stage) -> None:
    stage.link()
    caller, transport = stage.caller(POST + b"he")
    stage.wait(LIMITS.idle_timeout_s - 1, caller)
    assert transport.written == b""
    stage.wait(1, caller)
    assert status_of(transport.written) == 408


async def test_a_body_that_the_upstream_does_not_take_is_not_the_callers_fault(stage: Stage) -> None:
    link, _ = stage.link()
    caller, transport = stage.caller(POST + b"he")
    link.pause_writing()
    stage.wait(UPSTREAM.timeout_first_byte_s, caller)
    assert status_of(transport.written) == 504


async def test_a_caller_who_takes_nothing_is_let_go_and_one_who_takes_slowly_is_not(stage: Stage) -> None:
    link, _ = stage.link()
    caller, transport = stage.caller(GET)
    link.data_received(STREAM)
    transport.unsent = 900
    caller.pause_writing()
    transport.unsent = 800
    stage.wait(LIMITS.idle_timeout_s, caller)
    assert not transport.is_closing()
    stage.wait(LIMITS.idle_timeout_s, caller)
    assert transport.is_closing()
    assert [each.cut for each in stage.witness.ended] == ["caller_idle"]


# --- The end of a connection ------------------------------------------------------------------------------


async def test_a_safe_request_is_asked_once_more_and_then_refused(stage: Stage) -> None:
    first, upstream = stage.link()
    dialled = stage.dial_in_vain()
    caller, transport = stage.caller(GET)
    first.connection_lost(ConnectionResetError())
    assert (len(dialled), transport.written) == (1, b"")
    second, _ = stage.link()
    dialled[0].linked(second)
    second.eof_received()
    assert status_of(transport.written) == 502
    assert len(dialled) == 1
    assert upstream.written.startswith(b"GET /open/x")
    assert not caller.is_busy


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(None, b"closed the connection without answering", id="closed"),
        pytest.param(ConnectionResetError(), b"broke the connection before answering", id="broken"),
    ],
)
async def test_what_is_not_safe_is_never_asked_twice(
    stage: Stage, fault: Exception | None, words: bytes
) -> None:
    link, _ = stage.link()
    _, transport = stage.caller(POST + b"hello")
    link.connection_lost(fault)
    assert status_of(transport.written) == 502
    assert words in transport.written


async def test_a_connection_that_was_made_for_nobody_is_closed(stage: Stage) -> None:
    dialled = stage.dial_in_vain()
    caller, transport = stage.caller(GET)
    caller.connection_lost(None)
    link, upstream = stage.link()
    dialled[0].linked(link)
    dialled[0].not_linked(OSError("too late"))
    assert upstream.was_aborted
    assert transport.written == b""


async def test_a_clean_connection_serves_the_next_and_a_dirty_one_nobody(stage: Stage) -> None:
    link, upstream = stage.link()
    _, transport = stage.caller(GET)
    link.data_received(OK)
    stage.caller(GET)
    assert upstream.written.count(b"GET /open/x") == 2
    link.data_received(OK + b"more")
    assert upstream.was_aborted
    assert status_of(transport.written) == 200


async def test_a_broken_body_is_refused_while_that_can_be_said_and_cut_after(stage: Stage) -> None:
    chunked = POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")
    _, upstream = stage.link()
    caller, transport = stage.caller(chunked)
    caller.data_received(b"x\r\n")
    assert status_of(transport.written) == 400
    assert upstream.was_aborted
    link, upstream = stage.link()
    caller, transport = stage.caller(chunked, peer="198.51.100.8")
    link.data_received(STREAM)
    caller.data_received(b"x\r\n")
    assert transport.is_closing()
    assert upstream.was_aborted
    assert stage.witness.ended[-1].cut == "caller_gone"


async def test_an_answer_before_the_end_of_the_body_closes_both(stage: Stage) -> None:
    link, upstream = stage.link()
    _, transport = stage.caller(POST + b"he")
    link.data_received(OK)
    assert b"connection: close" in transport.written
    assert transport.has_ended
    assert upstream.was_aborted
