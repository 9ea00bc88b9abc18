"""Guarantees of gateway/demo/echo.py: what goes in comes out, in order and in kind."""

import contextlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.demo import Demo
from gateway.demo.echo import MESSAGE_BYTES_MAX


def ws_url(demo: Demo) -> str:
    return demo.url.replace("http", "ws") + "/ws/echo"


async def test_text_and_bytes_come_back_in_order_and_in_kind(demo: Demo) -> None:
    sent: list[str | bytes] = ["hello", b"\x00\xff", "", b"", "grüße", b"x" * 2_000_000]
    async with connect(ws_url(demo), max_size=None) as ws:
        for message in sent:
            await ws.send(message)
        assert [await ws.recv() for _ in sent] == sent


async def test_the_subprotocol_echo_is_chosen_if_offered(demo: Demo) -> None:
    async with connect(ws_url(demo), subprotocols=[Subprotocol("other"), Subprotocol("echo")]) as ws:
        assert ws.subprotocol == "echo"


async def test_without_a_subprotocol_the_echo_works_as_well(demo: Demo) -> None:
    async with connect(ws_url(demo)) as ws:
        assert ws.subprotocol is None
        await ws.send("hi")
        assert await ws.recv() == "hi"


@pytest.mark.parametrize("code", [1000, 1001, 4001])
async def test_the_callers_close_code_comes_back(demo: Demo, code: int) -> None:
    async with connect(ws_url(demo)) as ws:
        await ws.close(code)
    assert ws.protocol.close_rcvd is not None
    assert ws.protocol.close_rcvd.code == code


async def test_a_message_that_is_too_big_ends_the_connection_with_1009(demo: Demo) -> None:
    async with connect(ws_url(demo)) as ws:
        with contextlib.suppress(ConnectionClosed):
            await ws.send(b"x" * (MESSAGE_BYTES_MAX + 1))
            await ws.recv()
    assert ws.close_code == 1009
