"""Whether a file is a whole store: looked at as a file, on a plain connection, and never changed.

A backup is called done, and a restore begins, only after `judge`. What it finds wrong is a `Flaw`, whose
text goes on after the file's name: `is damaged (…)`. Nothing that stands in the file acts: it may have no
trigger and no view, for a store of ours has none.

A store with an older schema is judged as what it becomes: brought up to date in memory.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import GENESIS, ChainBroken, verify_chain
from gateway.keeper.bounds import can_go_on
from gateway.store import audit_rows, rows, usage_rows
from gateway.store.schema import APPLICATION_ID, Migration, load_migrations

BUSY_TIMEOUT_S: Final = 5.0
_OF_NAME: Final = {
    "SQLITE_NOTADB": "is not a SQLite file",
    "SQLITE_CORRUPT": "is damaged",
    "SQLITE_BUSY": "is locked for writing by another program: close whatever has it open",
    "SQLITE_CANTOPEN": "cannot be opened: see who may read it and its folder",
    "SQLITE_FULL": "cannot be copied, the disk is full: free some space",
    "SQLITE_CONSTRAINT": "is damaged, it holds a value that no store of Keyhatch holds",
    "SQLITE_IOERR": "cannot be read or copied: check the disk and its file system",
}
_SHAPE: Final = "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_COLUMNS: Final = 'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) ORDER BY cid'
_ENTRIES: Final = audit_rows.SELECT.replace("LIMIT ?", "")
_NEWEST: Final = """
SELECT MAX(
    (SELECT COALESCE(MAX(MAX(created_at, COALESCE(last_used_at, 0))), 0) FROM keys),
    (SELECT COALESCE(MAX(at), 0) FROM audit)
)
"""
_STRAYS: Final = """
SELECT id FROM keys
WHERE NOT EXISTS (SELECT 1 FROM secrets WHERE secrets.digest = keys.digest AND secrets.key_id = keys.id)
LIMIT 1
"""


class Flaw(Exception):
    """What keeps a file from being a whole store. The text goes on after the file's name."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a whole store holds: so many keys, so many entries of the audit, and the last of those."""

    keys: int
    entries: int
    end: bytes


@contextmanager
def opened(path: Path, *, can_write: bool = False, is_still: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection to a file that exists; every trouble with it leaves as a `Flaw`.

    `is_still`: nobody writes to the file and no log belongs to it, so nothing is made beside it.
    """
    mode = "rw" if can_write else "ro"
    url = f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if is_still else ''}"
    try:
        connection = sqlite3.connect(url, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        with closing(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        told = next((text for start, text in _OF_NAME.items() if name.startswith(start)), "cannot be used")
        raise Flaw(f"{told} ({name})") from error


def judge(
    connection: sqlite3.Connection, migrations: Sequence[Migration] | None = None, *, is_quick: bool = False
) -> Content:
    """What the store behind this connection holds; raises `Flaw` where it is not whole.

    `is_quick` leaves out whether each index holds what its table does, which takes long in a large store.
    """
    known = load_migrations() if migrations is None else migrations
    version = version_of(connection, known)
    check = "quick_check" if is_quick else "integrity_check"
    [finding] = connection.execute(f"PRAGMA {check}(1)").fetchone()
    if finding != "ok":
        told = [line for line in str(finding).splitlines() if not line.startswith("***")]
        raise Flaw(f"is damaged ({told[0] if told else 'its check says no more'})")
    _assert_shape(connection, known[:version])
    if version == len(known):
        return _content(connection)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as newer:
        connection.backup(newer)
        bring_up(newer, known)
        return _content(newer)


def version_of(connection: sqlite3.Connection, known: Sequence[Migration]) -> int:
    """The schema of a store of ours; raises `Flaw` where it is none, or from a newer Keyhatch."""
    if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        raise Flaw("is no store of Keyhatch")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(known):
        raise Flaw(
            f"was written by a newer Keyhatch (schema {version}, this one knows up to {len(known)}): "
            "install the newer version"
        )
    return version


def bring_up(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """Bring a copy to the newest schema. Nobody else sees it, so it need not be safe from a kill."""
    version = version_of(connection, known)
    for migration in known[version:]:
        connection.execute("BEGIN IMMEDIATE")
        for statement in migration.statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")


def keys_in(connection: sqlite3.Connection) -> Iterator[ApiKey]:
    """Every record; raises `Flaw` for one that cannot be read, or could never be changed."""
    for row in connection.execute(rows.SELECT_ALL):
        try:
            key = rows.key_of(row)
        except (ValueError, RecursionError) as error:
            raise Flaw(f"is damaged (the record of key {row[0]!r} cannot be read)") from error
        if not can_go_on(key):
            raise Flaw(f"is damaged (the record of key {key.id!r} counts more than can be)")
        yield key


def newest_moment(connection: sqlite3.Connection) -> float:
    """The latest moment that a current store knows of; it cannot lie in the future. 0 where it is empty."""
    return float(connection.execute(_NEWEST).fetchone()[0])


def _content(connection: sqlite3.Connection) -> Content:
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise Flaw("is damaged (a digest leads to a key that is not there)")
    if connection.execute(_STRAYS).fetchone() is not None:
        raise Flaw("is damaged (a key's digest is missing)")
    if connection.execute(usage_rows.SELECT_STRANGE).fetchone() is not None:
        raise Flaw("is damaged (a day of usage holds what no day can)")
    number, end = 0, GENESIS
    try:
        for row in connection.execute(_ENTRIES, (0,)):
            number, end = verify_chain([audit_rows.entry_of(row)], number, end)
    except ChainBroken as broken:
        raise Flaw(f"holds an audit that is not whole: {broken}") from broken
    except (ValueError, RecursionError) as error:
        raise Flaw(f"is damaged (entry {number + 1} of the audit cannot be read)") from error
    return Content(sum(1 for _ in keys_in(connection)), number, end)


def _assert_shape(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """It holds the tables of a store and nothing else: no trigger, no view, nothing that would act."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as ours:
        ours.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        bring_up(ours, known)
        if _shape(connection) != _shape(ours):
            raise Flaw("holds other tables, triggers or views than a store of Keyhatch")


def _shape(connection: sqlite3.Connection) -> dict[tuple[str, str], list[tuple[object, ...]]]:
    found = connection.execute(_SHAPE).fetchall()
    return {
        (kind, name): connection.execute(_COLUMNS, (name,)).fetchall() if kind == "table" else []
        for kind, name in found
    }
