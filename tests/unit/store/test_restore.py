"""Guarantees of gateway/store/restore.py: the old store or the new one, whole; first it is checked."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store import restore as module
from gateway.store.anew import make_anew
from gateway.store.backup import back_up
from gateway.store.judge import judge, opened
from gateway.store.lock import StoreLock
from gateway.store.restore import RestoreRefused, restoring
from gateway.store.sqlite import open_sqlite
from tests.support.records import NOW, record
from tests.unit.store.stores import audit_of, keys_of, make, make_older, manage, meddle, names, remake


@pytest.fixture
def file(path: Path) -> Path:
    """A backup with the keys `one` and `two`."""
    make(path, "one", "two")
    file = path.with_name("backup.db")
    back_up(path, file)
    return file


def restored(path: Path, file: Path, *, as_it_was: bool = False) -> Path | None:
    with restoring(path, file) as restoration:
        return restoration.finish(actor="host:7", now=NOW, as_it_was=as_it_was)


def test_a_backup_takes_the_stores_place_and_the_store_is_kept(path: Path, file: Path) -> None:
    make(path, "three")
    kept = restored(path, file)
    assert kept == path.with_name("keys.db.before-restore-20270115T080000Z")
    assert keys_of(path).keys() == {"one", "two"}
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert keys_of(kept).keys() == {"one", "two", "three"}
    assert {name for name in names(path.parent) if name.endswith(".new")} == set()


def test_it_works_where_no_store_is_in_another_place_under_another_name(path: Path, file: Path) -> None:
    other = path.parent / "new-house" / "other.db"
    assert restored(other, file) is None
    assert keys_of(other) == keys_of(path)
    assert stat.S_IMODE(other.parent.stat().st_mode) == 0o700
    assert names(other.parent) == {"other.db", "other.db.lock"}


def test_it_is_on_record_by_whom(path: Path, file: Path) -> None:
    restored(path, file)
    last = audit_of(path)[-1]
    assert (last.number, last.act, last.actor, last.key_id, last.at) == (3, "restore", "host:7", None, NOW)
    other = path.with_name("other.db")
    restored(other, file)
    assert [entry.act for entry in audit_of(other)] == ["create", "create", "restore"]


def test_what_stood_in_the_log_alone_is_kept_too(path: Path, file: Path) -> None:
    """A process that died leaves its log behind."""

    async def die() -> None:
        store = await open_sqlite(path)
        await store.insert(record("key_3", name="three"))
        for end in ("", "-wal"):
            source, target = path.with_name(path.name + end), path.with_name("dead.db" + end)
            target.write_bytes(source.read_bytes())
        await store.close()

    asyncio.run(die())
    dead = path.with_name("dead.db")
    kept = restored(dead, file)
    assert kept is not None
    assert not kept.with_name(kept.name + "-wal").exists()
    assert keys_of(kept).keys() == {"one", "two", "three"}
    assert keys_of(dead).keys() == {"one", "two"}


def test_while_the_store_is_held_nothing_is_restored(path: Path, file: Path) -> None:
    held = StoreLock(path)
    with pytest.raises(RestoreRefused, match=r"is held by another process .*takes a gateway that is stopped"):
        restored(path, file)
    held.release()
    with restoring(path, file), pytest.raises(StoreUnavailable):
        StoreLock(path)
    StoreLock(path).release()


def test_to_leave_without_finishing_changes_nothing(path: Path, file: Path) -> None:
    before = path.read_bytes(), names(path.parent)
    with restoring(path, file) as restoration:
        assert restoration.prospect.content.keys == 2
    assert (path.read_bytes(), names(path.parent)) == before


def spoil(file: Path, *, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at : at + 64] = b"\xff" * 64
    file.write_bytes(content)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (lambda file: file.write_bytes(b"hello " * 1000), "is not a SQLite file"),
    "empty": (lambda file: os.truncate(file, 0), "is no store of Keyhatch"),
    "cut short": (lambda file: os.truncate(file, 20_000), "is damaged"),
    "spoilt": (lambda file: spoil(file, at=4096), "is damaged"),
    "another app's": (lambda file: meddle(file, "PRAGMA application_id = 1"), "is no store of Keyhatch"),
    "a trigger": (
        lambda file: meddle(file, "CREATE TRIGGER t INSERT ON keys BEGIN SELECT 1; END"),
        "triggers or views",
    ),
    "a view": (lambda file: meddle(file, "CREATE VIEW v AS SELECT 1"), "triggers or views"),
    "newer": (lambda file: meddle(file, "PRAGMA user_version = 99"), "install the newer version"),
    "altered": (lambda file: meddle(file, "UPDATE audit SET act = 'x'"), "audit that is not whole"),
}


@pytest.mark.parametrize(("harm", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_whole_backup_is_refused_and_the_store_is_as_it_was(
    path: Path, file: Path, harm: Callable[[Path], object], told: str
) -> None:
    harm(file)
    before = path.read_bytes(), names(path.parent), file.read_bytes()
    with pytest.raises(RestoreRefused, match=f"{told}.*; nothing was restored"):
        restored(path, file)
    assert (path.read_bytes(), names(path.parent), file.read_bytes()) == before


def test_the_store_itself_a_link_to_it_and_what_is_no_file_are_refused(path: Path, file: Path) -> None:
    link, same = path.with_name("link.db"), path.with_name("same.db")
    link.symlink_to(path)
    same.hardlink_to(path)
    for wrong in (path, link, same):
        with pytest.raises(RestoreRefused, match="is the store itself"):
            restored(path, wrong)
    with pytest.raises(RestoreRefused, match="is not a regular file"):
        restored(path, path.parent)
    with pytest.raises(FileNotFoundError):
        restored(path, path.with_name("nowhere.db"))
    path.with_name("folder.db").mkdir()
    with pytest.raises(StoreUnavailable, match="is not a regular file"):
        restored(path.with_name("folder.db"), file)


def test_a_link_to_a_backup_is_followed(path: Path, file: Path) -> None:
    link = path.with_name("latest.db")
    link.symlink_to(file)
    restored(path, link)
    assert keys_of(path).keys() == {"one", "two"}


def test_a_raw_copy_with_its_log_is_a_backup_as_well(path: Path, file: Path) -> None:
    raw = path.with_name("raw.db")

    async def copy_by_hand() -> None:
        store = await open_sqlite(path)
        await store.insert(record("key_3", name="three"))
        for end in ("", "-wal"):
            raw.with_name(raw.name + end).write_bytes(path.with_name(path.name + end).read_bytes())
        await store.close()

    asyncio.run(copy_by_hand())
    restored(path.with_name("other.db"), raw)
    assert keys_of(path.with_name("other.db")).keys() == {"one", "two", "three"}
    assert file.exists()


@pytest.mark.parametrize("how", ["spoilt", "emptied", "gone but for its log"])
def test_a_store_that_is_damaged_is_replaced_and_kept_with_its_log(path: Path, file: Path, how: str) -> None:
    log = path.with_name("keys.db-wal")
    log.write_bytes(b"what is left of a log")
    if how == "spoilt":
        spoil(path, at=0)
    elif how == "emptied":
        os.truncate(path, 0)
    else:
        path.unlink()
    with restoring(path, file) as restoration:
        assert restoration.prospect.flaw is not None
        assert restoration.prospect.difference is None
        kept = restoration.finish(actor="host", now=NOW, as_it_was=False)
    assert kept is not None
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"what is left of a log"
    assert kept.exists() == (how != "gone but for its log")
    assert keys_of(path).keys() == {"one", "two"}


def test_a_store_whose_last_write_was_cut_is_read_as_it_was_before_that(path: Path, file: Path) -> None:
    """A rollback journal that a kill left: SQLite can undo it only where it may write."""
    dead = path.with_name("dead.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for number in range(200):
            connection.execute("UPDATE keys SET name = ?, note = ?", (f"cut {number}", "x" * 9_000))
        for end in ("", "-journal"):
            source = path.with_name(path.name + end)
            dead.with_name(dead.name + end).write_bytes(source.read_bytes())
        connection.execute("ROLLBACK")
    with restoring(dead, file) as restoration:
        assert restoration.prospect.flaw is None
        kept = restoration.finish(actor="host", now=NOW, as_it_was=False)
    assert kept is not None
    assert keys_of(kept).keys() == {"one", "two"}


def test_two_restores_in_one_second_keep_two_stores(path: Path, file: Path) -> None:
    first, second = restored(path, file), restored(path, file)
    assert first is not None
    assert second == first.with_name(f"{first.name}-2")
    assert len(audit_of(path)) == len(audit_of(second)) + 1 == len(audit_of(first)) + 2


def test_while_another_program_reads_the_store_it_is_left_alone(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.judge.BUSY_TIMEOUT_S", 0.05)
    make(path, "three")
    with opened(path, can_write=True) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    with opened(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM keys").fetchone()
        with pytest.raises(RestoreRefused, match="is locked"):
            restored(path, file)
    assert keys_of(path).keys() == {"one", "two", "three"}


def test_what_a_killed_restore_left_is_no_obstacle(path: Path, file: Path) -> None:
    path.with_name("keys.db.restore.new").write_text("half")
    path.with_name("keys.db.replaced.new-journal").write_text("half")
    restored(path, file)
    assert {name for name in names(path.parent) if ".new" in name} == set()


@pytest.mark.parametrize("step", ["_keep", "_copy_raw", "_sync", "sync_folder"])
def test_wherever_it_breaks_a_whole_store_stands_there(
    path: Path, file: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, step, broken)
        with suppress(OSError):
            restored(path, file)
    with opened(path) as connection:
        assert judge(connection).keys == 2
    assert not {name for name in names(path.parent) if name.endswith(".new")}
    assert keys_of(path).keys() == {"one", "two"}


def test_half_a_kept_copy_is_not_left(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_source: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", broken)
    with pytest.raises(OSError, match="No space"):
        restored(path, file)
    assert not {name for name in names(path.parent) if "before-restore" in name}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_belongs_to_the_stores_owner(path: Path, file: Path) -> None:
    os.chown(path, 12_345, 12_345)
    kept = restored(path, file)
    assert kept is not None
    assert {each.stat().st_uid for each in (path, kept)} == {12_345}
    folder = path.parent / "theirs"
    folder.mkdir()
    os.chown(folder, 12_345, 12_345)
    restored(folder / "keys.db", file)
    assert (folder / "keys.db").stat().st_uid == 12_345


def test_a_store_with_an_older_schema_is_brought_up_to_date_on_a_copy(path: Path, file: Path) -> None:
    make_older(file)
    before = file.read_bytes()
    restored(path.with_name("other.db"), file)
    assert keys_of(path.with_name("other.db")) == keys_of(path)
    assert file.read_bytes() == before
    assert manage(path, lambda desk: desk.audit())


RULES = {
    "irrevocable": ("keys", "revoked_at REAL", "revoked_at REAL CHECK (revoked_at IS NULL)"),
    "forgetful": ("audit", "act TEXT NOT NULL", "act TEXT NOT NULL UNIQUE ON CONFLICT IGNORE"),
}


@pytest.mark.parametrize(("table", "ours", "theirs"), RULES.values(), ids=RULES)
def test_a_rule_in_the_backup_does_not_outlive_the_restore(
    path: Path, file: Path, table: str, ours: str, theirs: str
) -> None:
    meddle(file, "DELETE FROM audit WHERE number > 1")
    remake(file, table, ours, theirs)
    restored(path, file)
    before = len(audit_of(path))
    manage(path, lambda desk: desk.revoke("one"))
    assert keys_of(path)["one"].revoked_at == NOW
    assert len(audit_of(path)) == before + 1


def test_an_index_over_half_the_rows_does_not_outlive_the_restore(path: Path, file: Path) -> None:
    meddle(
        file,
        "DROP INDEX audit_by_key",
        "CREATE INDEX audit_by_key ON audit (key_id, number) WHERE act <> 'revoke'",
    )
    restored(path, file)
    with closing(sqlite3.connect(path)) as connection:
        [(sql,)] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'audit_by_key'")
    assert "WHERE" not in sql


def test_rows_that_do_not_come_along_are_noticed(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(source: Path, target: Path) -> None:
        meddle(source, "DELETE FROM audit WHERE number = 2")
        make_anew(source, target)

    monkeypatch.setattr(module, "make_anew", lossy)
    with pytest.raises(RestoreRefused, match="was changed while it was read; nothing was restored"):
        restored(path, file)
