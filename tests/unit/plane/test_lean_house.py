"""Guarantees of gateway/plane/lean_house.py: all exchanges of a plane share one clock, one pool, one date."""

import pytest

from tests.unit.plane.lean_stage import Stage


async def test_the_house_tells_the_injected_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    house = stage.plane.house
    stage.clock.mono = 7.0
    assert house.now() == 7.0
    assert house.date() == b"Fri, 15 Jan 2027 08:00:00 GMT"
    assert (house.is_draining, house.quiet.is_set()) == (False, False)
