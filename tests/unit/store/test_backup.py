"""Guarantees of gateway/store/backup.py: a whole copy of one moment, or nothing at all."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store import backup as module
from gateway.store.backup import BackupRefused, back_up
from gateway.store.faults import StoreMissing
from gateway.store.judge import judge, opened
from gateway.store.lock import StoreLock
from gateway.store.sqlite import open_sqlite
from tests.support.records import record
from tests.unit.store.stores import keys_of, make, meddle, names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / "copy.db"


def test_a_backup_holds_all_there_is_and_is_its_owners_alone(path: Path, file: Path) -> None:
    make(path, "one", "two")
    content = back_up(path, file)
    assert (content.keys, content.entries) == (2, 2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(file.parent) == {"copy.db"}
    with opened(file, is_still=True) as copy:
        assert judge(copy) == content
    StoreLock(path).release()


def test_beside_whoever_holds_the_store_it_has_all_that_was_acknowledged(path: Path, file: Path) -> None:
    async def hold() -> int:
        store = await open_sqlite(path)
        await store.insert(record("key_1"))
        copied = await asyncio.to_thread(back_up, path, file)
        await store.insert(record("key_2"))
        await store.close()
        return copied.keys

    assert asyncio.run(hold()) == 1
    assert len(keys_of(path)) == 1  # one name
    assert len(keys_of(file)) == 1


def test_what_was_deleted_is_not_in_it(path: Path, file: Path) -> None:
    make(path, "a name that nobody shall read again")
    meddle(path, "DELETE FROM keys", "DELETE FROM secrets", "DELETE FROM audit")
    back_up(path, file)
    assert b"nobody shall read" not in file.read_bytes()


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(path: Path, file: Path) -> None:
    make(path, "one")
    file.write_text("precious")
    with pytest.raises(BackupRefused, match="is there already: name another file, or say --force"):
        back_up(path, file)
    assert file.read_text() == "precious"
    back_up(path, file, can_replace=True)
    assert keys_of(file).keys() == {"one"}


def test_a_file_that_comes_meanwhile_stays(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, "one")
    copy = module.copy_whole

    def slowly(source: Path, target: Path) -> None:
        copy(source, target)
        file.write_text("precious")

    monkeypatch.setattr(module, "copy_whole", slowly)
    with pytest.raises(BackupRefused, match="came into being meanwhile"):
        back_up(path, file)
    assert (file.read_text(), names(file.parent)) == ("precious", {"copy.db"})


def test_a_file_system_without_hard_links_takes_a_backup(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError

    make(path, "one")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    back_up(path, file)
    assert names(file.parent) == {"copy.db"}


@pytest.mark.parametrize("end", ["", "-wal", "-shm", ".lock", ".sock", ".new"])
def test_the_stores_own_files_are_no_place_for_it(path: Path, end: str) -> None:
    make(path, "one")
    before = path.read_bytes()
    with pytest.raises(BackupRefused, match="belongs to the store itself"):
        back_up(path, path.with_name(path.name + end), can_replace=True)
    with pytest.raises(BackupRefused, match="belongs to the store itself"):
        back_up(path, path.with_name("admin.key"), can_replace=True)
    assert path.read_bytes() == before


def test_another_name_of_the_store_is_no_place_for_it(path: Path, file: Path) -> None:
    make(path, "one")
    file.hardlink_to(path)
    with pytest.raises(BackupRefused, match="belongs to the store itself"):
        back_up(path, file, can_replace=True)


@pytest.mark.parametrize("what", ["folder", "link", "dead link", "pipe"])
def test_only_a_plain_file_is_replaced(path: Path, file: Path, what: str) -> None:
    make(path, "one")
    aim = file.with_name("aim")
    if what == "folder":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(aim)
        if what == "link":
            aim.write_text("precious")
    with pytest.raises(BackupRefused, match="is not a regular file"):
        back_up(path, file, can_replace=True)
    assert what != "link" or aim.read_text() == "precious"


def test_a_store_that_is_not_whole_is_not_backed_up_and_nothing_is_left(path: Path, file: Path) -> None:
    make(path, "one")
    meddle(path, "DELETE FROM secrets")
    with pytest.raises(BackupRefused, match=r"is damaged .*; no backup was made"):
        back_up(path, file)
    assert names(file.parent) == set()


def test_whatever_breaks_leaves_nothing(path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_draft: Path, _file: Path, *, can_replace: bool) -> None:
        assert not can_replace
        raise KeyboardInterrupt

    make(path, "one")
    monkeypatch.setattr(module, "_name", interrupted)
    with pytest.raises(KeyboardInterrupt):
        back_up(path, file)
    assert names(file.parent) == set()
    StoreLock(path).release()


def test_where_no_store_is_nothing_is_made(path: Path, file: Path) -> None:
    with pytest.raises(StoreMissing):
        back_up(path, file)
    path.with_name(path.name + ".lock").touch()
    with pytest.raises(StoreMissing):
        back_up(path, file)
    assert names(file.parent) == set()


def test_a_folder_that_is_not_there_is_not_made(path: Path, tmp_path: Path) -> None:
    make(path, "one")
    with pytest.raises(FileNotFoundError):
        back_up(path, tmp_path / "nowhere" / "copy.db")


def test_a_file_that_is_no_store_is_said_to_be_none(path: Path, file: Path) -> None:
    path.write_text("hello")
    with pytest.raises(StoreUnavailable, match="is not a SQLite file"):
        back_up(path, file)
