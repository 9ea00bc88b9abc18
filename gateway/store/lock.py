"""One writer always: an exclusive lock on `<store>.lock`, held as long as the store is open.

SQLite lets several processes write in turns. Keyhatch does not want that: a running server would not learn at
once of what another process wrote, and many versions of SQLite can damage the log when two connections write
and checkpoint at the same moment (the WAL-reset bug). So whoever opens the store holds this lock, and all
others ask them (`gateway.admin.control`).

The kernel releases the lock when its holder dies, however it dies, so no stale lock ever has to be removed.
The file itself stays and holds the last holder's process number, for people; a file in its place that is not
plainly ours is refused and left as it was, because root opens it too.
"""

import os
import stat
from pathlib import Path

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreBusy, fault_of
from gateway.store.system import CHANGE, is_root, lock, user


class StoreLock:
    """The lock on one store; `release` may be called twice."""

    def __init__(self, store: Path) -> None:
        """Take the lock or raise `StoreBusy`; it never waits."""
        self._descriptor = -1
        path = lock_path(store)
        try:
            descriptor, is_new = _open(path)
            try:
                if is_new:
                    _give_to_owner(descriptor, store)
                else:
                    _assert_ours(descriptor, path, store)
                _take(descriptor, store)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise fault_of(path, error) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have the store."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def lock_path(store: Path) -> Path:
    """Where the lock of a store lies: beside it."""
    return store.with_name(store.name + ".lock")


def _open(path: Path) -> tuple[int, bool]:
    """The lock's file and whether it was made here. No link is followed, and no pipe is waited for."""
    try:
        return os.open(path, CHANGE | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, CHANGE), False


def _assert_ours(descriptor: int, path: Path, store: Path) -> None:
    """A file planted here would have root empty it, or a stranger decide who gets the store."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise StoreUnavailable(f"{path} is not a regular file: delete it, it is not the lock we made")
    if status.st_nlink > 1:
        raise StoreUnavailable(f"{path} has another name: delete it, it is not the lock we made")
    if status.st_uid not in {0, user(), _owner(store)[0]}:
        raise StoreUnavailable(
            f"{path} belongs to user {status.st_uid}, neither root, nor us, nor the store's owner: delete "
            "it, and see who may write in that folder"
        )


def _give_to_owner(descriptor: int, store: Path) -> None:
    """What root makes must not lock the gateway's own user out."""
    if is_root():
        os.fchown(descriptor, *_owner(store))


def _owner(store: Path) -> tuple[int, int]:
    """User and group of the store; -1 (nobody's number, and no change for `fchown`) where there is none."""
    try:
        status = store.stat()
    except OSError:
        return -1, -1
    return status.st_uid, status.st_gid


def _take(descriptor: int, store: Path) -> None:
    try:
        lock(descriptor)
    except OSError as error:
        raise StoreBusy(
            f"{store} is held by another process{_holder(descriptor)}: stop it, or wait until it is done"
        ) from error
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))


def _holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    told = os.read(descriptor, 20).strip()
    return f" (pid {told.decode('ascii')})" if told.isdigit() else ""
