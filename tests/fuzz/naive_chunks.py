"""A chunked body read plainly: all of it at hand, one regular expression for a line, no state.

The reference for `gateway.plane.lean_framing.ByChunks`, written from RFC 9112 §7.1 and from the numbered
rules of that module. It says what the bytes are: a body that is over, one that goes on, or none.
"""

import re
from dataclasses import dataclass

_NAME = rb"[A-Za-z0-9!#$%&'*+\-.^_`|~]+"
_TEXT = rb'"(?:\\[\t\x20-\x7e\x80-\xff]|[\t\x20-\x7e\x80-\xff](?<!["\\]))*"'
_EXTENSION = rb"[ \t]*;[ \t]*" + _NAME + rb"([ \t]*=[ \t]*(" + _NAME + rb"|" + _TEXT + rb"))?"
_LINE = re.compile(rb"([0-9a-fA-F]{1,16})(" + _EXTENSION + rb")*\r\n")
_SIZE_LINE_MAX = 256
_TRAILER_MAX = 8_192


@dataclass(frozen=True)
class Reading:
    """`over`: the body ended at `end`; `trailer`: its section, the last line included."""

    body: bytes
    end: int
    over: bool
    trailer: bytes = b""


def read_chunks(data: bytes) -> Reading | None:
    """What a strict reader makes of these bytes; None if they can be no chunked body."""
    body, at = b"", 0
    while True:
        line_end = data.find(b"\n", at)
        line = data[at : len(data) if line_end < 0 else line_end + 1]
        if len(line) > _SIZE_LINE_MAX:
            return None
        if line_end < 0:
            return Reading(body, len(data), over=False)
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        at = line_end + 1
        size = int(match[1], 16)
        if size == 0:
            return _read_trailer(data, at, body)
        body += data[at : at + size]
        ending = data[at + size : at + size + 2]
        if not b"\r\n".startswith(ending):
            return None
        if len(ending) < 2:
            return Reading(body, len(data), over=False)
        at += size + 2


def _read_trailer(data: bytes, begin: int, body: bytes) -> Reading | None:
    at = begin
    while True:
        line_end = data.find(b"\n", at)
        upto = len(data) if line_end < 0 else line_end + 1
        if upto - begin > _TRAILER_MAX:
            return None
        if line_end < 0:
            return Reading(body, len(data), over=False)
        line = data[at:upto]
        if not line.endswith(b"\r\n"):
            return None
        at = upto
        if line == b"\r\n":
            return Reading(body, at, over=True, trailer=data[begin:at])
