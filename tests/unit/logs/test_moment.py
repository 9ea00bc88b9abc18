"""Guarantees of gateway/logs/moment.py: moments are RFC 3339 in UTC, whatever was asked before."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs.moment import Moments


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000.9999, "2023-11-14T22:13:20.999Z"),
        (-0.5, "1969-12-31T23:59:59.500Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_milliseconds(at: float, text: str) -> None:
    assert Moments()(at) == text


@given(st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=20))
def test_a_clock_that_jumps_is_followed(milliseconds: list[int]) -> None:
    moments = Moments()
    for each in milliseconds:
        second, rest = divmod(each, 1000)
        expected = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        assert moments((each + 0.5) / 1000) == f"{expected}.{rest:03d}Z"
