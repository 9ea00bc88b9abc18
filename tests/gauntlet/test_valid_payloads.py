"""What is valid reaches the upstream, once, with its body; a strict gateway is not one that refuses more."""

import pytest

from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.gauntlet.conftest import Tell
from tests.gauntlet.corpus import EVERY_THIRD, PASSED, cases, counted, method_of, piece_bytes
from tests.gauntlet.obliging_upstream import obliging, whole
from tests.gauntlet.payloads import valid
from tests.gauntlet.payloads.parts import Valid
from tests.support.plane_stand import KEY, Stand
from tests.support.tally import VALID


@pytest.mark.parametrize("name", cases(PASSED))
async def test_what_is_valid_reaches_the_upstream_once(build: BuildStand, name: str, tried: Tell) -> None:
    each = PASSED[name]
    stand = await build(script=obliging, limits=Limits(body_bytes_max=valid.BODY_MAX))
    tried(stand.plane_name, VALID)
    caller = await stand.call(each.sent)
    await _answered(stand, each)
    seen = stand.upstream.requests()
    assert [request.body for request in whole(seen)] == list(each.bodies)
    line = each.sent.lstrip(b"\r\n").partition(b"\r\n")[0].replace(b"HTTP/1.0", b"HTTP/1.1")
    if KEY not in line:
        assert {request.start for request in seen} >= {line}
    caller.abandon()
    await stand.exchange(len(each.bodies) - 1)
    assert counted(stand) == len(seen) == len(each.bodies)


@pytest.mark.parametrize("name", cases(list(PASSED)[EVERY_THIRD]))
async def test_so_it_does_byte_by_byte(build: BuildStand, name: str) -> None:
    each = PASSED[name]
    stand = await build(script=obliging, limits=Limits(body_bytes_max=valid.BODY_MAX))
    caller = await stand.call()
    await caller.send_slowly(each.sent, piece_bytes(each.sent))
    await _answered(stand, each)
    assert [request.body for request in whole(stand.upstream.requests())] == list(each.bodies)


async def _answered(stand: Stand, each: Valid) -> None:
    caller = stand.callers[-1]
    for _ in each.bodies:
        response = await caller.response(to=method_of(each.sent))
        assert response.status == each.status, response


def test_the_gauntlet_is_as_long_as_it_says() -> None:
    assert len(PASSED) >= 200
