"""The stores and desks that are held to one contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.core.keys import ApiKey
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import KeyStore
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import open_sqlite
from tests.contract.desk_stand import DAY_S, Stand
from tests.support.records import StillClock, repeatable_entropy


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyStore]:
    opened: KeyStore = (
        MemoryKeyStore() if request.param == "memory" else await open_sqlite(tmp_path / "keys.db")
    )
    yield opened
    await opened.close()


@pytest.fixture(params=["keyring", "remote"])
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    store, clock = MemoryKeyStore(), StillClock()
    told: list[tuple[str, ApiKey | None]] = []
    keyring = Keyring(
        store,
        clock,
        prefix="kh",
        default_expiry_s=90 * DAY_S,
        max_active_per_owner=3,
        catalogue={"models:read": "List models", "chat:write": "Ask"},
        entropy=repeatable_entropy(),
        on_change=lambda key_id, key: told.append((key_id, key)),
    )
    if request.param == "keyring":
        yield Stand(keyring, store, clock, told)
        return
    path = tmp_path / "keys.db"
    server = ControlServer(keyring, path)
    await server.start()
    yield Stand(RemoteKeyring(path), store, clock, told)
    await server.stop()
