"""Guarantees of gateway/admin/api/throttle.py: so many failures an address has, and it gets them back."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.api.throttle import Throttle
from tests.support.records import StillClock

HOME = "192.168.1.20"


def spent(clock: StillClock, peer: str = HOME) -> Throttle:
    """A throttle with which an address has spent all its attempts."""
    throttle = Throttle(clock)
    assert [throttle.failed(peer) for _ in range(20)] == [0] * 20
    return throttle


def test_an_address_has_twenty_attempts_and_then_waits() -> None:
    assert spent(StillClock()).failed(HOME) == 3


def test_one_attempt_comes_back_every_three_seconds() -> None:
    clock = StillClock()
    throttle = spent(clock)
    clock.time += 9
    assert [throttle.failed(HOME) for _ in range(4)] == [0, 0, 0, 3]


def test_part_of_the_wait_is_part_of_the_wait() -> None:
    clock = StillClock()
    throttle = spent(clock)
    clock.time += 1
    assert throttle.failed(HOME) == 2


def test_failing_while_waiting_makes_nobody_wait_longer() -> None:
    clock = StillClock()
    throttle = spent(clock)
    assert {throttle.failed(HOME) for _ in range(1000)} == {3}
    clock.time += 60
    assert [throttle.failed(HOME) for _ in range(21)] == [0] * 20 + [3]


def test_an_address_that_rests_has_no_more_than_twenty() -> None:
    clock = StillClock()
    throttle = spent(clock)
    clock.time += 86_400
    assert [throttle.failed(HOME) for _ in range(21)] == [0] * 20 + [3]


def test_addresses_are_counted_apart() -> None:
    assert spent(StillClock()).failed("192.168.1.21") == 0


def test_an_ipv6_caller_is_counted_by_their_64() -> None:
    throttle = spent(StillClock(), "2001:db8:1:2::1")
    assert throttle.failed("2001:db8:1:2:ffff:ffff:ffff:ffff") == 3
    assert throttle.failed("2001:db8:1:3::1") == 0


def test_ipv4_written_in_ipv6_is_the_same_address() -> None:
    assert spent(StillClock()).failed(f"::ffff:{HOME}") == 3


def test_who_has_no_address_is_counted_too() -> None:
    assert spent(StillClock(), "").failed("") == 3


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    throttle = spent(StillClock())
    for number in range(10_001):
        throttle.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._empty_until) == 10_000
    assert throttle.failed(HOME) == 0


def test_who_fails_again_is_not_the_oldest_any_more() -> None:
    throttle = spent(StillClock())
    for number in range(9_999):
        throttle.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    throttle.failed(HOME)
    throttle.failed("172.16.0.1")
    assert throttle.failed(HOME) == 3


@given(st.lists(st.floats(0, 10), max_size=60), st.integers(1, 5))
def test_however_they_come_never_more_pass_than_there_were(pauses: list[float], burst: int) -> None:
    clock = StillClock(0.0)
    throttle = Throttle(clock, burst=burst, refill_s=3.0)
    passed = 0
    for pause in pauses:
        clock.time += pause
        wait_s = throttle.failed(HOME)
        passed += not wait_s
        assert 0 <= wait_s <= 3
    assert passed <= burst + clock.time / 3 + 1e-3


@given(st.lists(st.floats(0, 10), max_size=60))
def test_whoever_waits_as_told_has_another_attempt(pauses: list[float]) -> None:
    clock = StillClock(0.0)
    throttle = Throttle(clock, burst=2, refill_s=3.0)
    for pause in pauses:
        clock.time += pause
        if wait_s := throttle.failed(HOME):
            clock.time += wait_s
            assert throttle.failed(HOME) == 0
