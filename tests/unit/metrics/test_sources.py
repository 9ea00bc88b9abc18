"""Guarantees of gateway/metrics/sources.py: a source is asked at the scrape; its accident stays its own."""

import logging

import pytest

from gateway.metrics.sources import KEY_COUNTS_AGE_MAX_S, Reader
from tests.unit.metrics.conftest import SetClock


@pytest.fixture
def reader(clock: SetClock) -> Reader:
    return Reader(clock.monotonic)


def broken() -> int:
    raise RuntimeError("no answer")


def test_a_source_is_asked_each_time(reader: Reader) -> None:
    answers = iter([1, 2])
    assert [reader.read("a", lambda: next(answers)), reader.read("a", lambda: next(answers))] == [1, 2]


def test_no_source_is_no_value(reader: Reader) -> None:
    assert reader.read("a", None) is None


def test_a_broken_source_is_no_value_and_is_logged_once(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert [reader.read("a", broken), reader.read("a", broken), reader.read("b", broken)] == [None] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "a scrape goes without a: its source failed",
        "a scrape goes without b: its source failed",
    ]


def test_keys_are_counted_once_for_scrapes_close_together(reader: Reader, clock: SetClock) -> None:
    asked = []

    def count() -> dict[str, int]:
        asked.append(clock.mono)
        return {"active": len(asked)}

    assert reader.key_counts("keys", count) == {"active": 1}
    clock.mono += KEY_COUNTS_AGE_MAX_S - 0.1
    assert reader.key_counts("keys", count) == {"active": 1}
    clock.mono += 0.2
    assert reader.key_counts("keys", count) == {"active": 2}


def test_a_count_that_failed_is_not_remembered(reader: Reader) -> None:
    def fail() -> dict[str, int]:
        raise RuntimeError("no answer")

    assert reader.key_counts("keys", fail) is None
    assert reader.key_counts("keys", lambda: {"active": 4}) == {"active": 4}
