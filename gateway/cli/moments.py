"""Moments as people say them: `just now`, `3 min ago`, `in 89 days`, `2027-01-31`, `never`.

Only for a terminal. Whatever a program reads is RFC 3339 (`gateway.wire.key_json`). Pure: `now` is given.
"""

from datetime import UTC, datetime
from typing import Final

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0
_SPOKEN_S: Final = 365 * _DAY_S  # beyond a year a date says more than a count of days


def ago(at: float, now: float) -> str:
    """A moment in the past. One that lies ahead by a clock's error counts as now."""
    return "just now" if now - at < _MINUTE_S else _spoken(at, now - at, "{} ago")


def ahead(at: float, now: float) -> str:
    """A moment to come. One that has passed is told as past."""
    if at <= now:
        return ago(at, now)
    return _spoken(at, at - now, "in {}")


def date(at: float) -> str:
    """The day in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def span(duration_s: float) -> str:
    """A duration in a unit that fits it, rounded: `45 s`, `24 h`, `90 days`."""
    if duration_s < _MINUTE_S:
        return f"{duration_s:.0f} s"
    if duration_s < _HOUR_S:
        return f"{duration_s / _MINUTE_S:.0f} min"
    if duration_s < 2 * _DAY_S:
        return f"{duration_s / _HOUR_S:.0f} h"
    return f"{duration_s / _DAY_S:.0f} days"


def _spoken(at: float, distance_s: float, form: str) -> str:
    return date(at) if distance_s >= _SPOKEN_S else form.format(span(distance_s))
