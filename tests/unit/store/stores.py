"""Stores in files, as tests of backup and restore need them: managed by a keyring, read back at will."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from gateway.core.keys import ApiKey
from gateway.keeper.audit import AuditEntry, AuditQuery
from gateway.keeper.desk import KeyDraft
from gateway.keeper.keyring import Keyring
from gateway.store.sqlite import SqliteKeyStore, open_sqlite
from tests.support.records import StillClock, repeatable_entropy

ENTROPY = repeatable_entropy()

T = TypeVar("T")


def manage(path: Path, act: Callable[[Keyring], Awaitable[T]]) -> T:
    """Do this at the desk of the store, which is begun if need be."""

    async def come_and_go() -> T:
        store = await open_sqlite(path)
        try:
            return await act(_keyring(store))
        finally:
            await store.close()

    return asyncio.run(come_and_go())


def _keyring(store: SqliteKeyStore) -> Keyring:
    return Keyring(
        store,
        StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=1_000,
        catalogue={},
        entropy=ENTROPY,
        on_change=lambda _id, _key: None,
    )


def make(path: Path, *names: str) -> list[ApiKey]:
    """Make keys of these names."""

    async def act(desk: Keyring) -> list[ApiKey]:
        return [(await desk.create(KeyDraft(name=name)))[0] for name in names]

    return manage(path, act)


def keys_of(path: Path) -> dict[str, ApiKey]:
    """Every key, by its name."""
    return {key.name: key for key in manage(path, lambda desk: desk.list_keys("all"))}


def audit_of(path: Path) -> list[AuditEntry]:
    """The whole audit."""
    return manage(path, lambda desk: desk.audit(AuditQuery(limit=1_000)))


def meddle(path: Path, *statements: str) -> None:
    """Do to the file what no Keyhatch does."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def make_older(path: Path) -> None:
    """Take from the file what came with schema 3 and later."""
    meddle(
        path,
        "DROP TABLE credentials",
        "ALTER TABLE keys DROP COLUMN in_path",
        "DROP TABLE once",
        "DROP INDEX secrets_imported",
        "ALTER TABLE secrets DROP COLUMN imported",
        "DROP TABLE refusals",
        "DROP TABLE usage",
        "ALTER TABLE keys DROP COLUMN previous_secret_last_used_from",
        "ALTER TABLE keys DROP COLUMN previous_preview",
        "ALTER TABLE keys DROP COLUMN previous_until_first_use",
        "PRAGMA user_version = 2",
    )


def remake(path: Path, table: str, ours: str, theirs: str) -> None:
    """Give a table other rules, and leave its columns and rows as they are."""
    with closing(sqlite3.connect(path)) as connection:
        [(sql,)] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,))
        indices = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            (table,),
        ).fetchall()
        assert ours in sql
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO old")
        connection.execute(sql.replace(ours, theirs))
        connection.execute(f"INSERT INTO {table} SELECT * FROM old")  # noqa: S608
        connection.execute("DROP TABLE old")
        for (index,) in indices:
            connection.execute(index)
        connection.commit()


def names(folder: Path) -> set[str]:
    """What lies in the folder."""
    return {each.name for each in folder.iterdir()}
