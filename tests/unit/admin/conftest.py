"""What the tests of the control socket share: a keyring in memory, its server, and plain questions to it."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_path import socket_path
from gateway.keeper.desk import KeyDesk
from gateway.keeper.keyring import Keyring
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock, repeatable_entropy


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
    serving = ControlServer(make_keyring(), path)
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
    found: KeyDesk = desk
    return found
