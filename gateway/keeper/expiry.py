"""When a key ends, as a person writes it: `2s`, `90m`, `24h`, `90d`, `2027-01-31`, RFC 3339, `never`.

A duration counts from now. A date means the whole of that day in UTC: the key works through it and ends at
23:59:59Z, so that the date on the list is the date that was typed. A date with a time needs its offset
(`Z`, `+02:00`), because a server and a person seldom share a time zone. Whether the moment still lies ahead
is judged where the key is made.
"""

import re
from datetime import datetime
from typing import Final

from gateway.keeper.desk import RuleBroken, quoted

MOMENT_MAX: Final = 253_402_300_799.0
"""9999-12-31T23:59:59Z: the last moment that RFC 3339 can write."""

_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"([0-9]{1,12})([smhd])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_expires(text: str, now: float) -> float | None:
    """The moment that is meant (seconds since 1970, UTC), None for `never`; raises `RuleBroken`."""
    text = text.strip()
    if text.lower() == "never":
        return None
    duration = _DURATION.fullmatch(text)
    if duration is not None:
        return _within(now + int(duration[1]) * _UNITS_S[duration[2]], text)
    if _DATE.fullmatch(text):
        return _moment(f"{text}T23:59:59+00:00", text)
    if _DATE_TIME.fullmatch(text):
        return parse_moment(text)
    raise RuleBroken(
        f"cannot read the expiry {quoted(text)}: write a duration (90m, 24h, 90d), a date (2027-01-31), "
        "a moment with its offset (2027-01-31T12:00:00Z) or never"
    )


def parse_moment(text: str) -> float:
    """The moment that is meant, past or to come, written with its offset; raises `RuleBroken`."""
    date_time = _DATE_TIME.fullmatch(text)
    if date_time is None:
        raise RuleBroken(f"{quoted(text)} is no moment with its offset: write 2027-01-31T12:00:00Z")
    date, time, offset = date_time.group("date", "time", "offset")
    return _moment(f"{date}T{time}{offset.upper()}", text)


def _moment(iso: str, text: str) -> float:
    try:
        return _within(datetime.fromisoformat(iso).timestamp(), text)
    except (ValueError, OverflowError) as error:
        raise RuleBroken(f"there is no such moment as {quoted(text)}: check day, month and time") from error


def _within(moment: float, text: str) -> float:
    if moment > MOMENT_MAX:
        raise RuleBroken(f"{quoted(text)} lies beyond the year 9999: write never")
    return moment
