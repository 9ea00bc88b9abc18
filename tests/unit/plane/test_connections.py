"""Guarantees of gateway/plane/connections.py: nobody takes all the places, and those who wait make room."""

import sys
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import Network
from gateway.plane.connections import Connections, descriptors_for_callers, household_of

MANY = 1_000


class Fake:
    """A connection that is what the test says."""

    def __init__(self, peer: str = "198.51.100.7", idle_since: float = 0.0, *, is_busy: bool = False) -> None:
        self.peer = peer
        self.idle_since = idle_since
        self.is_busy = is_busy
        self.was_closed = 0

    def make_room(self) -> None:
        self.was_closed += 1


def come(
    book: Connections[Fake], one: Fake, most: int = MANY, per_peer: int = MANY, *trusted: Network
) -> bool:
    return book.come(one, most, per_peer, trusted)


@pytest.mark.parametrize(
    ("peer", "household"),
    [
        pytest.param("198.51.100.7", "198.51.100.7", id="ipv4"),
        pytest.param("", "", id="no-address"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="ipv6"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2::/64", id="its-neighbour"),
        pytest.param("2001:db8:1:3::1", "2001:db8:1:3::/64", id="another-network"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="with-a-zone"),
        pytest.param("::ffff:198.51.100.7", "198.51.100.7", id="ipv4-in-disguise"),
        pytest.param("not:an:address", "not:an:address", id="none"),
    ],
)
def test_an_ipv6_peer_is_its_network_and_any_other_itself(peer: str, household: str) -> None:
    assert household_of(peer) == household


def test_a_peer_holds_so_many_connections_and_another_is_not_in_its_way() -> None:
    book: Connections[Fake] = Connections()
    mine = [Fake() for _ in range(3)]
    assert [come(book, each, MANY, 2) for each in mine] == [True, True, False]
    assert come(book, Fake("198.51.100.8"), MANY, 2)
    assert (len(book.open), book.turned_away, book.made_room) == (3, 1, 0)
    book.go(mine[0])
    assert come(book, mine[2], MANY, 2)


def test_who_is_turned_away_is_not_counted_out() -> None:
    book: Connections[Fake] = Connections()
    first, second = Fake(), Fake()
    come(book, first, MANY, 1)
    assert not come(book, second, MANY, 1)
    book.go(second)
    assert not come(book, second, MANY, 1)
    book.go(first)
    book.go(first)
    assert book.open == set()
    assert come(book, second, MANY, 1)


def test_one_network_of_ipv6_counts_as_one_peer() -> None:
    book: Connections[Fake] = Connections()
    assert [come(book, Fake(f"2001:db8::{n}"), MANY, 2) for n in range(1, 4)] == [True, True, False]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1"])
def test_loopback_and_trusted_proxies_speak_for_many(peer: str) -> None:
    book: Connections[Fake] = Connections()
    proxies = ip_network("10.0.0.0/8")
    assert all(come(book, Fake(peer), MANY, 1, proxies) for _ in range(5))


def test_the_one_idle_longest_makes_room_and_who_is_busy_stays() -> None:
    book: Connections[Fake] = Connections()
    busy, old, young = Fake(idle_since=1.0, is_busy=True), Fake(idle_since=2.0), Fake(idle_since=3.0)
    for each in (young, busy, old):
        come(book, each)
    assert come(book, Fake(idle_since=4.0), 3)
    assert [each.was_closed for each in (busy, old, young)] == [0, 1, 0]
    assert come(book, Fake(is_busy=True), 3)
    assert [each.was_closed for each in (busy, old, young)] == [0, 1, 1]
    assert (len(book.open), book.made_room, book.turned_away) == (3, 2, 0)


def test_where_everyone_is_busy_the_new_one_is_turned_away() -> None:
    book: Connections[Fake] = Connections()
    for _ in range(2):
        come(book, Fake(is_busy=True))
    late = Fake()
    assert not come(book, late, 2)
    assert (late in book.open, book.turned_away, book.made_room) == (False, 1, 0)


def test_who_was_at_hand_but_served_somebody_since_is_passed_over() -> None:
    book: Connections[Fake] = Connections()
    old = [Fake(idle_since=float(n)) for n in range(4)]
    for each in old:
        come(book, each)
    assert come(book, Fake(idle_since=9.0), 4)  # now the others are at hand
    old[1].is_busy = True
    old[2].idle_since = 10.0
    assert come(book, Fake(idle_since=11.0), 4)
    assert [each.was_closed for each in old] == [1, 0, 0, 1]


def test_who_was_at_hand_but_went_is_passed_over() -> None:
    book: Connections[Fake] = Connections()
    old = [Fake(idle_since=float(n)) for n in range(3)]
    for each in old:
        come(book, each)
    come(book, Fake(idle_since=9.0), 3)
    book.go(old[1])
    come(book, Fake(idle_since=9.0), 3)
    come(book, Fake(idle_since=9.0), 3)
    assert [each.was_closed for each in old] == [1, 0, 1]


def test_a_peer_that_makes_room_for_itself_is_counted_once() -> None:
    book: Connections[Fake] = Connections()
    for _ in range(5):
        assert come(book, Fake(), 2, 3)
    for each in tuple(book.open):
        book.go(each)
    assert book._per_peer == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 9)), max_size=40))
def test_there_are_never_more_than_there_may_be(steps: list[tuple[int, bool, int]]) -> None:
    book: Connections[Fake] = Connections()
    inside: list[Fake] = []
    for number, is_busy, since in steps:
        one = Fake(f"198.51.100.{number}", float(since), is_busy=is_busy)
        if come(book, one, 5, 3):
            inside.append(one)
        peers = [each.peer for each in book.open]
        assert len(peers) <= 5
        assert all(peers.count(peer) <= 3 for peer in peers)
        assert book.open == {each for each in inside if not each.was_closed}
    for each in inside:
        book.go(each)
    assert book.open == set()
    assert book._per_peer == {}


# --- Descriptors ------------------------------------------------------------------------------------------


class FakeLimits:
    """The module `resource`, of a machine with these limits."""

    RLIMIT_NOFILE = 7
    RLIM_INFINITY = -1

    def __init__(self, soft: int, hard: int, *, may_raise: bool = True) -> None:
        self.limits = (soft, hard)
        self.may_raise = may_raise

    def getrlimit(self, _which: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _which: int, limits: tuple[int, int]) -> None:
        if not self.may_raise:
            raise ValueError
        self.limits = limits


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(FakeLimits(1_024, 8_192), 8_192 - 1_024, id="raised-to-the-full"),
        pytest.param(FakeLimits(1_024, 8_192, may_raise=False), 1_024 - 128, id="may-not-be-raised"),
        pytest.param(FakeLimits(256, 256), 256 - 64, id="few"),
        pytest.param(FakeLimits(32, 32), 1, id="next-to-none"),
        pytest.param(FakeLimits(-1, -1), 1_000_000, id="no-limit"),
    ],
)
def test_an_eighth_of_the_descriptors_is_kept_for_the_house(
    monkeypatch: pytest.MonkeyPatch, limits: FakeLimits, expected: int
) -> None:
    monkeypatch.setitem(sys.modules, "resource", limits)
    assert descriptors_for_callers() == expected


def test_where_there_are_no_such_limits_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert descriptors_for_callers() == 1_000_000
