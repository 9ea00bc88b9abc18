"""What the tests of the control socket share: a keyring in memory, its server, and plain questions to it.

And those of the admin listener: pages without checks, and callers who speak bytes.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_path import socket_path
from gateway.admin.health import Check, Pages, Readiness
from gateway.keeper.desk import KeyDesk
from gateway.keeper.keyring import Keyring
from gateway.metrics import Metrics
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock, repeatable_entropy
from tests.unit.metrics.conftest import SetClock


def make_keyring() -> Keyring:
    return Keyring(
        MemoryKeyStore(),
        StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=50,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=lambda _id, _key: None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    serving = ControlServer(make_keyring, path)
    await serving.start()
    yield serving
    await serving.stop()


async def send(path: Path, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    connector = aiohttp.UnixConnector(path=short(socket_path(path)))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://keyhatch{target}", data=body) as response,
    ):
        return response.status, json.loads(await response.read())


def short(path: Path) -> str:
    """An address that fits, whatever the length of pytest's folders."""
    return os.path.relpath(path)


def as_desk(desk: Any) -> KeyDesk:
    """A desk of which a test needs only a part."""
    if desk is not None:
        desk.acting = lambda *_: desk
    found: KeyDesk = desk
    return found


def make_pages(checks: Mapping[str, Check] | None = None, deadline_s: float = 0.05) -> Pages:
    metrics = Metrics(version="1.2.3", plane="lean", clock=SetClock())
    return Pages(Readiness(checks or {}, deadline_s), metrics)


async def speak(at: tuple[str, int], *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send these bytes and read until the other side closes."""
    reader, writer = await asyncio.open_connection(*at)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(3):
            return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
