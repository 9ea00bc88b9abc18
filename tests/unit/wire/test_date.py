"""Guarantees of gateway/wire/date.py: every moment is written as RFC 9110 writes it."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.date import http_date


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"), (1_800_000_000.99, "Fri, 15 Jan 2027 08:00:00 GMT")],
)
def test_a_moment_is_an_imf_fixdate(seconds: float, text: str) -> None:
    assert http_date(seconds) == text


@given(st.integers(0, 253_402_300_799))
def test_python_writes_every_moment_the_same_way(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)
