"""An upstream that gives every request what it asks for: 101 to a WebSocket, a head to HEAD, else `ok`."""

import base64
import hashlib
from typing import Final

from tests.support.http_samples import switching
from tests.support.scripted_upstream import OK, UpstreamConnection
from tests.support.strict_http import Message

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def obliging(connection: UpstreamConnection) -> None:
    """The script."""
    while True:
        request = await connection.request(within_s=60)
        key = request.one(b"sec-websocket-key") if request.all(b"upgrade") else None
        if key is not None:
            digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
            connection.send(switching(accept=base64.b64encode(digest)))
            return
        connection.send(OK.removesuffix(b"ok") if request.method == b"HEAD" else OK)


def whole(requests: list[Message]) -> list[Message]:
    """Those that arrived to their end, which is when an upstream acts on them."""
    return [request for request in requests if request.is_whole]
