"""What a certificate says of itself that a listener cares for: from when to when it holds.

A small walk over DER (ITU-T X.690) to one place: the library that reads certificates whole weighs as much as
a tenth of an idle gateway.
"""

import re
from calendar import timegm
from dataclasses import dataclass
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_TIMES: Final = {
    _UTC_TIME: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
    0x18: re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
}
_BEFORE_VALIDITY: Final = 3  # serial number, algorithm, issuer


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when, in seconds since 1970."""

    begins_at: float
    ends_at: float


def read_validity(der: bytes) -> Validity:
    """When a certificate holds; raises `ValueError` for what is none."""
    _, certificate, _ = _take(der, _SEQUENCE)
    _, rest, _ = _take(certificate, _SEQUENCE)
    if rest[:1] == bytes([_VERSION]):
        _, _, rest = _take(rest)
    for _ in range(_BEFORE_VALIDITY):
        _, _, rest = _take(rest)
    _, times, _ = _take(rest, _SEQUENCE)
    begin_tag, begin, times = _take(times)
    end_tag, end, _ = _take(times)
    return Validity(_moment(begin_tag, begin), _moment(end_tag, end))


def _take(data: bytes, wanted: int | None = None) -> tuple[int, bytes, bytes]:
    """The first element: its tag, what it holds, and what comes behind it."""
    if len(data) < 2 or wanted not in (None, data[0]):
        raise ValueError("this is no certificate")
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        raise ValueError("this certificate is cut short")
    return tag, data[at : at + size], data[at + size :]


def _moment(tag: int, text: bytes) -> float:
    found = _TIMES[tag].fullmatch(text) if tag in _TIMES else None
    if found is None:
        raise ValueError("this certificate tells no time")
    year, *rest = map(int, found.groups())
    if tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    return float(timegm((year, *rest, 0, 0, 0)))
