"""Guarantees of gateway/store/lock.py: one process at a time, and no lock outlives its holder."""

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
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


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_socket])
def test_what_is_no_file_is_no_lock(path: Path, make: Callable[[Path], None]) -> None:
    make(lock_path(path))
    with pytest.raises(StoreUnavailable, match=r"keys\.db\.lock"):
        StoreLock(path)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def owned(path: Path, uid: int) -> os.stat_result:
    path.touch()
    os.chown(path, uid, uid)
    return path.stat()


def owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


@as_root
def test_root_leaves_the_lock_to_the_owner_of_the_store(path: Path) -> None:
    owned(path, 1234)
    StoreLock(path).release()
    assert owner(lock_path(path)) == (1234, 1234)


@as_root
def test_root_leaves_the_lock_to_the_owner_even_where_somebody_is_quicker(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise BlockingIOError

    owned(path, 1234)
    monkeypatch.setattr(fcntl, "flock", held)
    with pytest.raises(StoreBusy):
        StoreLock(path)
    assert owner(lock_path(path)) == (1234, 1234)


@as_root
def test_a_lock_that_was_there_is_given_to_nobody(path: Path) -> None:
    owned(path, 1234)
    owned(lock_path(path), 0)
    StoreLock(path).release()
    assert owner(lock_path(path)) == (0, 0)


@as_root
@pytest.mark.parametrize("uid", [0, 1234], ids=["root's", "the store's owner's"])
def test_the_lock_of_root_or_of_the_stores_owner_is_taken(path: Path, uid: int) -> None:
    owned(path, 1234)
    owned(lock_path(path), uid)
    StoreLock(path).release()


@as_root
@pytest.mark.parametrize("is_store_there", [True, False])
def test_a_strangers_lock_is_refused_and_left_as_it_was(path: Path, *, is_store_there: bool) -> None:
    if is_store_there:
        owned(path, 1234)
    owned(lock_path(path), 4321)
    lock_path(path).write_text("precious")
    with pytest.raises(StoreUnavailable, match=r"keys\.db\.lock belongs to user 4321, .*delete it"):
        StoreLock(path)
    assert lock_path(path).read_text() == "precious"


def test_a_lock_that_vanishes_while_it_is_opened_is_an_outage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = os.open

    def vanishing(file: Path, flags: int, *mode: int) -> int:
        if flags & os.O_EXCL:
            raise FileExistsError
        return plain(file, flags, *mode)

    monkeypatch.setattr(os, "open", vanishing)
    with pytest.raises(StoreUnavailable, match=r"keys\.db\.lock cannot be used: No such file"):
        StoreLock(path)


def test_a_full_disk_is_an_outage_and_leaves_the_lock_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreUnavailable, match=r"keys\.db\.lock cannot be used: No space left"):
            StoreLock(path)
    StoreLock(path).release()
