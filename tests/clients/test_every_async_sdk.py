"""The same SDKs on an event loop, where a task is cancelled: whoever leaves stops the upstream's work.

The gateway has the other data plane here, the one on aiohttp; to SDKs the two are the same.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.support.ai_upstream import AUDIO, ENDLESS, HELD, READY, REPLY, ai_upstream
from tests.support.client_stand import UNKNOWN, ClientStand, client_stand
from tests.support.sdks import ASYNC_SDKS, AsyncSdk, Door

ROUTES: list[dict[str, Any]] = [{"id": "ask", "path": "/**", "upstream": "main", "scopes": ["chat:write"]}]

every_sdk = pytest.mark.parametrize("sdk", ASYNC_SDKS, ids=[sdk.name for sdk in ASYNC_SDKS])


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    server = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": "aiohttp"}
    with client_stand(tmp_path_factory.mktemp("home"), ai_upstream(), ROUTES, server=server) as stand:
        yield stand


def door(stand: ClientStand, key: str = "", **other: Any) -> Door:
    return Door(stand.gateway.url, key or stand.key("chat:write"), **other)


async def cancelled_once_asked(stand: ClientStand, path: str, work: Awaitable[object]) -> None:
    """Begin the work, and cancel it as soon as the upstream is at it."""
    task = asyncio.ensure_future(work)
    await asyncio.to_thread(stand.is_asked, path)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


@every_sdk
async def test_it_gets_an_answer_and_a_stream(stand: ClientStand, sdk: AsyncSdk) -> None:
    async with sdk.open(door(stand)) as client:
        whole = await sdk.ask(client, READY)
        pieces = [piece async for piece in sdk.pieces(client, READY)]
    assert whole == "".join(pieces) == (AUDIO.decode("latin-1") if sdk.name == "elevenlabs" else REPLY)
    assert len(pieces) > 5


@every_sdk
async def test_a_refusal_takes_one_request_and_the_error_says_why(stand: ClientStand, sdk: AsyncSdk) -> None:
    with stand.exactly(1, 401):
        async with sdk.open(door(stand, UNKNOWN, retries=2)) as client:
            with pytest.raises(sdk.refused, match="This key was not issued by this gateway"):
                await anext(sdk.pieces(client, READY))
    with stand.exactly(1, 403):
        async with sdk.open(door(stand, stand.key("models:read"), retries=2)) as client:
            with pytest.raises(sdk.refused, match=r"Needed here: chat:write\. The key has: models:read\."):
                await sdk.ask(client, READY)


@every_sdk
async def test_a_task_cancelled_before_the_first_byte_stops_the_work(
    stand: ClientStand, sdk: AsyncSdk
) -> None:
    path = sdk.paths[1]
    with stand.left_once(path):
        async with sdk.open(door(stand)) as client:
            await cancelled_once_asked(stand, path, anext(sdk.pieces(client, HELD)))


@every_sdk
async def test_a_task_cancelled_while_it_streams_stops_the_work(stand: ClientStand, sdk: AsyncSdk) -> None:
    begun = asyncio.Event()

    async def listen(client: Any) -> None:
        async for _ in sdk.pieces(client, ENDLESS):
            begun.set()

    with stand.left_once(sdk.paths[1]):
        async with sdk.open(door(stand)) as client:
            task = asyncio.ensure_future(listen(client))
            await begun.wait()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@every_sdk
async def test_a_task_cancelled_while_it_waits_for_a_whole_answer_stops_the_work(
    stand: ClientStand, sdk: AsyncSdk
) -> None:
    path = sdk.paths[0]
    with stand.left_once(path):
        async with sdk.open(door(stand)) as client:
            await cancelled_once_asked(stand, path, sdk.ask(client, HELD))
