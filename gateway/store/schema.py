"""The file itself: creating it, telling ours from others', and bringing an older one up to date.

Promises
1. A store is never begun empty in place of a broken one. Only where no file is, one is created; an empty
   file, a file of another kind or another program's database is refused and left as it was.
2. A new store appears whole or not at all: it is made under another name, brought to the newest schema, and
   then given its name.
3. Each migration is one transaction with its version number inside, so a kill at any moment leaves the old
   schema or the new one. A copy of an older file is kept beside it before it is touched.
4. A schema from a newer Keyhatch is refused.
5. Files are their owner's alone: mode 0600 where they are made here, and tightened where they came otherwise
   (`gateway.store.modes`).

The version is SQLite's `user_version`; `application_id` marks the file as ours.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.store.connection import Connection, connect
from gateway.store.faults import RESTORE, StoreEmptied, StoreForeign, StoreTooNew, damaged, fault_of
from gateway.store.modes import assert_ours_to_tighten, tighten
from gateway.store.system import NEW, sync_folder

APPLICATION_ID: Final = 0x4B_48_61_74  # "KHat"
UPGRADED: Final = "bringing the store from schema %d to %d; as it was it is kept as %s.schema-%d"
_log: Final = logging.getLogger("gateway.store")
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_MAGIC: Final = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Migration:
    """What leads from the version before to `version`."""

    version: int
    statements: tuple[str, ...]


def load_migrations() -> tuple[Migration, ...]:
    """Every `migrations/<version>_<name>.sql`, in order and without gaps."""
    scripts = sorted(
        (entry for entry in _MIGRATIONS.iterdir() if entry.name.endswith(".sql")), key=lambda s: s.name
    )
    migrations = tuple(
        Migration(int(script.name.partition("_")[0]), split(script.read_text("utf-8"))) for script in scripts
    )
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise RuntimeError("migrations must be numbered 1, 2, 3 … without gaps")
    return migrations


def split(script: str) -> tuple[str, ...]:
    """The statements of a script, without its comments. `executescript` would commit between them."""
    statements, open_part = [], ""
    for line in script.splitlines():
        open_part += line.partition("--")[0].rstrip() + "\n"
        if sqlite3.complete_statement(open_part):
            statements.append(open_part.strip())
            open_part = ""
    if open_part.strip():
        raise ValueError("the last statement of a migration lacks its semicolon")
    return tuple(statements)


async def make_ready(path: Path, migrations: Sequence[Migration], *, busy_timeout_s: float) -> None:
    """See to it that a whole, current store of ours is at `path`. Only under the store's lock."""
    if not is_there(path):
        await _create(path, migrations, busy_timeout_s=busy_timeout_s)
        return
    connection = await connect(path, busy_timeout_s=busy_timeout_s, can_write=True)
    try:
        await _judge(path, connection)
        version = await _version(connection)
        if version > len(migrations):
            raise StoreTooNew(
                f"{path} was written by a newer Keyhatch (schema {version}, this one knows up to "
                f"{len(migrations)}): install the newer version, or put back an older copy"
            )
        if version < len(migrations):
            await _keep_copy(path, connection, version)
            _log.info(UPGRADED, version, len(migrations), path.name, version)
        await connection.fetch("PRAGMA journal_mode = WAL")
        await migrate(connection, migrations)
    finally:
        await connection.close()
    try:
        tighten(path)
    except OSError as error:
        raise fault_of(path, error) from error


async def migrate(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Bring a file to the newest schema, one transaction per version."""
    for migration in migrations[await _version(connection) :]:
        async with connection.transaction():
            for statement in migration.statements:
                await connection.fetch(statement)
            await connection.fetch(f"PRAGMA application_id = {APPLICATION_ID}")
            await connection.fetch(f"PRAGMA user_version = {migration.version}")


def is_there(path: Path) -> bool:
    """Whether there is a file to open; refuses what must not be opened. It is only looked at."""
    try:
        return _look_at(path)
    except OSError as error:
        raise fault_of(path, error) from error


def _look_at(path: Path) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        log = path.with_name(path.name + "-wal")
        if log.exists():
            raise StoreEmptied(
                f"{path} is missing, but its write-ahead log {log.name} is there: put the file back, "
                "or move the log away to begin with an empty store"
            ) from None
        return False
    if not stat.S_ISREG(status.st_mode):
        raise StoreForeign(f"{path} is not a regular file: name a file for the store")
    if status.st_size == 0:
        raise StoreEmptied(
            f"{path} is empty (0 bytes), so the keys it held are gone: {RESTORE}; or delete it to begin anew"
        )
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise StoreForeign(f"{path} is not a SQLite file: name another file for the store, or {RESTORE}")
    assert_ours_to_tighten(path, status)
    return True


async def _create(path: Path, migrations: Sequence[Migration], *, busy_timeout_s: float) -> None:
    draft = path.with_name(path.name + ".new")
    try:
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
        os.close(os.open(draft, NEW, 0o600))
        connection = await connect(draft, busy_timeout_s=busy_timeout_s, can_write=True)
        try:
            await connection.fetch("PRAGMA journal_mode = WAL")
            await migrate(connection, migrations)
        finally:
            await connection.close()
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise fault_of(path, error) from error


async def _judge(path: Path, connection: Connection) -> None:
    if await connection.fetch("PRAGMA application_id") != [(APPLICATION_ID,)]:
        raise StoreForeign(f"{path} is another program's database: name another file for the store")
    findings = await connection.fetch("PRAGMA quick_check(1)")
    if findings != [("ok",)]:
        raise damaged(path, str(findings[0][0]).replace("\n", " "))
    [(page_bytes,)] = await connection.fetch("PRAGMA page_size")
    if _is_cut_short(path, page_bytes):
        raise damaged(path, "its last page is cut short")


def _is_cut_short(path: Path, page_bytes: int) -> bool:
    """Whether the last page is there in part. SQLite takes the rest for zeros, which may look like data.

    A log that holds something may hold that page too, and mend it.
    """
    log = path.with_name(path.name + "-wal")
    return bool(path.stat().st_size % page_bytes) and not (log.exists() and log.stat().st_size)


async def _version(connection: Connection) -> int:
    [(version,)] = await connection.fetch("PRAGMA user_version")
    return int(version)


async def _keep_copy(path: Path, connection: Connection, version: int) -> None:
    """A whole copy of the file before its schema changes: `<store>.schema-<version>`."""
    draft = path.with_name(f"{path.name}.copy")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, NEW, 0o600))
        await connection.fetch("VACUUM INTO ?", (str(draft),))
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path.with_name(f"{path.name}.schema-{version}"))
        sync_folder(path.parent)
    except OSError as error:
        raise fault_of(path, error) from error
