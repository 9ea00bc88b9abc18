"""Guarantees of gateway/demo/server.py: it listens when it says so, and stops at once."""

import asyncio
from urllib.parse import urlsplit

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway.demo import Demo, start_demo
from tests.support.raw_connection import eventually


async def test_it_answers_as_soon_as_it_was_started(demo: Demo) -> None:
    async with aiohttp.ClientSession() as caller, caller.get(demo.url + "/") as reply:
        assert reply.status == 200


async def test_port_0_gives_each_demo_its_own_port(demo: Demo) -> None:
    async with await start_demo() as other:
        assert urlsplit(other.url).port != urlsplit(demo.url).port


async def test_an_ipv6_host_gives_a_url_that_clients_understand() -> None:
    async with await start_demo("::1") as demo:
        assert demo.url.startswith("http://[::1]:")
        async with aiohttp.ClientSession() as caller, caller.get(demo.url) as reply:
            assert reply.status == 200


async def test_a_taken_port_is_an_oserror_and_leaves_nothing_open(demo: Demo) -> None:
    with pytest.raises(OSError, match="in use"):
        await start_demo(port=urlsplit(demo.url).port or 0)


async def test_after_stop_the_port_is_closed_and_stopping_again_is_harmless() -> None:
    demo = await start_demo()
    await demo.stop()
    await demo.stop()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", urlsplit(demo.url).port)


async def test_stop_ends_open_websockets_within_a_second() -> None:
    demo = await start_demo()
    async with connect(demo.url.replace("http", "ws") + "/ws/echo") as ws:
        async with asyncio.timeout(1):
            await demo.stop()
            with pytest.raises(ConnectionClosed):
                await ws.recv()


async def test_stop_ends_open_streams_within_a_second() -> None:
    demo = await start_demo(pause_s=3600)
    body = {"stream": True, "messages": [{"role": "user", "content": "hi"}]}
    async with aiohttp.ClientSession() as caller:
        reply = await caller.post(demo.url + "/v1/chat/completions", json=body)
        async with asyncio.timeout(1):
            await demo.stop()
            with pytest.raises(aiohttp.ClientPayloadError):
                await reply.read()


async def test_a_caller_that_leaves_mid_stream_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with await start_demo(pause_s=0.005) as demo, aiohttp.ClientSession() as caller:
        ask = {"stream": True, "messages": [{"role": "user", "content": "word " * 50}]}
        async with caller.post(demo.url + "/v1/chat/completions", json=ask) as reply:
            await reply.content.readline()
        await eventually(_is_quiet, "the demo stops telling")
    assert caplog.records == []


def _is_quiet() -> bool:
    """Whether no handler of the demo is at work."""
    return not any("_handle_request" in repr(task.get_coro()) for task in asyncio.all_tasks())
