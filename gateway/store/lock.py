"""One writer always: an exclusive lock on `<store>.lock`, held as long as the store is open.

SQLite lets several processes write in turns. Keyhatch does not want that: a running server would not learn at
once of what another process wrote, and many versions of SQLite can damage the log when two connections write
and checkpoint at the same moment (the WAL-reset bug). So whoever opens the store holds this lock, and all
others ask them (`gateway.admin.control`).

The kernel releases the lock when its holder dies, however it dies, so no stale lock ever has to be removed.
The file itself stays and holds the last holder's process number, for people. `flock` is POSIX; on Windows,
which has none, a store cannot be opened.
"""

import fcntl
import os
from pathlib import Path

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreBusy, fault_of


class StoreLock:
    """The lock on one store; `release` may be called twice."""

    def __init__(self, store: Path) -> None:
        """Take the lock or raise `StoreBusy`; it never waits."""
        self._descriptor = -1
        path = lock_path(store)
        try:
            # A link planted here would have root empty and give away whatever file it leads to.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise fault_of(path, error) from error
        if os.fstat(descriptor).st_nlink > 1:
            os.close(descriptor)
            raise StoreUnavailable(f"{path} has another name: delete it, it is not the lock we made")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise StoreBusy(
                f"{store} is held by another process{holder}: stop it, or wait until it is done"
            ) from error
        self._descriptor = descriptor
        _give_to_owner(descriptor, store)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others have the store."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def lock_path(store: Path) -> Path:
    """Where the lock of a store lies: beside it."""
    return store.with_name(store.name + ".lock")


def _give_to_owner(descriptor: int, store: Path) -> None:
    """What root touches must not lock the gateway's own user out."""
    if os.geteuid() == 0 and store.exists():
        status = store.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _holder(descriptor: int) -> str:
    told = os.pread(descriptor, 20, 0).strip()
    return f" (pid {told.decode('ascii')})" if told.isdigit() else ""
