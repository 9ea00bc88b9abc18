"""Guarantees of gateway/store/lock.py: one process at a time, and no lock outlives its holder."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreBusy
from gateway.store.lock import StoreLock, lock_path

HOLDER = """
import sys, time
from pathlib import Path
from gateway.store.lock import StoreLock

lock = StoreLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_holder(store: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_lock_lies_beside_the_store_and_is_its_owners_alone(path: Path) -> None:
    lock = StoreLock(path)
    assert lock_path(path) == path.with_name("keys.db.lock")
    assert stat.S_IMODE(lock_path(path).stat().st_mode) == 0o600
    assert lock_path(path).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_another_process_is_kept_out_and_told_who_holds_it(path: Path) -> None:
    with (
        another_holder(path) as holder,
        pytest.raises(StoreBusy, match=rf"keys\.db is held by another process \(pid {holder.pid}\): stop it"),
    ):
        StoreLock(path)


def test_a_holder_that_was_killed_holds_nothing(path: Path) -> None:
    with another_holder(path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        StoreLock(path).release()


def test_the_same_process_is_kept_out_as_well(path: Path) -> None:
    lock = StoreLock(path)
    with pytest.raises(StoreBusy):
        StoreLock(path)
    lock.release()
    lock.release()
    StoreLock(path).release()


def test_a_lock_file_with_anything_in_it_is_taken_over(path: Path) -> None:
    lock_path(path).write_text("not a number at all, and a long one")
    lock = StoreLock(path)
    with pytest.raises(StoreBusy):
        StoreLock(path)
    lock.release()


def test_who_holds_it_is_left_out_where_the_file_does_not_say(path: Path) -> None:
    lock = StoreLock(path)
    lock_path(path).write_text("no number")
    with pytest.raises(StoreBusy, match="held by another process: stop it"):
        StoreLock(path)
    lock.release()


def test_a_lock_that_cannot_be_made_is_an_outage_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"missing/keys\.db\.lock cannot be used: No such file"):
        StoreLock(tmp_path / "missing" / "keys.db")


def test_a_link_in_the_place_of_the_lock_is_refused_and_its_target_untouched(path: Path) -> None:
    target = path.with_name("target")
    target.write_text("precious")
    lock_path(path).symlink_to(target)
    with pytest.raises(StoreUnavailable):
        StoreLock(path)
    lock_path(path).unlink()
    os.link(target, lock_path(path))
    with pytest.raises(StoreUnavailable, match="has another name"):
        StoreLock(path)
    assert target.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_the_lock_to_the_owner_of_the_store(path: Path) -> None:
    path.touch()
    os.chown(path, 1234, 1235)
    StoreLock(path).release()
    status = lock_path(path).stat()
    assert (status.st_uid, status.st_gid) == (1234, 1235)
