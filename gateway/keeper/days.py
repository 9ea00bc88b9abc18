"""Days of usage: what one key did on one day (UTC), how days are added up, and which are asked for. Pure.

A page of them is in one order everywhere: newest day first and by id within a day; where each key is one
sum, by id; where all keys are one, newest day first. So whoever asks goes on behind the last value that was
told (`UsageQuery.after`), whatever is counted in the meantime.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

from gateway.core.refusal import Reason

DAY_S: Final = 86_400
USAGE_LIMIT_MAX: Final = 1_000
"""How much of it is told at once, at the most."""

Per = Literal["day", "key", "total"]

_FIRST: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class UsageDay:
    """What one key did on one day; a sum over several days carries the last of them.

    `requests` were let pass, `refusals` were not, by reason. Bytes are those of bodies. An exchange belongs
    to the day on which it ended, and `last_address` is the caller's of the one that ended last. Of all keys
    together there is no such caller, and no id: both are empty.
    """

    key_id: str
    day: date
    requests: int
    refusals: Mapping[Reason, int]
    bytes_in: int
    bytes_out: int
    last_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Which days are wanted, both ends included: at most `limit` values, those behind `after`.

    `per` key: each key's days as one sum; `per` total: each day's keys as one. `after`: day and key of the
    last value that is known already.
    """

    since: date = date.min
    until: date = date.max
    key_id: str | None = None
    per: Per = "day"
    limit: int = USAGE_LIMIT_MAX
    after: tuple[date, str] | None = None


def day_at(number: int) -> date:
    """The day that begins so many days after 1970 did; raises `ValueError` beyond the calendar."""
    try:
        return date.fromordinal(_FIRST + number)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such day") from error


def number_of(day: date) -> int:
    """How many days after 1970 it begins."""
    return day.toordinal() - _FIRST


def added(one: UsageDay, other: UsageDay) -> UsageDay:
    """Both in one, of the same key. Of two that end on one day, `other` is the later."""
    last = other if other.day >= one.day else one
    return UsageDay(
        one.key_id,
        last.day,
        one.requests + other.requests,
        dict(Counter(one.refusals) + Counter(other.refusals)),
        one.bytes_in + other.bytes_in,
        one.bytes_out + other.bytes_out,
        last.last_address,
    )


def page_of(values: Iterable[UsageDay], query: UsageQuery) -> list[UsageDay]:
    """What a query asks for, of these values; what belongs together is added up in the order given."""
    found: dict[tuple[int, str], UsageDay] = {}
    for value in values:
        if query.since <= value.day <= query.until and query.key_id in (None, value.key_id):
            told = replace(value, key_id="", last_address="") if query.per == "total" else value
            place = _place(query, told.day, told.key_id)
            before = found.get(place)
            found[place] = told if before is None else added(before, told)
    behind = None if query.after is None else _place(query, *query.after)
    places = sorted(place for place in found if behind is None or place > behind)
    return [found[place] for place in places[: query.limit]]


def as_data(value: UsageDay) -> dict[str, Any]:
    """The value as JSON has it: of all keys together, id and address are null."""
    return {
        "key_id": value.key_id or None,
        "day": value.day.isoformat(),
        "requests": value.requests,
        "refusals": {reason.value: count for reason, count in sorted(value.refusals.items())},
        "bytes_in": value.bytes_in,
        "bytes_out": value.bytes_out,
        "last_address": value.last_address if value.key_id else None,
    }


def _place(query: UsageQuery, day: date, key_id: str) -> tuple[int, str]:
    """Where a value stands in the order of a page."""
    return (0 if query.per == "key" else -day.toordinal(), "" if query.per == "total" else key_id)
