"""A store made anew, with the rows of another: nothing of how that other one was made comes along.

A file may hold the tables of a store and yet rules of its own: a check by which no key can be revoked, a
unique column that swallows what clashes, an index over half the rows. Here the tables are made by the
migrations, and rows alone are brought into them; one that our rules refuse makes the whole file a `Flaw`.
"""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.store.judge import bring_up, opened
from gateway.store.schema import APPLICATION_ID, load_migrations

_TABLES: Final = "SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY rowid"
_COLUMNS: Final = "SELECT name FROM pragma_table_info(?, 'main') ORDER BY cid"


def make_anew(source: Path, target: Path) -> None:
    """Fill an empty file with the rows of a judged, current store that nobody writes to; or raise `Flaw`."""
    with opened(target, can_write=True) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        bring_up(connection, load_migrations())
        connection.execute("ATTACH ? AS other", (f"{source.absolute().as_uri()}?mode=ro&immutable=1",))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for (table,) in connection.execute(_TABLES).fetchall():
            _bring(connection, table)
        connection.execute("COMMIT")
        connection.execute("DETACH other")


def _bring(connection: sqlite3.Connection, table: str) -> None:
    columns = ", ".join(f'"{name}"' for (name,) in connection.execute(_COLUMNS, (table,)))
    connection.execute(f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM other."{table}"')  # noqa: S608
