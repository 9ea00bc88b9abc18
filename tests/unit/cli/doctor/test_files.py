"""Guarantees of gateway/cli/doctor/files.py: what others may read or change is named, with the command."""

import stat
from pathlib import Path

import pytest

from gateway.cli.doctor import files
from gateway.cli.doctor.finding import Finding, Patient, State
from gateway.config.load import load
from tests.support.records import StillClock
from tests.unit.store.stores import make

PLAIN = "store: {url: 'sqlite:///keys.db'}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration and a store, as they should be."""
    tmp_path.chmod(0o700)
    (tmp_path / "config.yaml").write_text(PLAIN)
    (tmp_path / "config.yaml").chmod(0o600)
    make(tmp_path / "keys.db", "one")
    return tmp_path


def look(folder: Path) -> list[Finding]:
    loaded = load(folder / "config.yaml", {}, {}, need_upstream=False)
    return list(files.look(Patient(loaded, StillClock())))


def test_what_is_its_owners_alone_is_well(folder: Path) -> None:
    (folder / "config.yaml").chmod(0o644)
    assert [each.state for each in look(folder)] == [State.OK]


@pytest.mark.parametrize("name", ["keys.db", "keys.db-wal", "keys.db-shm", "keys.db.lock", "keys.db.sock"])
def test_a_file_of_the_store_that_others_can_open_fails(folder: Path, name: str) -> None:
    (folder / name).touch()
    (folder / name).chmod(0o640)
    [found] = look(folder)
    assert (found.state, found.mend) == (State.FAIL, f"chmod 600 {folder / name}")
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o640, "it only looks"


def test_a_folder_where_others_may_write_fails(folder: Path) -> None:
    folder.chmod(0o777)
    assert [(each.state, each.mend) for each in look(folder)] == [(State.FAIL, f"chmod go-w {folder}")]
    folder.chmod(0o1777)
    assert [each.state for each in look(folder)] == [State.OK]


def test_a_configuration_that_others_may_change_fails(folder: Path) -> None:
    (folder / "config.yaml").chmod(0o620)
    [found] = look(folder)
    assert (found.state, "can be changed by others" in found.found) == (State.FAIL, True)


def test_a_password_that_others_may_read_fails_and_is_not_shown(folder: Path) -> None:
    config = folder / "config.yaml"
    config.write_text(PLAIN + "# http://user:hunter2@127.0.0.1:1\n")
    config.chmod(0o644)
    [found] = look(folder)
    assert (found.state, "holds a password" in found.found, "hunter2" in str(found)) == (
        State.FAIL,
        True,
        False,
    )
    config.write_text(PLAIN + "# http://user:${PASSWORD}@127.0.0.1:1\n")
    assert [each.state for each in look(folder)] == [State.OK]


def test_an_admin_key_left_lying_about_is_warned_of(folder: Path) -> None:
    (folder / "admin.key").touch()
    assert [each.state for each in look(folder)] == [State.WARN]


def test_without_file_or_store_all_is_well() -> None:
    loaded = load(None, {}, {"store.url": "memory:"}, need_upstream=False)
    assert [each.state for each in files.look(Patient(loaded, StillClock()))] == [State.OK]
