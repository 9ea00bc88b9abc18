"""Guarantees of gateway/service/clock.py: it tells the machine's time, wall and monotonic."""

import time

from gateway.keeper.ports import Clock
from gateway.service.clock import SystemClock

CLOCK: Clock = SystemClock()


def test_now_is_the_wall_clock_in_seconds_since_1970() -> None:
    assert time.time() <= CLOCK.now() <= time.time()


def test_monotonic_is_the_clock_that_is_never_set_back() -> None:
    assert time.monotonic() <= CLOCK.monotonic() <= time.monotonic()
