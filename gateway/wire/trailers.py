"""Trailer fields: which of them may be passed on behind a chunked body, in either direction.

A trailer comes after everything was decided, so it may say nothing that decides: fields that frame, route,
authenticate, control or describe the message are left out (RFC 9110 §6.5.1), and so is whatever this gateway
says itself or would take out of a head. They never become headers (RFC 9112 §7.1.2). A caller whose trailer
frames or routes is refused: it can only be meant for somebody who knows no better.
"""

import re
from typing import Final

from gateway.core.amid import decodings
from gateway.core.credentials import KEY_HEADERS
from gateway.wire.headers import CLAIM_PREFIX, CLAIMS, HOP_BY_HOP, UNLISTABLE, is_like_a_key, reads_as

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE_BAD: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_DECIDING: Final = (
    HOP_BY_HOP
    | UNLISTABLE
    | CLAIMS
    | KEY_HEADERS
    | {b"accept", b"age", b"allow", b"authorization", b"cache-control", b"content-encoding", b"content-type"}
    | {b"content-disposition", b"content-location", b"content-range", b"date", b"expires", b"if-match"}
    | {b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"location"}
    | {b"max-forwards", b"pragma", b"range", b"retry-after", b"vary", b"warning", b"www-authenticate"}
    | {b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-protocol"}
    | {b"ocp-apim-subscription-key", b"via", b"x-request-id"}
)
_DECIDING_BEGIN: Final = (b"x-keyhatch-", CLAIM_PREFIX, b"access-control-")
_ATTACKING: Final = frozenset(
    {b"connection", b"content-length", b"host", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)


class TrailerFault(ValueError):
    """A trailer section that is none."""


def passed_on(section: bytes, *, from_caller: bool) -> bytes:
    """What may follow the last chunk of a trailer section (its last line included); that line at least.

    Names leave in lower case. Raises `TrailerFault` if a line is no field.
    """
    kept, at = [], 0
    while not section.startswith(b"\r\n", at):
        end = section.find(b"\r\n", at)
        name, colon, value = section[at:end].partition(b":")
        if end < 0 or not colon or _NAME.fullmatch(name) is None or _VALUE_BAD.search(value):
            raise TrailerFault("a trailer field is malformed")
        at, name, value = end + 2, name.lower(), value.strip(b" \t")
        read = reads_as(name)
        if b"_" in name:
            raise TrailerFault("a trailer name has an underscore, which some servers read as '-'")
        if from_caller and read in _ATTACKING:
            raise TrailerFault("a trailer field frames or routes the message")
        if (
            read not in _DECIDING
            and not read.startswith(_DECIDING_BEGIN)
            and not any(map(is_like_a_key, decodings(value)))
        ):
            kept.append(name + b": " + value + b"\r\n")
    return b"".join(kept) + b"\r\n"
