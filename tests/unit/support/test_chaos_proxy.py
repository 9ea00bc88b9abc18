"""The chaos proxy: harmless by default, each harm as it says, and the same for the same seed."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.support.chaos_proxy import Act, ChaosProxy, Choose, Harm, always
from tests.support.raw_connection import RawConnection, eventually, steady
from tests.support.scripted_upstream import ScriptedUpstream, UpstreamConnection

CLIENTS: list[RawConnection] = []


@pytest.fixture
async def server() -> AsyncIterator[ScriptedUpstream]:
    server = ScriptedUpstream()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def proxy(server: ScriptedUpstream) -> AsyncIterator[ChaosProxy]:
    proxy = ChaosProxy(server.port, always())
    await proxy.start()
    yield proxy
    await proxy.stop()
    for client in CLIENTS:
        client.abandon()
    await eventually(lambda: all(client.is_lost for client in CLIENTS), "the clients are gone")
    CLIENTS.clear()


async def connect(proxy: ChaosProxy, choose: Choose | None = None) -> RawConnection:
    if choose is not None:
        proxy.choose = choose
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(RawConnection, "127.0.0.1", proxy.port)
    CLIENTS.append(client)
    return client


async def pair(
    proxy: ChaosProxy, server: ScriptedUpstream, choose: Choose | None = None
) -> tuple[RawConnection, UpstreamConnection]:
    client = await connect(proxy, choose)
    return client, await server.connection(len(server.connections))


async def test_it_passes_both_ways_whole_and_ends_with_its_ends(
    proxy: ChaosProxy, server: ScriptedUpstream
) -> None:
    client, end = await pair(proxy, server)
    question, answer = random.Random(1).randbytes(300_000), random.Random(2).randbytes(300_000)
    client.send(question)
    end.send(answer)
    await end.until(lambda: end.received == question, "the question")
    await client.until(lambda: client.received == answer, "the answer")
    client.end()
    await end.until_ended()
    assert not client.is_ended, "one end is not the other's"
    end.close()
    await client.until_ended()
    await eventually(lambda: proxy.open_now == 0, "the connection is let go")
    assert proxy.passed == [{"asking": 300_000, "answering": 300_000}]


@pytest.mark.parametrize("after", [0, 1, 5, 10])
@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET, Act.END])
async def test_it_cuts_after_exactly_as_many_bytes(
    proxy: ChaosProxy, server: ScriptedUpstream, act: Act, after: int
) -> None:
    client, end = await pair(proxy, server, always(answering=Harm(after, act)))
    end.send(b"0123456789")
    await client.until_ended()
    assert client.received == b"0123456789"[:after]
    assert client.was_reset == (act is Act.RESET)
    if act is Act.END:
        client.send(b"still heard")
        await end.until_received(b"still heard")
    else:
        await end.until_ended()


async def test_what_a_client_says_can_be_cut_too(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    client, end = await pair(proxy, server, always(asking=Harm(3, Act.CLOSE)))
    client.send(b"question")
    await end.until_ended()
    assert end.received == b"que"


async def test_it_stalls_without_closing(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    client, end = await pair(proxy, server, always(answering=Harm(4, Act.STALL)))
    end.send(b"0123456789")
    assert await steady(lambda: len(client.received), for_s=0.1) == 4
    assert not client.is_ended


async def test_it_drips(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    loop = asyncio.get_running_loop()
    client, end = await pair(proxy, server, always(answering=Harm(piece_bytes=1, pause_s=0.01)))
    began = loop.time()
    end.send(b"0123456789")
    await client.until_received(b"0123456789")
    assert loop.time() - began >= 0.1


async def test_garbage_is_put_in_between(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    client, end = await pair(proxy, server, always(answering=Harm(3, Act.GARBAGE, garbage_bytes=8)))
    end.send(b"0123456789")
    await client.until(lambda: len(client.received) == 18, "all of it")
    received = bytes(client.received)
    assert (received[:3], received[11:]) == (b"012", b"3456789")


def chosen(chance: random.Random, _number: int) -> tuple[Harm, Harm]:
    return Harm(), Harm(chance.randrange(40), Act.GARBAGE, garbage_bytes=chance.randrange(1, 9))


async def answers(server: ScriptedUpstream, seed: int) -> list[bytes]:
    proxy = ChaosProxy(server.port, chosen, seed=seed)
    await proxy.start()
    found = []
    for _ in range(4):
        client, end = await pair(proxy, server)
        end.send(b"x" * 40)
        end.close()
        await client.until_ended()
        found.append(bytes(client.received))
    await proxy.stop()
    return found


@pytest.mark.usefixtures("proxy")
async def test_the_same_seed_does_the_same_harm_and_another_another(server: ScriptedUpstream) -> None:
    assert await answers(server, 7) == await answers(server, 7)
    assert await answers(server, 7) != await answers(server, 8)


async def test_where_no_server_is_it_resets(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    server.stop_listening()
    client = await connect(proxy)
    await client.until_ended()
    assert client.was_reset


async def test_stopping_ends_what_is_open(proxy: ChaosProxy, server: ScriptedUpstream) -> None:
    client, end = await pair(proxy, server)
    await proxy.stop()
    await client.until_ended()
    await end.until_ended()
