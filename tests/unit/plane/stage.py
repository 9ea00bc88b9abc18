"""A plane with nothing behind it, somebody who watches it, and a caller who speaks bytes."""

import asyncio
from contextlib import suppress

from gateway.core.routes import Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import Exchange
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.with_aiohttp import AiohttpPlane
from gateway.store.memory import MemoryKeyStore


class StillClock:
    def now(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 5.0


class Witness:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.began = 0
        self.ended: list[Exchange] = []

    def exchange_began(self) -> None:
        self.began += 1

    def exchange_ended(self, exchange: Exchange) -> None:
        self.ended.append(exchange)


def trouble_with_the_store() -> None:
    raise AssertionError


def plane_of(witness: Witness, *routes: Route) -> AiohttpPlane:
    """A plane with these routes and no upstream at all; not started."""
    clock = StillClock()
    keeper = Gatekeeper(RouteTable(routes), "kh", MemoryKeyStore(), clock, trouble_with_the_store)
    return AiohttpPlane(Ground({}), Surroundings(keeper, witness, clock))


async def ask(at: tuple[str, int], raw: bytes) -> bytes:
    """Send bytes, and read what comes until the other side closes."""
    reader, writer = await asyncio.open_connection(*at)
    try:
        writer.write(raw)
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        await gone(writer)


async def gone(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until it is closed."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
