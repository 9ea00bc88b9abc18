"""Guarantees of gateway/plane/aiohttp_tunnel.py: bytes pass untouched and counted, and are signs of life.

How a WebSocket begins and ends is held on the wire, byte by byte: tests/conformance.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from gateway.plane.aiohttp_tunnel import _Feed, _pump, tunnel


def a_reader() -> aiohttp.StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    return aiohttp.StreamReader(protocol, 65_536, loop=loop)


async def test_every_byte_passes_as_it_came_and_is_counted_once() -> None:
    reader = a_reader()
    feed = _Feed(reader)
    passed = bytearray()
    counted: list[int] = []
    signs: list[bool] = []

    async def write(chunk: bytes, /) -> None:
        passed.extend(chunk)

    pump = asyncio.ensure_future(_pump(reader, write, counted.append, lambda: signs.append(True)))
    for piece in (b"\x81\x05hello", b"\r\n0\r\n\r\n", bytes(range(256))):
        assert feed.feed_data(piece) == (False, b"")
        await asyncio.sleep(0)
    feed.feed_eof()
    await asyncio.wait_for(pump, 1)
    assert bytes(passed) == b"\x81\x05hello\r\n0\r\n\r\n" + bytes(range(256))
    assert sum(counted) == len(passed)
    assert len(signs) == len(counted)


@pytest.mark.parametrize("connection", [None, SimpleNamespace(protocol=None)], ids=["gone", "closed"])
async def test_an_upstream_that_is_already_gone_is_a_cut(connection: object) -> None:
    response = cast("Any", SimpleNamespace(connection=connection))
    counted: list[int] = []
    ended = await tunnel(cast("Any", None), response, 1.0, counted.append, counted.append)
    assert (ended, counted) == ("upstream_cut", [])
