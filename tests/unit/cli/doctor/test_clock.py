"""Guarantees of gateway/cli/doctor/clock.py: a clock that cannot be right is named."""

from pathlib import Path

import pytest

from gateway.cli.doctor import clock
from gateway.cli.doctor.finding import State
from tests.support.records import StillClock
from tests.unit.cli.doctor.patients import patient, states


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


@pytest.mark.parametrize(
    ("now", "state"),
    [(0.0, State.FAIL), (clock.BUILT - 1, State.FAIL), (clock.BUILT + 1, State.OK), (9e9, State.FAIL)],
)
def test_only_a_possible_time_is_well(tmp_path: Path, now: float, state: State) -> None:
    assert states(list(clock.look(patient(tmp_path, StillClock(now))))) == [state]


class JumpingClock(StillClock):
    """Its wall clock goes an hour ahead whenever it is read."""

    def now(self) -> float:
        self.time += 3600
        return self.time

    def monotonic(self) -> float:
        return 0.0


def test_a_clock_that_jumps_fails(tmp_path: Path) -> None:
    found = list(clock.look(patient(tmp_path, JumpingClock())))
    assert states(found) == [State.OK, State.FAIL]
    assert "it jumped by 3600.0 s" in found[1].found
