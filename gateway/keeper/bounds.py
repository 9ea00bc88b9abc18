"""What a record may hold at most, so that each that is taken in can be shown, changed and revoked.

A moment lies in the years that RFC 3339 can write, a count is exact wherever JSON is read. What comes from
elsewhere may hold half of that at most: a count that stood at its end could not go on, and a record whose
`revision` cannot go on could not be revoked. What is shown beside a key is short and no secret. Pure.
"""

from collections.abc import Iterable
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.desk import holds_secret
from gateway.keeper.expiry import MOMENT_MAX

COUNT_MAX: Final = 2**53 - 1
"""The last whole number that every reader of JSON knows exactly."""
TAKEN_COUNT_MAX: Final = 2**52
SHOWN_CHARS_MAX: Final = 64
"""What is shown beside a key: the preview of a secret, an address."""


def are_moments(values: Iterable[float | None]) -> bool:
    """Whether each is a moment from 1970 to the year 9999, or None. NaN is none."""
    return all(value is None or 0.0 <= value <= MOMENT_MAX for value in values)


def can_be_shown(text: str | None) -> bool:
    """Whether a preview or an address is short, printable and no secret, or there is none."""
    return text is None or (len(text) <= SHOWN_CHARS_MAX and text.isprintable() and not holds_secret(text))


def can_go_on(key: ApiKey) -> bool:
    """Whether what a record counts has room for all that is to come."""
    return key.use_count <= TAKEN_COUNT_MAX and key.revision <= TAKEN_COUNT_MAX
