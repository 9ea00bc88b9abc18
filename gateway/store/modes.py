"""Whose the store's files are: their owner's alone.

Keyhatch makes them 0600, but a store may come from elsewhere: a copy, an unpacked archive, a `chmod` meant
well. Digests of secrets are no secrets, but who may write the file can make a key, so a store that others can
open is made its owner's alone, and the operator is told. Where that is not ours to do it is refused.
"""

import logging
import os
import stat
from pathlib import Path
from typing import Final

from gateway.keeper.ports import StoreUnavailable
from gateway.store.system import READ_NO_LINK, mode_of, user

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_log: Final = logging.getLogger("gateway.store")


def assert_ours_to_tighten(path: Path, status: os.stat_result) -> None:
    """Refuse a store that others can open if it is not ours to change that."""
    if mode_of(status) & _OTHERS and user() not in {0, status.st_uid}:
        raise StoreUnavailable(
            f"{path} can be opened by others (mode {mode_of(status):04o}) and belongs to user "
            f"{status.st_uid}: run as that user, or give it to the gateway's user with mode 0600"
        )


def tighten(path: Path) -> None:
    """Make the file and SQLite's files beside it their owner's alone; raises `OSError`.

    It opens and closes the file, so no connection of this process may be open: POSIX would drop its locks.
    """
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            descriptor = os.open(each, READ_NO_LINK)
        except FileNotFoundError:
            continue
        try:
            _tighten(each, descriptor)
        finally:
            os.close(descriptor)


def _tighten(path: Path, descriptor: int) -> None:
    mode = mode_of(os.fstat(descriptor))
    if mode & _OTHERS:
        os.fchmod(descriptor, mode & (stat.S_IRUSR | stat.S_IWUSR))
        _log.warning(
            "%s could be opened by others (mode %04o) and is its owner's alone now: see who may have read it",
            path,
            mode,
        )
