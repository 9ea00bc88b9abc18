"""Keys of a store on the disk: known ones are laid in and shown once; the last use is read from the file."""

from pathlib import Path

import pytest

from bench.keyring import NAME, SCOPES, Keyring
from bench.load import LoadError
from gateway.core.keys import ApiKey, digest_of
from gateway.keeper.ports import Use
from gateway.store.sqlite import open_sqlite


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A store that no gateway holds."""
    path = tmp_path / "bench.db"
    await (await open_sqlite(path)).close()
    return path


async def test_a_key_that_was_laid_in_is_in_the_store_and_may_do_everything(path: Path) -> None:
    keyring = Keyring(path)
    keyring.lay_in(3)
    store = await open_sqlite(path)
    try:
        for secret in keyring.cold(3):
            found = await store.find_by_digest(digest_of(secret))
            assert found is not None
            assert found.scopes == frozenset(SCOPES)
    finally:
        await store.close()


def test_no_key_is_shown_for_the_first_time_twice(path: Path) -> None:
    keyring = Keyring(path)
    keyring.lay_in(5)
    assert len({*keyring.cold(2), *keyring.cold(3)}) == 5
    with pytest.raises(LoadError, match="0 keys were left"):
        keyring.cold(1)


async def test_the_last_use_is_what_the_file_says(path: Path) -> None:
    keyring = Keyring(path)
    assert keyring.last_used_at() is None
    store = await open_sqlite(path)
    try:
        await store.insert(
            ApiKey(
                id="k1",
                name=NAME,
                owner="",
                preview="kh_…",
                digest=bytes(32),
                scopes=frozenset(),
                created_at=1.0,
            )
        )
        assert keyring.last_used_at() is None
        await store.record_uses([Use("k1", 1_800_000_000.25, "127.0.0.1", 1, None)])
        assert keyring.last_used_at() == 1_800_000_000.25
    finally:
        await store.close()


@pytest.mark.parametrize("act", [Keyring.create, Keyring.revoke], ids=["create", "revoke"])
def test_a_gateway_that_does_not_answer_is_no_measurement(path: Path, act: object) -> None:
    assert callable(act)
    with pytest.raises(LoadError, match="no gateway listens") as raised:
        act(Keyring(path), "any")
    assert str(path.parent) not in str(raised.value)
