"""Heads of HTTP/1.x messages, from bytes to raw parts. httptools (llhttp) parses; this room is its guard.

llhttp in its strict mode refuses bare LF, folded lines, blanks before a colon, control characters, a
`Content-Length` beside a `Transfer-Encoding` and most else that a smuggler needs. It has no limits, takes
versions that do not exist, skips line ends of any kind before a head, and takes several blanks between the
words of a request's first line; those are held here. What a head means is
judged below, by `wire.request_head` and `wire.response_head`, for every plane alike.
"""

import re
from dataclasses import dataclass
from typing import Final

import httptools

from gateway.core.request import Headers
from gateway.plane.lean_framing import Fault
from gateway.wire.opening import is_tls
from gateway.wire.request_head import METHOD_BYTES_MAX, Version

HEAD_END: Final = b"\r\n\r\n"
ANSWER_HEAD_BYTES_MAX: Final = 65_536
ANSWER_FIELDS_MAX: Final = 256
_VERSIONS: Final[dict[str, Version]] = {"1.0": (1, 0), "1.1": (1, 1)}
_LONE_FEED: Final = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request head in raw parts."""

    method: bytes
    target: bytes
    version: Version
    fields: Headers


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A response head in raw parts, its field names in lower case."""

    status: int
    phrase: str
    version: Version
    fields: Headers


class _Parts:
    """What httptools calls back: collects the raw parts."""

    __slots__ = ("fields", "is_whole", "phrase", "target")

    def __init__(self) -> None:
        self.target = b""
        self.phrase = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_whole = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_status(self, status: bytes) -> None:
        self.phrase += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_whole = True


def parse_request(raw: bytes) -> RawRequest:
    """The raw parts of one whole head (its blank line included). Raises `Fault`."""
    parts = _Parts()
    parser = httptools.HttpRequestParser(parts)
    _feed(parser, raw, parts)
    version = _VERSIONS.get(parser.get_http_version())
    if version is None:
        raise Fault("the only versions spoken here are HTTP/1.1 and HTTP/1.0")
    method = parser.get_method()
    if not raw.startswith(b"%b %b HTTP/" % (method, parts.target)):
        raise Fault("its first line is not three words with one blank between them")
    return RawRequest(method, parts.target, version, tuple(parts.fields))


def parse_answer(raw: bytes) -> RawAnswer:
    """The raw parts of one whole response head (its blank line included). Raises `Fault`."""
    parts = _Parts()
    parser = httptools.HttpResponseParser(parts)
    _feed(parser, raw, parts)
    version = _VERSIONS.get(parser.get_http_version())
    if version is None:
        raise Fault("another version of HTTP")
    if not raw.startswith(b"HTTP/"):
        raise Fault("something before its first line")
    if len(parts.fields) > ANSWER_FIELDS_MAX:
        raise Fault("too many header fields")
    fields = tuple((name.lower(), value) for name, value in parts.fields)
    return RawAnswer(parser.get_status_code(), parts.phrase.decode("latin-1"), version, fields)


def is_hopeless(raw: bytes, seen: int = 0) -> bool:
    """Whether what has arrived of a head can never become one, so that nobody has to wait for its end.

    The first `seen` bytes were looked at before.
    """
    if is_tls(raw) or raw.find(b"\0", seen) >= 0 or _LONE_FEED.search(raw, seen) is not None:
        return True
    return len(raw) > METHOD_BYTES_MAX and b" " not in raw[: METHOD_BYTES_MAX + 1]


def fields_in(raw: bytes) -> int:
    """How many header fields a whole head has: its lines less the first and the last."""
    return raw.count(b"\r\n") - 2


def _feed(
    parser: httptools.HttpRequestParser | httptools.HttpResponseParser, raw: bytes, parts: _Parts
) -> None:
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # an upgrade is asked for or granted: whether it may is judged below
    except httptools.HttpParserError as error:
        raise Fault(f"its head cannot be parsed: {error}") from None
    if not parts.is_whole:
        raise Fault("its head cannot be parsed")
