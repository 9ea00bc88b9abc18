"""Guarantees of gateway/plane/reset.py: who reads on learns that there is no more to come."""

import asyncio

import pytest

from gateway.plane.reset import reset_on_close
from tests.unit.plane.lean_stage import FakeTransport


async def test_a_connection_that_is_reset_is_an_error_to_who_reads() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half of")
        await writer.drain()
        reset_on_close(writer.transport)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    server.close()
    await server.wait_closed()


def test_a_transport_without_a_socket_is_left_as_it_is() -> None:
    transport = FakeTransport()
    transport.get_extra_info = lambda *_: None  # type: ignore[method-assign]
    reset_on_close(transport)
    assert transport.options == []
