"""Durations and sizes as people write them: `250ms`, `5s`, `90d`; `512B`, `64KiB`, `1MiB`.

Reading gives seconds or bytes, writing gives the largest unit that loses nothing, and reading what was
written gives the same number. A duration without a unit is refused: 5 of what? So is `KB`, which is 1000
bytes to some and 1024 to others.
"""

import re
from typing import Final

from gateway.config.problems import Unfit

DURATION_MAX_S: Final = 36_500 * 86_400.0
"""A hundred years: longer than that, `never` is meant, and times beyond the year 9999 cannot be written."""
SIZE_MAX_BYTES: Final = 2**50

_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,3}))? ?(ms|s|m|h|d)")
_UNIT_BYTES: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE: Final = re.compile(r"([0-9]{1,16}) ?(B|KiB|MiB|GiB)?")


def read_duration(text: object) -> float:
    """Seconds, more than 0. Raises `Unfit`."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Unfit("must be a number and a unit, like 250ms, 5s, 10m, 2h or 90d")
    whole, fraction, unit = match.groups(default="")
    thousandths = int(whole) * 1_000 + int(fraction.ljust(3, "0"))
    seconds = thousandths * _UNIT_MS[unit] / 1_000_000
    if not 0 < seconds <= DURATION_MAX_S:
        raise Unfit("must be more than nothing and at most 36500d")
    return seconds


def write_duration(seconds: float) -> str:
    """The duration in its largest whole unit, fractions of a millisecond in milliseconds."""
    milliseconds = round(seconds * 1_000, 3)
    for unit, size in reversed(_UNIT_MS.items()):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size:.0f}{unit}"
    return f"{milliseconds:.3f}".rstrip("0").rstrip(".") + "ms"


def read_size(text: object) -> int:
    """Bytes. A bare number counts bytes. Raises `Unfit`."""
    match = _SIZE.fullmatch(str(text)) if isinstance(text, str | int) else None
    if match is None:
        raise Unfit("must be a number and a unit, like 512B, 64KiB or 1MiB")
    number, unit = match.groups()
    size = int(number) * _UNIT_BYTES[unit or "B"]
    if size > SIZE_MAX_BYTES:
        raise Unfit("must be at most 1048576GiB")
    return size


def write_size(size: int) -> str:
    """The size in its largest whole unit."""
    for unit, factor in reversed(_UNIT_BYTES.items()):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return "0B"
