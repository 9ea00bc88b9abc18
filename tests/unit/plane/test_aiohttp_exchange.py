"""Guarantees of gateway/plane/aiohttp_exchange.py: an accident is a refusal, never silence and never a pass.

Everything that is no accident is held on the wire by tests/conformance.
"""

import json
import logging
import re

import pytest

from gateway.core.refusal import Reason
from gateway.core.routes import Route
from gateway.plane.aiohttp_exchange import new_request_id
from tests.unit.plane.stage import Witness, ask, plane_of


def test_request_ids_are_safe_to_log_and_no_two_are_alike() -> None:
    ids = {new_request_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)


async def test_an_accident_is_told_to_the_caller_the_log_and_the_observer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    witness = Witness()
    plane = plane_of(witness, Route("broken", "/broken", "an-upstream-that-is-not-there", public=True))
    at = await plane.start("127.0.0.1", 0)
    try:
        request = b"GET /broken HTTP/1.1\r\nHost: x\r\nX-Request-Id: r-1\r\nConnection: close\r\n\r\n"
        head, _, body = (await ask(at, request)).partition(b"\r\n\r\n")
    finally:
        await plane.drain(0)
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"not-there" not in body
    assert json.loads(body)["error"]["message"].startswith(
        "The server behind this gateway could not be asked because of a fault in the gateway."
    )
    (told,) = witness.ended
    assert (witness.began, told.status, told.reason) == (1, 502, Reason.UPSTREAM_PROTOCOL)
    assert (told.route_id, told.request_id) == ("broken", "r-1")
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "request r-1 met something unexpected")
    assert record.exc_info is not None
