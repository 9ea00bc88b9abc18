"""Guarantees of gateway/plane/aiohttp_caller.py: every answer of ours is framed, every bad head is answered.

Deadlines and closing are held on the wire by tests/conformance.
"""

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, BadStatusLine, LineTooLong

from gateway.core.refusal import Deny, Reason
from gateway.plane.aiohttp_caller import Answer, CallerProtocol, protocol_of
from gateway.plane.http_date import HttpDate
from gateway.wire.reply import Reply, refusal
from gateway.wire.request_head import Limits
from tests.unit.plane.stage import StillClock

LIMITS = Limits(head_bytes_max=4_096, fields_max=7, idle_timeout_s=0.02)


def refused(deny: Deny, _peer: str, _opening: bytes) -> Reply:
    return refusal(deny, "req-1", "kh")


async def served(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError


@pytest.fixture
async def caller() -> CallerProtocol:
    return CallerProtocol(web.Server(served), LIMITS, refused, HttpDate(StillClock()))


@pytest.mark.parametrize(
    ("trouble", "deny"),
    [
        pytest.param(
            LineTooLong(b"GET /", 4_096),
            Deny(Reason.HEADER_TOO_LARGE, {"what": "bytes in the head", "limit": "4096"}),
            id="long-line",
        ),
        pytest.param(
            BadHttpMessage("Too many headers received"),
            Deny(Reason.HEADER_TOO_LARGE, {"what": "header fields", "limit": "7"}),
            id="many-fields",
        ),
        pytest.param(
            BadStatusLine("GET kh_secret"),
            Deny(Reason.REQUEST_MALFORMED, {"rule": "its head cannot be parsed"}),
            id="garbage",
        ),
        pytest.param(
            None, Deny(Reason.REQUEST_MALFORMED, {"rule": "its head cannot be parsed"}), id="nothing"
        ),
    ],
)
async def test_a_head_that_aiohttp_cannot_parse_has_a_reason_and_is_not_quoted(
    caller: CallerProtocol, trouble: Exception | None, deny: Deny
) -> None:
    assert caller._fault(trouble) == deny
    assert "kh_secret" not in json.dumps(dict(caller._fault(trouble).facts))


async def test_a_connection_that_is_gone_is_answered_with_nothing(caller: CallerProtocol) -> None:
    answer = caller.handle_error(None, 400, BadStatusLine(""))  # type: ignore[arg-type]
    assert answer.keep_alive is False
    caller._head_is_late()
    caller.stop_head_timer()


@pytest.mark.parametrize("stays", [True, False])
async def test_an_answer_says_whether_the_connection_stays_open_and_writes_nothing(stays: bool) -> None:
    answer = Answer(keep_alive=stays)
    assert answer.keep_alive is stays
    await answer.write_eof(b"never written")
    assert not answer.prepared


def test_a_request_of_another_server_is_a_mistake_in_the_house() -> None:
    class Foreign:
        protocol = object()

    with pytest.raises(AssertionError):
        protocol_of(Foreign())  # type: ignore[arg-type]


class Stuck(asyncio.Transport):
    """A transport that holds these bytes back for ever."""

    def __init__(self, held: int) -> None:
        super().__init__()
        self.held = held
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.held

    def close(self) -> None:
        """Wait for what is held back."""

    def abort(self) -> None:
        self.aborted.set()


async def test_a_closing_connection_does_not_wait_for_ever_for_what_nobody_takes(
    caller: CallerProtocol,
) -> None:
    caller.transport = stuck = Stuck(held=9)
    caller.force_close()
    caller.force_close()
    async with asyncio.timeout(5):
        await stuck.aborted.wait()


@pytest.mark.parametrize("held", [0, 9], ids=["all-was-taken", "it-was-taken-in-time"])
async def test_a_closing_connection_whose_caller_takes_everything_is_left_alone(
    caller: CallerProtocol, held: int
) -> None:
    caller.transport = stuck = Stuck(held)
    caller.force_close()
    caller.stop_timers()
    await asyncio.sleep(0.06)
    assert not stuck.aborted.is_set()
