"""Guarantees of gateway/plane/lean_reach.py: shares of the time to connect, and no dialling after the end.

What can be seen on the wire is held by tests/conformance/test_several_targets.py.
"""

from dataclasses import replace

import pytest

from gateway.core.refusal import Reason
from gateway.plane.lean_upstream import LinkUser
from gateway.wire.targets import State, UpstreamTarget
from tests.unit.plane.lean_stage import GET, OK, UPSTREAM, FakeTransport, Stage, status_of

TWO = replace(
    UPSTREAM, targets=tuple(UpstreamTarget(name, "http", "127.0.0.1", port) for port, name in enumerate("ab"))
)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


@pytest.fixture
async def waiting(stage: Stage) -> list[LinkUser]:
    stage.plane.ground = replace(stage.plane.ground, upstreams={"main": replace(TWO)})
    return stage.dial_in_vain()


async def test_a_target_has_its_share_of_the_time_and_the_next_one_the_rest(
    stage: Stage, waiting: list[LinkUser]
) -> None:
    crew = stage.plane.ground.upstreams["main"].crew
    caller, transport = stage.caller(GET)
    stage.wait(2.4, caller)
    assert [each.busy for each in crew.standings] == [1, 0]
    stage.wait(0.2, caller)
    assert [each.busy for each in crew.standings] == [0, 1]
    assert len(waiting) == 2
    stage.wait(2.5, caller)
    assert status_of(transport.written) == 504
    assert [each.reason for each in stage.witness.ended] == [Reason.UPSTREAM_TIMEOUT]
    assert [(each.busy, each.failures) for each in crew.standings] == [(0, 1), (0, 1)]


async def test_whoever_could_not_be_reached_at_all_makes_a_refusal(
    stage: Stage, waiting: list[LinkUser]
) -> None:
    _, transport = stage.caller(GET)
    for number in range(2):
        waiting[number].not_linked(ConnectionRefusedError(111, "refused"))
    assert status_of(transport.written) == 502
    assert [each.reason for each in stage.witness.ended] == [Reason.UPSTREAM_UNREACHABLE]


async def test_a_caller_that_left_is_dialled_for_no_more(stage: Stage, waiting: list[LinkUser]) -> None:
    caller, _ = stage.caller(GET)
    caller.connection_lost(None)
    waiting[0].not_linked(ConnectionRefusedError(111, "refused"))
    assert len(waiting) == 1
    link, transport = stage.link()
    waiting[0].linked(link)
    assert transport.was_aborted
    crew = stage.plane.ground.upstreams["main"].crew
    assert [(each.busy, each.failures) for each in crew.standings] == [(0, 0), (0, 0)]


async def test_an_answer_clears_what_failed_before(stage: Stage) -> None:
    crew = stage.plane.ground.upstreams["main"].crew
    standing = crew.standings[0]
    for _ in range(3):
        standing.failed(0.0, crew.eject, "refused")
    assert standing.state is State.EJECTED
    link, _ = stage.link()
    _, transport = stage.caller(GET)
    link.data_received(OK)
    assert status_of(transport.written) == 200
    assert (standing.state, standing.failures, standing.busy) == (State.UP, 0, 0)


async def test_a_broken_connection_that_lay_in_the_pool_speaks_against_nobody(stage: Stage) -> None:
    waiting = stage.dial_in_vain()
    link, _ = stage.link()
    _, transport = stage.caller(GET)
    link.connection_lost(None)
    standing = stage.plane.ground.upstreams["main"].crew.standings[0]
    assert (standing.failures, len(waiting)) == (0, 1)
    assert transport.written == b""


async def test_an_upstream_that_was_drained_meanwhile_is_not_asked_again(stage: Stage) -> None:
    waiting = stage.dial_in_vain()
    link, _ = stage.link()
    _, transport = stage.caller(GET)
    stage.plane.ground.upstreams["main"].crew.standings[0].drain(0.0, drained=True)
    link.connection_lost(None)
    assert status_of(transport.written) == 502
    assert waiting == []
    assert isinstance(link.transport, FakeTransport)
    stage.plane.ground.upstreams["main"].crew.standings[0].drain(0.0, drained=False)
