"""What must be refused is refused, and nothing of it reaches the upstream as a request."""

import pytest

from tests.gauntlet.conftest import Tell
from tests.gauntlet.corpus import CLOSING, EITHER, REFUSALS, STAYING, cases, counted, method_of, refused
from tests.gauntlet.obliging_upstream import whole
from tests.gauntlet.payloads.parts import FOLLOWER, FOLLOWER_TARGET
from tests.support.plane_stand import Stand
from tests.support.tally import HOSTILE


@pytest.mark.parametrize("name", cases(CLOSING))
async def test_what_must_be_refused_is_and_nothing_reaches_the_upstream(
    stand: Stand, name: str, tried: Tell, reached: Tell
) -> None:
    tried(stand.plane_name, HOSTILE)
    try:
        response = await refused(stand, CLOSING[name], None)
    finally:
        seen = whole(stand.upstream.requests())
        reached(stand.plane_name, HOSTILE, len([each for each in seen if each.target != FOLLOWER_TARGET]))
    assert seen == []
    assert response.status in REFUSALS
    assert response.one(b"connection") == b"close"
    assert (counted(stand), len(stand.notebook.ended)) == (0, 1)


@pytest.mark.parametrize("sent", STAYING.values(), ids=STAYING)
async def test_what_is_refused_without_closing_leaves_only_the_next_request(
    stand: Stand, sent: bytes, tried: Tell, reached: Tell
) -> None:
    tried(stand.plane_name, HOSTILE)
    caller = await stand.call(sent + FOLLOWER)
    response = await caller.until(lambda: caller.peek(method_of(sent)), "a refusal")
    response = await caller.response(method_of(sent))
    if response.one(b"connection") != b"close":
        assert (await caller.response()).status == 200
    seen = [request.target for request in whole(stand.upstream.requests())]
    reached(stand.plane_name, HOSTILE, len([each for each in seen if each != FOLLOWER_TARGET]))
    assert seen == [FOLLOWER_TARGET] * counted(stand)
    assert response.status in REFUSALS


@pytest.mark.parametrize("sent", EITHER.values(), ids=EITHER)
async def test_what_may_be_taken_or_refused_is_counted_as_the_upstream_sees_it(
    stand: Stand, sent: bytes
) -> None:
    caller = await stand.call(sent + FOLLOWER)
    await caller.until(lambda: caller.peek(method_of(sent)), "an answer")
    first = await caller.response(method_of(sent))
    if first.one(b"connection") != b"close":
        assert (await caller.response()).status == 200
    seen = [request.target for request in whole(stand.upstream.requests())]
    assert seen == [b"/any/x", FOLLOWER_TARGET][-counted(stand) :] or (seen, counted(stand)) == ([], 0)
    assert all(request.body in (b"", b"hello") for request in stand.upstream.requests())
    assert (first.status == 200) == (b"/any/x" in seen)


def test_the_gauntlet_is_as_long_as_it_says() -> None:
    assert len(CLOSING) + len(STAYING) >= 1_000
