"""Guarantees of gateway/cli/moments.py: short, never misleading, the same past and future."""

import pytest

from gateway.cli.moments import ago, ahead, date, span

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("distance_s", "said"),
    [
        pytest.param(0, "just now", id="now"),
        pytest.param(59, "just now", id="seconds"),
        pytest.param(-30, "just now", id="a-clock-that-runs-ahead"),
        pytest.param(MINUTE, "1 min ago", id="a-minute"),
        pytest.param(3 * MINUTE + 20, "3 min ago", id="minutes"),
        pytest.param(HOUR, "1 h ago", id="an-hour"),
        pytest.param(47 * HOUR, "47 h ago", id="hours"),
        pytest.param(2 * DAY, "2 days ago", id="days"),
        pytest.param(364 * DAY, "364 days ago", id="almost-a-year"),
        pytest.param(365 * DAY, "2026-01-15", id="a-year"),
    ],
)
def test_the_past_is_told_in_the_unit_that_fits(distance_s: float, said: str) -> None:
    assert ago(NOW - distance_s, NOW) == said


@pytest.mark.parametrize(
    ("distance_s", "said"),
    [
        pytest.param(2, "in 2 s", id="seconds"),
        pytest.param(90 * DAY, "in 90 days", id="days"),
        pytest.param(90 * DAY - 20, "in 90 days", id="rounded-not-cut"),
        pytest.param(400 * DAY, "2028-02-19", id="beyond-a-year"),
        pytest.param(0, "just now", id="now"),
        pytest.param(-2 * HOUR, "2 h ago", id="over"),
    ],
)
def test_the_future_is_told_likewise_and_the_past_is_not_called_future(distance_s: float, said: str) -> None:
    assert ahead(NOW + distance_s, NOW) == said


@pytest.mark.parametrize(
    ("duration_s", "said"), [(45, "45 s"), (600, "10 min"), (DAY, "24 h"), (7 * DAY, "7 days")]
)
def test_a_span_has_a_unit(duration_s: float, said: str) -> None:
    assert span(duration_s) == said


def test_a_date_is_the_day_in_utc() -> None:
    assert date(NOW) == "2027-01-15"
