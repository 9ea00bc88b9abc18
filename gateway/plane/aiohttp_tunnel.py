"""A WebSocket after its 101: bytes both ways, untouched, until one side or the gateway ends it.

The frames are not parsed: subprotocols, extensions, compression, pings and close codes pass as they are,
since the handshake that both ends agreed on was their own. Nothing the caller sends is passed on before the
upstream's 101 was checked (RFC 9931). Back-pressure: reading from one side pauses while the other is full.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter

from gateway.plane.aiohttp_upstream import READ_BYTES

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
