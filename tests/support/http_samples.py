"""Pieces of HTTP that many cases of the conformance suite are made of."""

import base64
import hashlib
from typing import Final

from tests.support.plane_stand import KEY, request

EVENTS: Final = b"Accept: text/event-stream"
WEBSOCKET_KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPT: Final = base64.b64encode(hashlib.sha1(WEBSOCKET_KEY + _GUID, usedforsecurity=False).digest())


def websocket(target: bytes = b"/any/ws", *fields: bytes, shown: bytes | None = KEY) -> bytes:
    """A WebSocket's opening request."""
    asked = (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + WEBSOCKET_KEY,
    )
    return request(b"GET " + target + b" HTTP/1.1", *asked, *fields, shown=shown)


def switching(*fields: bytes, accept: bytes = ACCEPT) -> bytes:
    """The upstream's right answer to it."""
    answer = (
        b"HTTP/1.1 101 Switching Protocols",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Accept: " + accept,
    )
    return b"\r\n".join((*answer, *fields, b"", b""))


def answer(status: bytes = b"200 OK", *fields: bytes, body: bytes = b"") -> bytes:
    """A whole response, framed by its length."""
    lines = (b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, b"", b"")) + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end
