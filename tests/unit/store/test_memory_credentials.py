"""gateway/store/memory_credentials.py is held to the contract of all stores; here is what it does alone."""

from gateway.keeper.audit import Act
from gateway.store.memory import MemoryKeyStore
from tests.support.vaults import sealed


async def test_what_it_tells_is_a_list_of_its_own() -> None:
    store = MemoryKeyStore()
    await store.put_credentials([sealed()], Act("set_credential"))
    (await store.credentials()).clear()
    assert await store.credentials() == [sealed()]
