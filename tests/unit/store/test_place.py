"""Guarantees of gateway/store/place.py: no store is begun unasked, or at the end of a dead link."""

from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreBusy, StoreEmptied, StoreMissing
from gateway.store.lock import StoreLock
from gateway.store.sqlite import open_sqlite


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def set_mode(path: Path, bits: int) -> None:
    path.chmod(bits)


def link_to(path: Path, target: Path | str) -> Path:
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("can_create", [True, False])
@pytest.mark.parametrize("target", ["gone.db", "unmounted/keys.db"])
async def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_made_at_its_end(
    path: Path, target: str, *, can_create: bool
) -> None:
    link_to(path, target)
    with pytest.raises(
        StoreMissing, match=rf"{path} is a link to {target}, where no file is: put the store back there"
    ):
        await open_sqlite(path, can_create=can_create)
    assert names(path.parent) == ["keys.db"]


async def test_a_link_for_a_folder_that_leads_nowhere_is_refused_too(tmp_path: Path) -> None:
    folder = link_to(tmp_path / "data", "unmounted")
    with pytest.raises(StoreUnavailable, match=rf"{folder}/keys\.db cannot be created"):
        await open_sqlite(folder / "keys.db")
    assert names(tmp_path) == ["data"]


async def test_links_in_a_ring_are_an_outage(path: Path) -> None:
    link_to(path, path.name)
    for can_create in (True, False):
        with pytest.raises(StoreUnavailable, match=r"keys\.db cannot be used"):
            await open_sqlite(path, can_create=can_create)


async def test_a_link_into_a_closed_folder_is_an_outage_and_not_called_missing(unprivileged: Path) -> None:
    closed_folder = unprivileged / "closed"
    await (await open_sqlite(closed_folder / "keys.db")).close()
    link = link_to(unprivileged / "link.db", closed_folder / "keys.db")
    set_mode(closed_folder, 0o000)
    for can_create in (True, False):
        with pytest.raises(StoreUnavailable, match="Permission denied") as refusal:
            await open_sqlite(link, can_create=can_create)
        assert not isinstance(refusal.value, StoreMissing)
    set_mode(closed_folder, 0o700)


async def test_who_only_reads_is_told_that_there_is_no_store_and_creates_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "keys.db", tmp_path / "a" / "b" / "keys.db"):
        with pytest.raises(
            StoreMissing,
            match=rf"there is no store at {path}: `keyhatch keys create NAME` begins one; .*--store",
        ):
            await open_sqlite(path, can_create=False)
    assert names(tmp_path) == []


async def test_who_only_reads_is_told_of_the_log_that_a_lost_store_left(path: Path) -> None:
    path.with_name("keys.db-wal").write_bytes(b"the last writes")
    with pytest.raises(StoreEmptied, match="write-ahead log"):
        await open_sqlite(path, can_create=False)
    assert names(path.parent) == ["keys.db-wal"]


async def test_who_only_reads_opens_what_is_there(path: Path) -> None:
    await (await open_sqlite(path)).close()
    store = await open_sqlite(path, can_create=False)
    assert await store.list_keys() == []
    await store.close()


async def test_a_store_that_is_just_being_begun_is_busy_and_not_missing(path: Path) -> None:
    lock = StoreLock(path)
    with pytest.raises(StoreBusy):
        await open_sqlite(path, can_create=False)
    lock.release()
    with pytest.raises(StoreMissing):
        await open_sqlite(path, can_create=False)
    assert names(path.parent) == ["keys.db.lock"]


async def test_a_path_from_here_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for can_create in (True, False):
        with pytest.raises(StoreUnavailable, match=rf"{tmp_path}/a/b/keys\.db"):
            await open_sqlite(Path("a/b/keys.db"), can_create=can_create)


async def test_only_the_folder_of_the_store_itself_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "keys.db"
    with pytest.raises(
        StoreUnavailable,
        match=rf"{path} cannot be created, .*\(No such file or directory\): make {path.parent} a folder",
    ):
        await open_sqlite(path)
    assert names(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_named_with_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "sub"):
        with pytest.raises(
            StoreUnavailable, match=rf"{folder}/keys\.db cannot be created, .*: make {folder}"
        ):
            await open_sqlite(folder / "keys.db")
