"""Guarantees of gateway/store/anew.py: all rows come along, and no rule of the file that they lay in."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.keeper.desk import Rotation
from gateway.store.anew import make_anew
from gateway.store.judge import Flaw
from tests.unit.store.stores import audit_of, keys_of, make, manage, meddle, remake


@pytest.fixture
def target(path: Path) -> Path:
    target = path.with_name("anew.db")
    target.touch()
    return target


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608


def schema_of(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=str)


def test_every_row_of_every_table_comes_along(path: Path, target: Path) -> None:
    make(path, "one", "two")
    manage(path, lambda desk: desk.rotate("one", Rotation(overlap_s=60)))
    meddle(
        path,
        "INSERT INTO usage SELECT id, 9, 1, 2, 3, '::1' FROM keys",
        "INSERT INTO refusals SELECT id, 9, 'key_revoked', 1 FROM keys",
        "INSERT INTO once VALUES ('host', 'n', zeroblob(32), 'create', 'key_1', 1.0)",
    )
    make_anew(path, target)
    assert everything(target) == everything(path)
    assert schema_of(target) == schema_of(path)
    assert keys_of(target) == keys_of(path)
    assert audit_of(target) == audit_of(path)


@pytest.mark.parametrize(
    ("table", "ours", "theirs"),
    [
        ("keys", "revoked_at REAL", "revoked_at REAL CHECK (revoked_at IS NULL)"),
        ("audit", "act TEXT NOT NULL", "act TEXT NOT NULL UNIQUE ON CONFLICT IGNORE"),
        ("audit", "at REAL NOT NULL", "at REAL NOT NULL DEFAULT 7.0"),
        ("secrets", " ON DELETE CASCADE", ""),
    ],
    ids=["irrevocable", "forgetful", "default", "no-cascade"],
)
def test_no_rule_of_the_other_file_comes_along(
    path: Path, target: Path, table: str, ours: str, theirs: str
) -> None:
    make(path, "one")
    before = schema_of(path)
    remake(path, table, ours, theirs)
    assert schema_of(path) != before
    make_anew(path, target)
    assert schema_of(target) == before
    manage(target, lambda desk: desk.revoke("one"))
    assert len(audit_of(target)) == 2


def test_a_row_that_our_rules_refuse_makes_the_file_a_flaw(path: Path, target: Path) -> None:
    make(path, "one")
    meddle(path, "PRAGMA ignore_check_constraints = ON", "UPDATE keys SET use_count = -1")
    with pytest.raises(Flaw, match="holds a value that no store of Keyhatch holds"):
        make_anew(path, target)
