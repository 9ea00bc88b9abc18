"""The stores that are held to one contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.keeper.ports import KeyStore
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import open_sqlite


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyStore]:
    opened: KeyStore = (
        MemoryKeyStore() if request.param == "memory" else await open_sqlite(tmp_path / "keys.db")
    )
    yield opened
    await opened.close()
