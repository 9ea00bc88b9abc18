"""Where gauges come from: plain calls that a scrape makes, each into the part of the gateway that knows.

A source answers at once, from memory, and without awaiting; `None` leaves its family out. A source that
raises costs the scrape its family, never the scrape, and is logged once.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

_T = TypeVar("_T")
_LOG: Final = logging.getLogger(__name__)

KEY_COUNTS_AGE_MAX_S: Final = 5.0
"""Counting keys walks all of them, so several scrapers at once count once."""


class TargetCounted(NamedTuple):
    """One target of an upstream: whether requests go there as usual, and how often it was left out so far."""

    upstream: str
    target: str
    is_up: bool
    ejections: int


@dataclass(slots=True, kw_only=True)
class Sources:
    """Set by whoever builds the gateway; times in seconds, the rest are counts.

    `key_counts` maps a status (`gateway.core.keys.Status`) to the number of keys; `flush_lag_s` is the age
    of the oldest use that is not stored; `uses_pending` counts the keys that have one.
    """

    key_counts: Callable[[], Mapping[str, int]] | None = None
    flush_lag_s: Callable[[], float] | None = None
    uses_pending: Callable[[], int] | None = None
    live_streams: Callable[[], int] | None = None
    log_lines_dropped: Callable[[], int] | None = None
    targets: Callable[[], Sequence[TargetCounted]] | None = None
    connections: Callable[[], int] | None = None
    connections_turned_away: Callable[[], int] | None = None
    connections_made_room: Callable[[], int] | None = None
    tls_expires_at: Callable[[], float] | None = None
    tls_reloads: Callable[[], Mapping[str, int]] | None = None
    tls_handshakes_failed: Callable[[], Mapping[str, int]] | None = None


class Reader:
    """Asks sources, survives them, and remembers the counts of keys for a moment."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._complained: set[str] = set()
        self._key_counts: tuple[float, Mapping[str, int]] | None = None

    def read(self, family: str, source: Callable[[], _T] | None) -> _T | None:
        """What the source says, or None without a source or an answer."""
        if source is None:
            return None
        try:
            return source()
        except Exception:  # noqa: BLE001 whatever a source raises, the scrape goes on
            if family not in self._complained:
                self._complained.add(family)
                _LOG.warning("a scrape goes without %s: its source failed", family, exc_info=True)
            return None

    def key_counts(
        self, family: str, source: Callable[[], Mapping[str, int]] | None
    ) -> Mapping[str, int] | None:
        """The counts of keys, at most `KEY_COUNTS_AGE_MAX_S` old."""
        now = self._monotonic()
        if self._key_counts is not None and now - self._key_counts[0] < KEY_COUNTS_AGE_MAX_S:
            return self._key_counts[1]
        counts = self.read(family, source)
        self._key_counts = None if counts is None else (now, counts)
        return counts
