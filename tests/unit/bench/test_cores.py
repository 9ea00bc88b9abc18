"""Who runs on which core."""

import os

import pytest

from bench.cores import Cores, pinned, share


@pytest.mark.parametrize(
    ("available", "peer", "upstream", "load"),
    [
        pytest.param({3}, {3}, {3}, {3}, id="one core is shared by all"),
        pytest.param({0, 1}, {0}, {1}, {1}, id="with two the peer is alone"),
        pytest.param({2, 5, 7, 9}, {2}, {5}, {7}, id="with more nobody shares"),
    ],
)
def test_the_peer_shares_its_core_only_when_there_is_no_other(
    available: set[int], peer: set[int], upstream: set[int], load: set[int]
) -> None:
    assert share(available) == Cores(frozenset(peer), frozenset(upstream), frozenset(load))


def test_the_report_says_how_the_cores_were_shared() -> None:
    said = {str(share(set(range(count)))) for count in (1, 2, 3)}
    assert len(said) == 3


def test_a_pin_is_taken_off_again() -> None:
    before = os.sched_getaffinity(0)
    with pinned({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
