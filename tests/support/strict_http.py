"""A strict reader of HTTP/1.1 messages: the referee between what a gateway wrote and what it should have.

It forgives nothing that RFC 9112 does not demand: bare line feeds, folded lines, blanks before a colon,
contradictory framing, odd chunk sizes are `NotHttp`. It is written for tests and independent of any library
that a plane may use. Pure: bytes in, values out.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t -~\x80-\xff]*)")
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.1")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")

Fields = tuple[tuple[bytes, bytes], ...]


class NotHttp(AssertionError):
    """The bytes break a rule of HTTP/1.1."""


class Framing(Enum):
    """How the end of a body is told."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True)
class Message:
    """One request or response; names as on the wire. `size`: how many bytes it takes, once it is whole."""

    start: bytes
    fields: Fields
    framing: Framing
    body: bytes = b""
    chunks: tuple[bytes, ...] = ()
    trailers: Fields = ()
    size: int = 0
    is_whole: bool = False
    interim: tuple["Message", ...] = ()

    def all(self, name: bytes) -> list[bytes]:
        """All values of a field, in order."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def one(self, name: bytes) -> bytes | None:
        """The value of a field that stands at most once."""
        values = self.all(name)
        assert len(values) < 2, f"{name!r} stands {len(values)} times"
        return values[0] if values else None

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.start.split(b" ")[1])

    @property
    def method(self) -> bytes:
        """The method of a request."""
        return self.start.split(b" ")[0]

    @property
    def target(self) -> bytes:
        """The target of a request."""
        return self.start.split(b" ")[1]


def read_request(data: bytes) -> Message | None:
    """The first request in the bytes, not whole if its body is still to come; None if its head is."""
    read = _read_head(data)
    if read is None:
        return None
    start, fields, size = read
    if _REQUEST_LINE.fullmatch(start) is None:
        raise NotHttp(f"no request line: {start!r}")
    framing = _framing(fields)
    return _read_body(data, Message(start, fields, framing, size=size), at_end=False)


def read_response(data: bytes, method: bytes = b"GET", *, at_end: bool = False) -> Message | None:
    """The first final response in the bytes, with the interim ones before it; None while it has no head.

    `method` is the request's. `at_end`: nothing will follow, which is the end of a body without framing.
    """
    interim: tuple[Message, ...] = ()
    offset = 0
    while True:
        read = _read_head(data[offset:])
        if read is None:
            return None
        start, fields, size = read
        match = _STATUS_LINE.fullmatch(start)
        if match is None:
            raise NotHttp(f"no status line: {start!r}")
        status = int(match[1])
        if status >= 200 or status == 101:
            break
        interim = (*interim, Message(start, fields, Framing.NONE, size=size, is_whole=True))
        offset += size
    message = Message(start, fields, _response_framing(fields, status, method), size=size)
    message = _read_body(data[offset:], message, at_end=at_end)
    return replace(message, size=message.size + offset, interim=interim)


def _read_head(data: bytes) -> tuple[bytes, Fields, int] | None:
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    start, *lines = head.split(b"\r\n")
    if b"\n" in start or b"\r" in start:
        raise NotHttp(f"a bare line end in {start!r}")
    return start, tuple(_read_field(line) for line in lines), len(head) + len(end)


def _read_field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise NotHttp(f"no header field: {line!r}")
    return match[1], match[2]


def _framing(fields: Fields) -> Framing:
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise NotHttp(f"framed twice: {lengths} {codings}")
    if codings:
        if codings[0].lower() != b"chunked":
            raise NotHttp(f"unknown coding {codings[0]!r}")
        return Framing.CHUNKED
    if lengths and not re.fullmatch(rb"[0-9]+", lengths[0]):
        raise NotHttp(f"no length: {lengths[0]!r}")
    return Framing.LENGTH if lengths else Framing.NONE


def _response_framing(fields: Fields, status: int, method: bytes) -> Framing:
    framing = _framing(fields)
    if status in (101, 204) and framing is not Framing.NONE:
        raise NotHttp(f"a {status} with a body's framing")
    if method == b"HEAD" or status in (101, 204, 304):
        return Framing.NONE
    return Framing.CLOSE if framing is Framing.NONE else framing


def _read_body(data: bytes, message: Message, *, at_end: bool) -> Message:
    head_size = message.size
    if message.framing is Framing.NONE:
        return replace(message, is_whole=True)
    if message.framing is Framing.CHUNKED:
        return _read_chunks(data, head_size, message)
    if message.framing is Framing.CLOSE:
        return replace(message, body=data[head_size:], size=len(data), is_whole=at_end)
    end = head_size + int(message.one(b"content-length") or b"0")
    return replace(message, body=data[head_size:end], size=end, is_whole=len(data) >= end)


def _read_chunks(data: bytes, at: int, message: Message) -> Message:
    chunks: list[bytes] = []
    partial = b""
    while (line_end := data.find(b"\r\n", at)) >= 0:
        line = data[at:line_end]
        if _CHUNK_SIZE.fullmatch(line) is None:
            raise NotHttp(f"no chunk size: {line[:80]!r}")
        begin = line_end + 2
        end = begin + int(line, 16)
        if begin == end:
            message = replace(message, body=b"".join(chunks), chunks=tuple(chunks))
            return _read_trailers(data, begin, message)
        if len(data) < end + 2:
            partial = data[begin:end]
            break
        if data[end : end + 2] != b"\r\n":
            raise NotHttp("a chunk is longer than it says")
        chunks.append(data[begin:end])
        at = end + 2
    return replace(message, body=b"".join(chunks) + partial, chunks=tuple(chunks))


def _read_trailers(data: bytes, at: int, message: Message) -> Message:
    fields: list[tuple[bytes, bytes]] = []
    while (line_end := data.find(b"\r\n", at)) >= 0:
        line, at = data[at:line_end], line_end + 2
        if not line:
            return replace(message, trailers=tuple(fields), size=at, is_whole=True)
        fields.append(_read_field(line))
    return message
