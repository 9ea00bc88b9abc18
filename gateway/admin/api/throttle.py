"""Failed attempts to show a key, counted by address: who fails again and again is told to wait.

Each address has `burst` attempts, and gets one back every `refill_s` seconds. An IPv6 caller is counted by
their /64, which is what one customer gets. A right key is let in all the same: it has 256 random bits, so
nobody comes to it by guessing, and nobody who shares an address with a broken script is locked out by it.
"""

import math
from ipaddress import IPv6Address
from typing import Final

from gateway.core.policy import read_address
from gateway.keeper.ports import Clock

BURST: Final = 20
REFILL_S: Final = 3.0
_ADDRESSES_MAX: Final = 10_000
_TICK_S: Final = 1e-3
_ROUNDING_S: Final = 1e-6


class Throttle:
    """Counts failures. What it remembers is bounded: the address that failed longest ago goes first."""

    def __init__(self, clock: Clock, *, burst: int = BURST, refill_s: float = REFILL_S) -> None:
        self._clock = clock
        self._burst = burst
        self._refill_s = refill_s
        self._empty_until: dict[str, float] = {}
        """When an address will have all its attempts again; that far ahead lies what it spent."""

    def failed(self, peer: str) -> int:
        """One attempt failed. Whole seconds until the address has another, 0 if it still had this one."""
        name, now = _name_of(peer), self._clock.monotonic()
        full = now + self._burst * self._refill_s
        before = max(self._empty_until.pop(name, now), now)
        until = before + self._refill_s
        beyond_s = until - full
        self._empty_until[name] = until if beyond_s < _TICK_S else before  # who had none left spends none
        if len(self._empty_until) > _ADDRESSES_MAX:
            del self._empty_until[next(iter(self._empty_until))]
        return 0 if beyond_s < _TICK_S else math.ceil(beyond_s - _ROUNDING_S)


def _name_of(peer: str) -> str:
    address = read_address(peer)
    if isinstance(address, IPv6Address):
        return str(int(address) >> 64)
    return peer if address is None else str(address)
