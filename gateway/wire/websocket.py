"""The WebSocket handshake: whether an upstream's 101 is the answer to what was asked (RFC 6455 §4.1)."""

import base64
import hashlib
import hmac
from typing import Final

from gateway.core.request import Headers
from gateway.wire.headers import tokens, values

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def handshake_fault(asked: Headers, answered: Headers) -> str | None:
    """Why an upstream's 101 may not be passed on, or None."""
    if tokens(answered, b"upgrade") != [b"websocket"] or b"upgrade" not in tokens(answered, b"connection"):
        return "switched to another protocol than WebSocket"
    key = values(asked, b"sec-websocket-key")[0]
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    accepts = values(answered, b"sec-websocket-accept")
    if len(accepts) != 1 or not hmac.compare_digest(accepts[0], base64.b64encode(digest)):
        return "answered the WebSocket handshake wrongly"
    chosen = tokens(answered, b"sec-websocket-protocol")
    if len(chosen) > 1 or not set(chosen) <= set(tokens(asked, b"sec-websocket-protocol")):
        return "chose a WebSocket subprotocol that was not offered"
    return None
