"""Guarantees of gateway/plane/http_date.py: the date is the clock's, and is put into words once a second."""

import pytest

from gateway.plane import http_date
from gateway.plane.http_date import HttpDate


class Clock:
    def __init__(self) -> None:
        self.at = 784_111_777.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return 0.0


def test_the_date_is_in_the_form_that_http_prefers() -> None:
    assert HttpDate(Clock())() == b"Sun, 06 Nov 1994 08:49:37 GMT"  # RFC 9110 §5.6.7


def test_it_follows_the_clock_forwards_and_backwards() -> None:
    clock = Clock()
    date = HttpDate(clock)
    seen = []
    for clock.at in (784_111_777.9, 784_111_778.0, 784_111_700.0):
        seen.append(date())
    assert [each[-6:-4] for each in seen] == [b"37", b"38", b"20"]


def test_it_is_put_into_words_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def count(at: float) -> str:
        asked.append(at)
        return "now"

    monkeypatch.setattr(http_date, "http_date", count)
    clock = Clock()
    date = HttpDate(clock)
    for clock.at in (10.0, 10.5, 10.999, 11.0):
        assert date() == b"now"
    assert asked == [10, 11]
