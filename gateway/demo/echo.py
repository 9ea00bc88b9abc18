"""The WebSocket echo of the demo upstream: text comes back as text, bytes as bytes, in order.

The subprotocol `echo` is spoken if it is offered; a connection without one is fine as well. The caller's
close code comes back too.
"""

from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

SUBPROTOCOL: Final = "echo"
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024


async def echo_messages(request: web.Request) -> web.WebSocketResponse:
    """Send every message back until the caller closes."""
    ws = web.WebSocketResponse(protocols=(SUBPROTOCOL,), max_msg_size=MESSAGE_BYTES_MAX, autoclose=False)
    await ws.prepare(request)
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    await ws.close(code=ws.close_code or WSCloseCode.OK)
    return ws
