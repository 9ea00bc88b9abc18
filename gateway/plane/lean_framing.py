"""Where a body ends: by its length, by its chunks, or with the connection. Pure: bytes in, spans out.

The lean plane passes bodies on as they arrive, so a framing only walks over what is there and says which
bytes of it are payload; nothing is copied and nothing is kept. What is not framing to the letter of RFC 9112
§7.1 is a `Fault`, because a body that two servers end in different places is how requests are smuggled
(aiohttp and Pingora had a dozen of these; see tests/fuzz/test_framing.py for the statement that is held):

1. A chunk's size is 1 to 16 hexadecimal digits, no sign, no blank, no `0x`.
2. Every line ends in CRLF. A CR or LF alone is a fault, also within an extension.
3. Extensions are names with or without a value (RFC 9112 §7.1.1). They are walked over, at most
   `LINE_BYTES_MAX` for a line (Go CVE-2023-39326), and never passed on.
4. Trailer fields are kept apart, at most `TRAILER_BYTES_MAX` in all; whether one may pass is not said here.
"""

import re
from typing import Final

LINE_BYTES_MAX: Final = 256
TRAILER_BYTES_MAX: Final = 8_192

Span = tuple[int, int]
"""Payload within the bytes that were read: from, to."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_EXTENSION: Final = rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})((?:%b)*)" % _EXTENSION)
_CRLF: Final = b"\r\n"
_HEX: Final = b"0123456789abcdefABCDEF"


class Fault(ValueError):
    """The bytes break a rule of HTTP. The message names the rule and quotes nothing."""


class ByLength:
    """A body of a declared length."""

    __slots__ = ("is_over", "left")

    is_clean = True
    trailer = b""

    def __init__(self, length: int) -> None:
        self.left = length
        self.is_over = length == 0

    def walk(self, data: bytes) -> tuple[list[Span], int]:
        """The payload in `data`, and where the body's part of it ends."""
        end = min(len(data), self.left)
        self.left -= end
        self.is_over = not self.left
        return [(0, end)] if end else [], end


class ByChunks:
    """A chunked body.

    `is_clean`: what was walked last may be passed on byte for byte: it began and ended between lines, and had
    neither extensions nor trailer fields. `announced`: payload bytes of the chunk under way still to come;
    `awaits_end`: its CRLF still is. `trailer`: the trailer section, its last line included, at the end.
    """

    __slots__ = ("_line", "_trailing", "announced", "awaits_end", "is_clean", "is_over", "trailer")

    def __init__(self) -> None:
        self.is_over = False
        self.is_clean = True
        self.announced = 0
        self.awaits_end = False
        self.trailer = b""
        self._trailing = False
        self._line = b""  # the beginning of a line whose end has not arrived

    def walk(self, data: bytes) -> tuple[list[Span], int]:
        """The payload in `data`, and where the body's part of it ends. Raises `Fault`."""
        self.is_clean = not self._line and not self._trailing
        if self.is_clean and not self.announced and not self.awaits_end:
            one = _one_chunk(data)
            if one is not None:
                return [one], len(data)
        spans: list[Span] = []
        at, end = 0, len(data)
        while at < end and not self.is_over:
            if self.announced:
                to = min(end, at + self.announced)
                spans.append((at, to))
                self.announced -= to - at
                self.awaits_end = not self.announced
                at = to
            elif self.awaits_end:
                at = self._read_end(data, at)
            else:
                at = self._read_line(data, at)
        if self._line or (self._trailing and not self.is_over):
            self.is_clean = False
        return spans, at

    def _read_end(self, data: bytes, at: int) -> int:
        ending = self._line + data[at : at + 2 - len(self._line)]
        if not _CRLF.startswith(ending):
            raise Fault("a chunk is longer or shorter than it says")
        self.awaits_end = ending != _CRLF
        at += len(ending) - len(self._line)
        self._line = ending if self.awaits_end else b""
        return at

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        most = TRAILER_BYTES_MAX if self._trailing else LINE_BYTES_MAX
        upto = len(data) if end < 0 else end + 1
        if len(self._line) + len(self.trailer) + upto - at > most:
            raise Fault("a line in the framing of the body is too long")
        line = self._line + data[at:upto] if self._line else data[at:upto]
        if end < 0:
            self._line = line
            return upto
        self._line = b""
        if line[-2:] != _CRLF:
            raise Fault("a line in the framing of the body does not end in CRLF")
        if self._trailing:
            self._read_trailer(line)
        else:
            self._read_size(line[:-2])
        return upto

    def _read_size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Fault("a chunk's size is no hexadecimal number")
        self.announced = int(match[1], 16)
        self._trailing = not self.announced
        if match[2]:
            self.is_clean = False

    def _read_trailer(self, line: bytes) -> None:
        self.trailer += line
        self.is_over = line == _CRLF
        if not self.is_over:
            self.is_clean = False


def _one_chunk(data: bytes) -> Span | None:
    """The payload, if the data is exactly one plain chunk: so events come, and this is a third of a walk."""
    end = data.find(_CRLF, 1, 9)
    if end < 0 or not data.endswith(_CRLF):
        return None
    digits = data[:end]
    if digits.translate(None, _HEX):
        return None
    to = end + 2 + int(digits, 16)
    return (end + 2, to) if to + 2 == len(data) and to > end + 2 else None


class ToTheEnd:
    """A body that ends with its connection: everything is payload, and only the connection can end it."""

    __slots__ = ("is_over",)

    is_clean = True
    trailer = b""

    def __init__(self) -> None:
        self.is_over = False

    def walk(self, data: bytes) -> tuple[list[Span], int]:
        """All of it."""
        return [(0, len(data))], len(data)


Framing = ByLength | ByChunks | ToTheEnd


def payload(data: bytes, spans: list[Span]) -> bytes:
    """The spans' bytes in one piece; the data itself, uncopied, where that is all of it."""
    if len(spans) == 1 and spans[0] == (0, len(data)):
        return data
    return b"".join([data[begin:end] for begin, end in spans])


def chunk(body: bytes) -> bytes:
    """One chunk; nothing for nothing, because an empty chunk would be the end."""
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""
