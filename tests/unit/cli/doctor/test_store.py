"""Guarantees of gateway/cli/doctor/store.py: whether the store is whole and has room, without touching it."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.cli.admin_key import ADMIN
from gateway.cli.doctor import store
from gateway.cli.doctor.finding import Finding, State, ok
from tests.support.records import NOW, StillClock
from tests.unit.cli.doctor.patients import holding, patient, states
from tests.unit.store.stores import make, make_older, manage, meddle, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with two keys."""
    make(tmp_path / "keys.db", "one", "two")
    return tmp_path / "keys.db"


def look(folder: Path, now: float = NOW) -> list[Finding]:
    return list(store.look(patient(folder, StillClock(now))))


def named(findings: list[Finding], what: str) -> list[Finding]:
    return [each for each in findings if each.what == what]


def test_a_whole_store_is_well_and_left_alone(path: Path) -> None:
    manage(path, lambda desk: desk.create(ADMIN))
    before = names(path.parent), path.read_bytes()
    found = look(path.parent)
    assert "whole, 3 keys, 3 entries of the audit" in named(found, "store")[0].found
    assert set(states(found)) == {State.OK}
    assert (names(path.parent), path.read_bytes()) == before


def test_where_no_key_may_manage_the_others_that_is_told(path: Path) -> None:
    [found] = [each for each in named(look(path.parent), "keys") if each.state is State.WARN]
    assert "admin reset" in found.mend


def test_in_an_empty_store_the_next_start_makes_that_key(tmp_path: Path) -> None:
    manage(tmp_path / "keys.db", lambda desk: desk.list_keys())
    assert named(look(tmp_path), "keys") == [ok("keys", "none ends within two weeks")]


def test_where_none_is_none_is_made(tmp_path: Path) -> None:
    [found] = named(look(tmp_path), "store")
    assert (found.state, "keys create" in found.mend, "keyhatch restore" in found.mend) == (
        State.WARN,
        True,
        True,
    )
    assert names(tmp_path) == set()


def test_keys_in_memory_fail(tmp_path: Path) -> None:
    [found] = store.look(patient(tmp_path, store={"url": "memory:"}))
    assert found.state is State.FAIL


OTHER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
if sys.argv[2] == "leave":
    connection.execute("UPDATE keys SET note = 'written'")
    connection.execute("COMMIT")
    os._exit(0)
print("held", flush=True)
sys.stdin.read()
"""


def test_one_that_nobody_can_write_fails_and_goes_on_being_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.judge.BUSY_TIMEOUT_S", 0.05)
    command = [sys.executable, "-c", OTHER, str(path), "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with holding(path):  # the gateway itself says whether it can write
            assert State.FAIL not in states(named(look(path.parent), "store"))
        first, second = named(look(path.parent), "store")
        other.communicate()
    assert (first.state, second.state) == (State.FAIL, State.OK)
    assert "locked for writing by another program" in first.found


def test_what_a_killed_gateway_left_beside_it_is_left_as_it_is(path: Path) -> None:
    subprocess.run([sys.executable, "-c", OTHER, str(path), "leave"], check=True)
    kept = [path, path.with_name("keys.db-wal")]
    before = [each.read_bytes() for each in kept]
    assert before[1]
    assert states(named(look(path.parent), "store")) == [State.OK]
    assert [each.read_bytes() for each in kept] == before


def test_what_sqlite_says_of_damage_is_told_without_its_frame(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 8] = b"\xff" * 8
    path.write_bytes(data)
    [found] = named(look(path.parent), "store")
    assert found.state is State.FAIL
    assert "***" not in found.found


@pytest.mark.parametrize(
    "harm", ["UPDATE audit SET act = 'x'", "DELETE FROM secrets", "PRAGMA user_version = 99"]
)
def test_what_is_not_whole_fails_with_the_mend(path: Path, harm: str) -> None:
    meddle(path, harm)
    [found] = named(look(path.parent), "store")
    assert (found.state, "keyhatch restore" in found.mend) == (State.FAIL, True)


def test_an_older_store_is_said_to_be_brought_up_to_date(path: Path) -> None:
    make_older(path)
    assert states(named(look(path.parent), "store")) == [State.WARN]


def test_a_clock_behind_the_store_fails(path: Path) -> None:
    [found] = named(look(path.parent, NOW - 86_400), "clock")
    assert (found.state, "24 h ahead of it" in found.found) == (State.FAIL, True)


def test_keys_that_end_soon_are_named_a_few_and_counted(path: Path) -> None:
    meddle(path, "UPDATE keys SET expires_at = 1800172800.0")
    soon = [each for each in look(path.parent) if each.what.startswith("key ")]
    assert [
        (each.state, "ends in 48 h" in each.found or "ends in 2 days" in each.found) for each in soon
    ] == [(State.WARN, True)] * 2
    make(path, *(f"key {number}" for number in range(store.NAMED_MAX)))
    meddle(path, "UPDATE keys SET expires_at = 1800172800.0")
    found = look(path.parent)
    assert len([each for each in found if each.what.startswith("key ")]) == store.NAMED_MAX
    assert named(found, "keys")[0].found == f"{store.NAMED_MAX + 2} end soon"


@pytest.mark.parametrize(
    ("free", "state"), [(1 << 20, State.FAIL), (100 << 20, State.WARN), (1 << 40, State.OK)]
)
def test_little_room_on_the_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert states(named(look(tmp_path), "disk")) == [state]


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs"])
def test_a_disk_on_a_network_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(store, "file_system", lambda _folder: kind)
    assert states(named(look(tmp_path), "disk")) == [State.OK, State.FAIL]


def test_the_kind_of_a_disk_is_that_of_the_nearest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("disk / ext4 rw 0 0\nfar:/x /my\\040data nfs rw 0 0\nodd\n")
    assert store.file_system(Path("/my data/keys"), mounts) == "nfs"
    assert store.file_system(Path("/my"), mounts) == "ext4"
    monkeypatch.setattr("sys.platform", "darwin")
    assert not store.file_system(Path("/my"), mounts)
