"""Callers' connections: how many there are, how many there may be, and who makes room.

1. One peer may hold `per_peer_max` of them; an IPv6 peer is its /64 network, as that is what a household is
   given. Loopback and trusted proxies speak for many and are not counted so.
2. In all there may be `connections_max`. When they are all taken, the connection that has been idle longest
   makes room for the new one; only if every one of them serves somebody is the new one turned away.
3. What is turned away is closed without a word: to answer costs more than to ask.

No sockets and no clock in here. Both planes count with it, and the metrics read its numbers.
"""

from contextlib import suppress
from ipaddress import IPv6Address, ip_network
from typing import Final, Generic, Protocol, TypeVar

from gateway.core.keys import Network
from gateway.core.policy import is_within, read_address

LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_HOUSEHOLD_BITS: Final = 64
_AT_HAND_MAX: Final = 256
_NO_LIMIT: Final = 1_000_000


class Connection(Protocol):
    """What is asked of a connection."""

    peer: str

    @property
    def is_busy(self) -> bool:
        """Whether it serves somebody."""

    @property
    def idle_since(self) -> float:
        """When it last did (monotonic seconds)."""

    def make_room(self) -> None:
        """Close, because another one needs the place."""


ConnectionT = TypeVar("ConnectionT", bound=Connection)


class Connections(Generic[ConnectionT]):
    """The connections that are open. `turned_away` and `made_room` count since the start."""

    def __init__(self) -> None:
        self.open: set[ConnectionT] = set()
        self.turned_away = 0
        self.made_room = 0
        self._per_peer: dict[str, int] = {}
        self._at_hand: list[tuple[float, ConnectionT]] = []

    def come(self, one: ConnectionT, most: int, per_peer_max: int, trusted: tuple[Network, ...]) -> bool:
        """Count one in; False if it has to go at once."""
        household = household_of(one.peer)
        of_peer = self._per_peer.get(household, 0)
        if of_peer >= per_peer_max and not is_within(one.peer, (*LOOPBACK, *trusted)):
            self.turned_away += 1
            return False
        if len(self.open) >= most and not self._make_room():
            self.turned_away += 1
            return False
        self.open.add(one)
        self._per_peer[household] = self._per_peer.get(household, 0) + 1  # who made room may be of it
        return True

    def go(self, one: ConnectionT) -> None:
        """Count one out; one that never was counted in is passed over."""
        if one not in self.open:
            return
        self.open.discard(one)
        household = household_of(one.peer)
        left = self._per_peer[household] - 1
        if left:
            self._per_peer[household] = left
        else:
            del self._per_peer[household]

    def _make_room(self) -> bool:
        if not self._close_one_at_hand():
            # Sorting costs 1 ms for 10,000: under a flood the next ones are at hand already.
            idle = [(one.idle_since, one) for one in self.open if not one.is_busy]
            self._at_hand = sorted(idle, key=_since, reverse=True)[-_AT_HAND_MAX:]
            return self._close_one_at_hand()
        return True

    def _close_one_at_hand(self) -> bool:
        while self._at_hand:
            since, one = self._at_hand.pop()
            if one in self.open and not one.is_busy and one.idle_since == since:
                self.made_room += 1
                self.go(one)
                one.make_room()
                return True
        return False


def _since(entry: tuple[float, object]) -> float:
    return entry[0]


def descriptors_for_callers() -> int:
    """How many connections the process's limit of open files leaves room for, once it was raised to the full.

    An eighth of them (64 at least) is kept for upstreams, the store, the log and the admin listener.
    """
    try:
        import resource  # noqa: PLC0415 - absent on Windows, which has no such limit
    except ImportError:
        return _NO_LIMIT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return _NO_LIMIT
    return max(1, most - max(64, most // 8))


def household_of(peer: str) -> str:
    """An IPv6 peer's /64 network; any other peer itself."""
    if ":" not in peer:
        return peer
    address = read_address(peer)
    if not isinstance(address, IPv6Address):
        return str(address or peer)
    return str(ip_network((int(address) >> _HOUSEHOLD_BITS << _HOUSEHOLD_BITS, _HOUSEHOLD_BITS)))
