"""A filled store opens as any other, and holds what was asked for."""

from pathlib import Path

from bench.many_keys import fill_store
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
