"""Guarantees of gateway/store/system.py: where users and modes say nothing, they are not asked."""

import os
from pathlib import Path

import pytest

from gateway.store import system
from gateway.store.system import CHANGE, NEW, READ, READ_NO_LINK, is_root, lock, mode_of, sync_folder, user


def test_a_file_is_made_new_or_not_at_all(tmp_path: Path) -> None:
    os.close(os.open(tmp_path / "file", NEW, 0o600))
    with pytest.raises(FileExistsError):
        os.open(tmp_path / "file", NEW, 0o600)


@pytest.mark.parametrize("how", [READ_NO_LINK, CHANGE, NEW], ids=["read", "change", "new"])
def test_a_link_is_not_followed(how: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match=r"link|exists"):
        os.open(tmp_path / "link", how)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.close(os.open(tmp_path / "pipe", READ))


@pytest.mark.parametrize("how", [READ, CHANGE], ids=["read", "change"])
def test_nothing_that_is_opened_is_inherited(how: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    descriptor = os.open(tmp_path / "file", how)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_lock_is_one_holders_until_it_closes(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path / "lock", CHANGE | os.O_CREAT, 0o600) for _ in range(2))
    lock(first)
    with pytest.raises(OSError, match="unavailable"):
        lock(second)
    os.close(first)
    lock(second)
    os.close(second)


def test_users_and_modes_are_the_systems(tmp_path: Path) -> None:
    tmp_path.chmod(0o751)
    assert (user(), is_root(), mode_of(tmp_path.stat())) == (os.geteuid(), os.geteuid() == 0, 0o751)
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


def test_where_there_are_none_a_file_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "HAS_OWNERS", False)
    tmp_path.chmod(0o777)
    assert (user(), is_root(), mode_of(tmp_path.stat())) == (0, False, 0o700)
    sync_folder(tmp_path / "missing")
