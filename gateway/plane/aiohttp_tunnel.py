"""A WebSocket after its 101: bytes both ways, untouched, until one side or the gateway ends it.

The frames are not parsed: subprotocols, extensions, compression, pings and close codes pass as they are,
since the handshake that both ends agreed on was their own. Nothing the caller sends is passed on before the
upstream's 101 was checked (RFC 9931). Back-pressure: reading from one side pauses while the other is full.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Protocol

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter

from gateway.core.request import Headers
from gateway.plane.aiohttp_upstream import READ_BYTES
from gateway.wire.headers import tokens, values

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3

Count = Callable[[int], None]


class _Feed:
    """What aiohttp calls a parser: here it only hands the bytes on."""

    def __init__(self, reader: aiohttp.StreamReader) -> None:
        self._reader = reader

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._reader.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        self._reader.feed_eof()


class _Write(Protocol):
    async def __call__(self, chunk: bytes, /) -> None: ...


def handshake_fault(asked: Headers, answered: Headers) -> str | None:
    """Why an upstream's 101 may not be passed on (RFC 6455 §4.1), or None."""
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


async def tunnel(
    request: web.BaseRequest,
    response: aiohttp.ClientResponse,
    idle_s: float,
    count_in: Count,
    count_out: Count,
) -> str | None:
    """Pass bytes until either side closes. Returns None, or `upstream_idle` if both fell silent."""
    loop = asyncio.get_running_loop()
    connection = response.connection
    if connection is None or connection.protocol is None:
        return "upstream_cut"
    from_caller = aiohttp.StreamReader(request.protocol, READ_BYTES, loop=loop)
    from_upstream = aiohttp.StreamReader(connection.protocol, READ_BYTES, loop=loop)
    to_upstream = StreamWriter(connection.protocol, loop)
    connection.protocol.set_parser(_Feed(from_upstream), from_upstream)
    request.protocol.set_parser(_Feed(from_caller))  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(idle_s) as idle:

            def alive() -> None:
                idle.reschedule(loop.time() + idle_s)

            pumps = (
                asyncio.ensure_future(_pump(from_caller, to_upstream.write, count_in, alive)),
                asyncio.ensure_future(_pump(from_upstream, request.writer.write, count_out, alive)),
            )
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
    except TimeoutError:
        return "upstream_idle"
    return None


async def _pump(reader: aiohttp.StreamReader, write: _Write, count: Count, alive: Callable[[], None]) -> None:
    while chunk := await reader.readany():
        alive()
        count(len(chunk))
        await write(chunk)
