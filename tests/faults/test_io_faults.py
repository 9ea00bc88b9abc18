"""Input and output that fail at the n-th place (F9): acknowledged is durable, the rest is whole or absent.

SQLite's own method: let the operation fail that would write past the n-th byte of a file, for n = 0, 2 KiB,
4 KiB … until everything runs through, and hold each end against the same invariant. The faults are real: the
kernel refuses the write (RLIMIT_FSIZE). tests/integration/test_store_faults.py fails the n-th statement.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.core.keys import ApiKey, Secret, digest_of
from gateway.keeper.desk import KeyDraft, Rotation
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import StoreUnavailable
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.faults.store_states import is_whole
from tests.support.records import StillClock, repeatable_entropy

STEP_BYTES = 2_048
STEPS_MAX = 400

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the signal for it ends the process"
)


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """In here the kernel refuses every write past this size of any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def keyring_over(store: SqliteKeyStore, told: list[str]) -> Keyring:
    return Keyring(
        store,
        StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=100,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=lambda key_id, _: told.append(key_id),
    )


class Scenario:
    """Changes of every kind, and what was acknowledged: id to secret and what must be true of the record."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Secret] = {}
        self.revoked: set[str] = set()
        self.told: list[str] = []
        self.refused = 0

    async def run(self, store: SqliteKeyStore) -> None:
        """Try everything, whatever failed before."""
        ring = keyring_over(store, self.told)
        for number in range(4):
            made = await self._try(ring.create(KeyDraft(name=f"key {number}", note="x" * 300 * number)))
            if made is None:
                continue
            key, self.acknowledged[made[0].id] = made[0], made[1]
            renewed = await self._try(ring.rotate(key.id, Rotation(overlap_s=60, end_previous=True)))
            if renewed is not None:
                self.acknowledged[key.id] = renewed[1]
            if number % 2 and await self._try(ring.revoke(key.id)) is not None:
                self.revoked.add(key.id)

    async def _try(self, change: Any) -> Any:
        try:
            return await change
        except StoreUnavailable:
            self.refused += 1
            return None


async def records(path: Path) -> list[ApiKey]:
    store = await open_sqlite(path)
    try:
        return await store.list_keys()
    finally:
        await store.close()


async def test_wherever_a_write_fails_what_was_acknowledged_stands_and_nothing_is_there_in_part(
    tmp_path: Path,
) -> None:
    ends = []
    for step in range(STEPS_MAX):
        path = tmp_path / f"{step}.db"
        store = await open_sqlite(path)
        scenario = Scenario()
        with no_file_beyond(step * STEP_BYTES):
            await scenario.run(store)
        await store.close()
        found = {key.id: key for key in await records(path)}
        assert is_whole(path)
        assert found.keys() == scenario.acknowledged.keys() == set(scenario.told), step
        for key_id, secret in scenario.acknowledged.items():
            assert found[key_id].digest == digest_of(secret.reveal()), step
            assert (found[key_id].revoked_at is not None) == (key_id in scenario.revoked), step
        ends.append(scenario.refused)
        if not scenario.refused:
            break
    assert ends[-1] == 0, "it never ran through"
    assert len(ends) > 20
    assert len(set(ends)) > 4, "it failed at many places"


async def test_wherever_the_making_of_a_store_fails_there_is_a_whole_one_or_none(tmp_path: Path) -> None:
    refused = 0
    for step in range(STEPS_MAX):
        path = tmp_path / f"{step}.db"
        with no_file_beyond(step * STEP_BYTES):
            store = await opened(path)
        if store is not None:
            await store.close()
            assert is_whole(path)
            break
        refused += 1
        assert not path.exists(), "a store that is not whole would be refused at every start"
        again = await open_sqlite(path)
        assert await again.list_keys() == []
        await again.close()
    assert 3 < refused < STEPS_MAX - 1


async def opened(path: Path) -> SqliteKeyStore | None:
    try:
        return await open_sqlite(path)
    except StoreUnavailable:
        return None
