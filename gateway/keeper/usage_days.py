"""What each key does day by day: counted where exchanges end, written behind with the last uses.

Promises
1. Counting an exchange is a plain call: one dictionary look-up and a few additions, no await, no I/O
   (0.3 µs on the machine that bench/RESULTS.md tells of; 0.04 µs where there is no key).
2. An exchange whose key is not known is not counted; who knocks without a key costs no memory.
3. Counts are bounded: one entry per key and day, also while the store does not take them for long. With them
   come at most as many numbers as there are reasons.
4. What a batch held is counted again if it was not written (`take_back`), and never if it was (`landed`).
5. A page (`page`) tells each exchange once: no batch lands while one is read (`still`), so what is not
   written yet is added to what is.

Trouble upstream or with a body comes after the decision, which was to let the request pass: so it counts as
one that passed, as in the metrics. What ends by the end of its key before it was answered counts as refused.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.core.refusal import Reason
from gateway.keeper.days import DAY_S, UsageDay, UsageQuery, day_at, page_of
from gateway.keeper.ports import Exchange, KeyStore

PASSED: Final = frozenset(
    {
        Reason.UPSTREAM_UNREACHABLE,
        Reason.UPSTREAM_PROTOCOL,
        Reason.UPSTREAM_TIMEOUT,
        Reason.BODY_TOO_LARGE,
        Reason.REQUEST_MALFORMED,
        Reason.REQUEST_TIMEOUT,
    }
)
"""Reasons that arise after the gatekeeper let a request pass."""


class _Tally:
    __slots__ = ("bytes_in", "bytes_out", "last_address", "refusals", "requests")

    def __init__(self) -> None:
        self.requests = self.bytes_in = self.bytes_out = 0
        self.refusals: dict[Reason, int] | None = None
        self.last_address = ""


_Tallies = dict[tuple[str, int], _Tally]


class UsageDays:
    """Counts since the last batch, by key and day. An observer of exchanges."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.still = asyncio.Lock()
        self._now = now
        self._pending: _Tallies = {}
        self._writing: _Tallies = {}

    @property
    def pending(self) -> int:
        """How many days of keys wait to be written."""
        return len(self._pending) + len(self._writing)

    def exchange_began(self) -> None:
        """Nothing is known of it yet."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Count an exchange, if its key is known."""
        key_id = exchange.key_id
        if key_id is None:
            return
        place = (key_id, int(self._now() // DAY_S))
        tally = self._pending.get(place)
        if tally is None:
            tally = self._pending[place] = _Tally()
        reason = exchange.reason
        if reason is None or reason in PASSED:
            tally.requests += 1
        else:
            tally.refusals = _one_more(tally.refusals, reason)
        tally.bytes_in += exchange.bytes_in
        tally.bytes_out += exchange.bytes_out
        tally.last_address = exchange.peer

    def take(self) -> list[UsageDay]:
        """A batch of all that is pending. `landed` or `take_back` must follow before the next one."""
        self._writing, self._pending = self._pending, {}
        return _values(self._writing)

    def landed(self) -> None:
        """The batch is written."""
        self._writing = {}

    def take_back(self) -> None:
        """The batch is not written: it is pending again."""
        newer, self._pending, self._writing = self._pending, self._writing, {}
        for place, later in newer.items():
            kept = self._pending.setdefault(place, later)
            if kept is not later:
                _merge(kept, later)

    async def page(self, store: KeyStore, query: UsageQuery) -> list[UsageDay]:
        """What the store knows, and what is not in it yet."""
        async with self.still:
            written = await store.usage(query)
            return page_of([*written, *_values(self._pending)], query)


def _one_more(refusals: dict[Reason, int] | None, reason: Reason) -> dict[Reason, int]:
    if refusals is None:
        return {reason: 1}
    refusals[reason] = refusals.get(reason, 0) + 1
    return refusals


def _merge(kept: _Tally, later: _Tally) -> None:
    kept.requests += later.requests
    kept.bytes_in += later.bytes_in
    kept.bytes_out += later.bytes_out
    kept.last_address = later.last_address
    for reason, count in (later.refusals or {}).items():
        kept.refusals = kept.refusals or {}
        kept.refusals[reason] = kept.refusals.get(reason, 0) + count


def _values(tallies: _Tallies) -> list[UsageDay]:
    return [
        UsageDay(
            key_id,
            day_at(number),
            tally.requests,
            dict(tally.refusals or {}),
            tally.bytes_in,
            tally.bytes_out,
            tally.last_address,
        )
        for (key_id, number), tally in tallies.items()
    ]
