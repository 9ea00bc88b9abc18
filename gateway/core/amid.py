"""Keys amid other text: found by their form, percent-encoded or not, whatever stands around them.

An encoding is undone up to three times, as servers on the way may do; not for ever, for callers choose it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.keys import BODY_CHARS, CHECKSUM_CHARS, Shape, shape_of

_DECODINGS_MAX: Final = 4


def decodings(value: bytes) -> Iterator[bytes]:
    """The value as it came, then percent-decoded once, twice … until nothing changes, but not for ever."""
    for _ in range(_DECODINGS_MAX):
        yield value
        encoded, value = value, unquote_to_bytes(value)
        if len(encoded) == len(value):
            return


def keys_amid(value: bytes, prefix: str) -> list[str]:
    """The well-formed keys under this prefix that stand anywhere in the value."""
    mark, pattern = _anywhere(prefix)
    found: dict[str, None] = {}
    for decoded in decodings(value):
        if mark in decoded:
            texts = (match[0] + match[1] for match in pattern.finditer(decoded))
            found |= dict.fromkeys(text.decode("ascii") for text in texts)
    return [text for text in found if shape_of(text, prefix) is Shape.WELL_FORMED]


def mark_of(prefix: str) -> bytes:
    """What every key under this prefix begins with."""
    return _anywhere(prefix)[0]


@lru_cache(maxsize=16)
def _anywhere(prefix: str) -> tuple[bytes, re.Pattern[bytes]]:
    mark = f"{prefix}_"
    return mark.encode(), re.compile(rf"{mark}(?=([0-9A-Za-z]{{{BODY_CHARS + CHECKSUM_CHARS}}}))".encode())
