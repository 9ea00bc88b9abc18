"""Guarantees of gateway/store/carry_credentials.py: a restore brings no credential back that was replaced."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.keeper.audit import Act, AuditQuery, verify_chain
from gateway.keeper.credentials import SealedCredential
from gateway.store.backup import back_up
from gateway.store.carry_credentials import credentials_in
from gateway.store.judge import Flaw, opened
from gateway.store.restore import restoring
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.records import NOW
from tests.support.vaults import sealed

SET, REMOVE = Act("set_credential", at=NOW), Act("remove_credential", at=NOW)
OLD, NEW = sealed("replaced", "sk-old"), sealed("replaced", "sk-new", version=2)


def changing(path: Path, put: Sequence[SealedCredential], *removed: str) -> None:
    async def change() -> None:
        store = await open_sqlite(path)
        await store.put_credentials(put, SET)
        for name in removed:
            await store.remove_credential(name, REMOVE)
        await store.close()

    asyncio.run(change())


def told(path: Path) -> tuple[dict[str, SealedCredential], list[tuple[object, object]]]:
    """The credentials of a store, and what the restore recorded of some: as they were and as they are."""

    async def look(store: SqliteKeyStore) -> list[tuple[object, object]]:
        entries = await store.audit(AuditQuery(limit=1_000))
        verify_chain(entries)
        return [
            (each.before and each.before["version"], each.after and each.after["version"])
            for each in entries
            if each.act == "restore" and "credential" in {**(each.before or {}), **(each.after or {})}
        ]

    async def all_of_it() -> tuple[dict[str, SealedCredential], list[tuple[object, object]]]:
        store = await open_sqlite(path)
        try:
            return {each.name: each for each in await store.credentials()}, await look(store)
        finally:
            await store.close()

    return asyncio.run(all_of_it())


def restored(path: Path, file: Path, *, as_it_was: bool = False) -> None:
    with restoring(path, file) as restoration:
        restoration.finish(actor="host", now=NOW + 10, as_it_was=as_it_was)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def file(path: Path) -> Path:
    """A backup; then one was replaced, one removed, one left alone, one added."""
    changing(path, [OLD, sealed("removed"), sealed("kept")])
    file = path.with_name("backup.db")
    back_up(path, file)
    changing(path, [NEW, sealed("added")], "removed")
    return file


def test_what_was_done_since_the_backup_stays_done(path: Path, file: Path) -> None:
    before, _ = told(path)
    restored(path, file)
    assert told(path) == (before, [])


def test_all_of_them_can_be_taken_as_they_were_and_each_is_recorded(path: Path, file: Path) -> None:
    restored(path, file, as_it_was=True)
    after, recorded = told(path)
    assert after == {"kept": sealed("kept"), "removed": sealed("removed"), "replaced": OLD}
    assert recorded == [(1, None), (None, 1), (2, 1)]  # added, removed, replaced


def test_what_only_the_backup_has_comes_in_and_is_recorded(path: Path, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    changing(other, [sealed("own")])
    restored(other, file)
    after, recorded = told(other)
    assert set(after) == {"own", "kept", "removed", "replaced"}
    assert recorded == [(None, 1)] * 3


def test_a_record_that_cannot_be_read_is_a_flaw(path: Path) -> None:
    changing(path, [sealed()])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE credentials SET preview = x'00'")
    database.close()
    with pytest.raises(Flaw, match="credential"), opened(path) as connection:
        credentials_in(connection)
