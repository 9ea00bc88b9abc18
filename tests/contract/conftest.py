"""The stores and desks that are held to one contract."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.keeper.credentials import Store
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import open_sqlite
from tests.contract.desk_stand import Stand, near
from tests.support.records import StillClock


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = MemoryKeyStore() if request.param == "memory" else await open_sqlite(tmp_path / "keys.db")
    yield opened
    await opened.close()


@pytest.fixture(params=["keyring", "remote"])
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = near(StillClock())
    if request.param == "keyring":
        yield stand
        return
    path = tmp_path / "keys.db"
    server = ControlServer(lambda: stand.desk, path)
    await server.start()
    yield replace(stand, desk=RemoteKeyring(path))
    await server.stop()
