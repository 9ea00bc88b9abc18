"""Guarantees of gateway/store/judge.py: a store is called whole only if all of it can be read."""

from pathlib import Path

import pytest

from gateway.keeper.audit import GENESIS
from gateway.store.judge import Content, Flaw, bring_up, judge, keys_in, newest_moment, opened
from gateway.store.schema import Migration, load_migrations
from tests.support.records import NOW
from tests.unit.store.stores import audit_of, make, manage, meddle, names


def judged(path: Path, *, is_quick: bool = False) -> Content:
    with opened(path) as connection:
        return judge(connection, is_quick=is_quick)


@pytest.mark.parametrize("is_quick", [False, True])
def test_a_whole_store_is_counted(path: Path, *, is_quick: bool) -> None:
    make(path, "one", "two")
    assert judged(path, is_quick=is_quick) == Content(2, 2, audit_of(path)[-1].hash)


def test_an_empty_store_is_whole(path: Path) -> None:
    make(path)
    assert judged(path) == Content(0, 0, GENESIS)
    with opened(path) as connection:
        assert newest_moment(connection) == 0


def test_the_newest_moment_is_that_of_the_last_act_or_use(path: Path) -> None:
    make(path, "one")
    with opened(path) as connection:
        assert newest_moment(connection) == NOW
    meddle(path, "UPDATE keys SET last_used_at = created_at + 50")
    with opened(path) as connection:
        assert newest_moment(connection) == NOW + 50


FLAWS = {
    "another program's": ("PRAGMA application_id = 7", "is no store of Keyhatch"),
    "newer": ("PRAGMA user_version = 999", "was written by a newer Keyhatch .schema 999"),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON keys BEGIN DELETE FROM audit; END", "triggers"),
    "a view": ("CREATE VIEW v AS SELECT 1", "views"),
    "another table": ("CREATE TABLE more (x)", "other tables"),
    "another column": ("ALTER TABLE keys ADD COLUMN more", "other tables"),
    "a lost digest": ("DELETE FROM secrets", "a key's digest is missing"),
    "a lost key": ("DELETE FROM keys", "a digest leads to a key that is not there"),
    "an unreadable record": ("UPDATE keys SET scopes = 'none'", "the record of key 'key_.*' cannot be read"),
    "a moment beyond the years": (
        "UPDATE keys SET expires_at = 1e15",
        "the record of key 'key_.*' cannot be",
    ),
    "a moment before them": ("UPDATE keys SET last_used_at = -1.0", "the record of key 'key_.*' cannot be"),
    "a count that is not exact": ("UPDATE keys SET use_count = 1 << 53", "the record of key 'key_.*' cannot"),
    "a key that cannot be revoked": ("UPDATE keys SET revision = 1 + (1 << 52)", "counts more than can be"),
    "an altered audit": ("UPDATE audit SET actor = 'nobody' WHERE number = 1", "entry 1 was changed"),
    "a gap in the audit": ("DELETE FROM audit WHERE number = 1", "entry 1 is missing"),
    "an unreadable entry": ("UPDATE audit SET after = '[]' WHERE number = 2", "entry 2 of the audit cannot"),
}


@pytest.mark.parametrize(("statement", "told"), FLAWS.values(), ids=FLAWS)
def test_whatever_is_wrong_is_a_flaw_that_says_what(path: Path, statement: str, told: str) -> None:
    make(path, "one", "two")
    meddle(path, statement)
    with pytest.raises(Flaw, match=told):
        judged(path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE usage SET requests = 9223372036854775807",
        "UPDATE usage SET bytes_in = 1 + (1 << 48)",
        "UPDATE usage SET bytes_out = 1.5",
        "UPDATE usage SET last_address = x'00'",
        "UPDATE usage SET last_address = hex(zeroblob(50))",
        "UPDATE refusals SET reason = 'no such reason'",
        "UPDATE refusals SET count = 9223372036854775807",
    ],
)
def test_a_day_that_could_not_be_summed_is_a_flaw(path: Path, change: str) -> None:
    make(path, "one")
    meddle(
        path,
        "INSERT INTO usage SELECT id, 9, 1, 2, 1 << 48, '::1' FROM keys",
        "INSERT INTO refusals SELECT id, 9, 'key_revoked', 1 FROM keys",
    )
    assert judged(path).keys == 1
    meddle(path, change)
    with pytest.raises(Flaw, match="a day of usage holds what no day can"):
        judged(path)


def test_an_index_that_lies_is_found_by_the_thorough_look_alone(path: Path) -> None:
    make(path, "one")
    meddle(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX keys_by_name ON keys (note)' "
        "WHERE name = 'keys_by_name'",
        "PRAGMA writable_schema = RESET",
    )
    with pytest.raises(Flaw, match=r"is damaged .*keys_by_name"):
        judged(path)
    assert judged(path, is_quick=True).keys == 1


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_a_flaw(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Flaw, match=r"is not a SQLite file|is damaged"):
        judged(path)


def test_an_empty_file_and_a_missing_one_are_flaws(path: Path) -> None:
    with pytest.raises(Flaw, match="cannot be opened"):
        judged(path)
    path.touch()
    with pytest.raises(Flaw, match="is no store of Keyhatch"):
        judged(path)


def test_other_trouble_is_a_flaw_too(path: Path) -> None:
    make(path, "one")
    with pytest.raises(Flaw, match="cannot be used"), opened(path) as connection:
        connection.execute("SELECT nothing FROM nowhere")


def test_an_older_store_is_judged_as_what_it_becomes_and_left_as_it_is(path: Path) -> None:
    make(path, "one")
    newer = Migration(len(load_migrations()) + 1, ("CREATE TABLE colours (name TEXT)",))
    before = path.read_bytes()
    with opened(path) as connection:
        assert judge(connection, (*load_migrations(), newer)).keys == 1
    assert path.read_bytes() == before


def test_a_copy_is_brought_up_to_date(path: Path) -> None:
    make(path, "one")
    known = (*load_migrations(), Migration(len(load_migrations()) + 1, ("CREATE TABLE colours (name TEXT)",)))
    with opened(path, can_write=True) as connection:
        bring_up(connection, known)
        bring_up(connection, known)
        assert judge(connection, known).keys == 1
        assert [key.name for key in keys_in(connection)] == ["one"]


def test_looking_at_a_still_file_makes_nothing_beside_it(path: Path) -> None:
    make(path, "one")
    before = names(path.parent)
    with opened(path, is_still=True) as connection:
        judge(connection)
        assert names(path.parent) == before


def test_a_store_is_read_without_a_right_to_write_it(path: Path) -> None:
    make(path, "one")
    with pytest.raises(Flaw), opened(path) as connection:
        connection.execute("DELETE FROM keys")
    assert len(manage(path, lambda desk: desk.list_keys())) == 1
