"""Which trace a request belongs to, by what its caller says (W3C Trace Context, level 1 and 2).

1. A `traceparent` counts only if it is whole: one field, version, ids and flags in lower-case hexadecimal of
   their lengths, no id of zeros, no version `ff`. Version `00` ends there; what a later one says behind
   another `-` is passed on and not read.
2. What does not count is told to nobody: a caller chooses it, and it could hold anything.
3. Where no spans are made, all of it passes as it came, whether it counts or not; so do `tracestate` and
   `baggage`. Where spans are made the upstream is told of ours, and a `tracestate` without a `traceparent`
   that counts is left out.
4. Nothing is allowed or refused by it.
"""

import re
from typing import Final

from gateway.core.request import Headers
from gateway.wire.headers import tokens_in, values

PARENT: Final = b"traceparent"
STATE: Final = b"tracestate"
IDS: Final = rb"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""A `traceparent` but for its version."""

_WHOLE: Final = re.compile(rb"00-%b|(?!00|ff)[0-9a-f]{2}-%b(?:-.*)?" % (IDS, IDS))


def parent_in(found: list[bytes], connection: list[bytes]) -> bytes | None:
    """The value that counts among a request's `traceparent` fields, beside its `Connection` fields."""
    if len(found) != 1 or _WHOLE.fullmatch(found[0]) is None:
        return None
    return None if PARENT in tokens_in(connection) else found[0]


def parent_of(headers: Headers) -> bytes | None:
    """The same of all its fields, in whatever case their names are."""
    lower = tuple((name.lower(), value.strip(b" \t")) for name, value in headers)
    return parent_in(values(lower, PARENT), values(lower, b"connection"))


def trace_id_of(parent: bytes) -> str:
    """The trace's id, of a value that counts."""
    return parent[3:35].decode("ascii")
