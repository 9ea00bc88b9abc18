"""Guarantees of gateway/store/memory.py beyond the contract that it shares with every store."""

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store.memory import MemoryKeyStore
from tests.support.records import digest, record


async def test_two_stores_share_nothing() -> None:
    first, second = MemoryKeyStore(), MemoryKeyStore()
    await first.insert(record())
    assert await second.list_keys() == []
    assert await second.find_by_digest(digest("key_1")) is None


async def test_closing_one_says_that_the_gateway_is_stopping() -> None:
    store = MemoryKeyStore()
    await store.close()
    with pytest.raises(StoreUnavailable, match="the gateway is stopping"):
        await store.check()
