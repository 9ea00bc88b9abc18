"""A filled store opens as any other, and holds what was asked for."""

from pathlib import Path

from bench.many_keys import add_known, fill_store
from gateway.core.keys import digest_of
from gateway.store.sqlite import open_sqlite


async def test_a_filled_store_is_a_store(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    await (await open_sqlite(path)).close()
    fill_store(path, 50)
    store = await open_sqlite(path)
    try:
        keys = await store.list_keys()
        assert len(keys) == 50
        assert await store.find_by_digest(keys[0].digest) == keys[0]
    finally:
        await store.close()


async def test_known_keys_are_found_by_their_secrets_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    await (await open_sqlite(path)).close()
    fill_store(path, 5)
    add_known(path, ["one", "two"], ["b:read", "a:write"])
    store = await open_sqlite(path)
    try:
        found = [await store.find_by_digest(digest_of(secret)) for secret in ("one", "two", "three")]
        assert [key and key.name for key in found] == ["Known 0", "Known 1", None]
        assert found[0] is not None
        assert found[0].scopes == frozenset({"a:write", "b:read"})
    finally:
        await store.close()
