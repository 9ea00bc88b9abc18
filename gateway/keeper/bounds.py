"""What a record may hold at most, so that each that is taken in can be shown, changed and revoked.

A moment lies in the years that RFC 3339 can write, a count is exact wherever JSON is read. What comes from
elsewhere may hold half of that at most: a count that stood at its end could not go on, and a record whose
`revision` cannot go on could not be revoked. Pure.
"""

from collections.abc import Iterable
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.expiry import MOMENT_MAX

COUNT_MAX: Final = 2**53 - 1
"""The last whole number that every reader of JSON knows exactly."""
TAKEN_COUNT_MAX: Final = 2**52


def are_moments(values: Iterable[float | None]) -> bool:
    """Whether each is a moment from 1970 to the year 9999, or None. NaN is none."""
    return all(value is None or 0.0 <= value <= MOMENT_MAX for value in values)


def can_go_on(key: ApiKey) -> bool:
    """Whether what a record counts has room for all that is to come."""
    return key.use_count <= TAKEN_COUNT_MAX and key.revision <= TAKEN_COUNT_MAX
