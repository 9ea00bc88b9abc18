"""Where a store lies: its one true path, and the folder that it may need.

Promises
1. A link is followed to the store it leads to. One that leads nowhere is refused: its disk may just not be
   mounted, and an empty store in its place would hide the real one.
2. Where nothing may be created nothing is, not even a lock. Otherwise the one folder of the store is made,
   0700, and none above it: more of them missing is a mistyped path.
"""

import os
from pathlib import Path

from gateway.store.faults import StoreForeign, leads_nowhere, missing, no_folder
from gateway.store.lock import lock_path
from gateway.store.schema import is_there


def settle(path: Path, *, can_create: bool) -> Path:
    """The file's one true path, in a folder that exists if something may be created."""
    if can_create:
        return _in_folder(path)
    path = path.absolute()
    if path.is_symlink() and _is_gone(path):
        raise leads_nowhere(path)
    path = Path(os.path.realpath(path))
    is_locked = os.path.exists(lock_path(path))  # noqa: PTH110 - it never raises
    if not is_locked and not is_there(path):
        raise missing(path)  # not even a lock is made; where there is one, somebody may just be beginning
    return path


def settle_for_restore(path: Path) -> Path:
    """The same where something may be created, or lie damaged: a folder that exists, no look at the file."""
    path = _in_folder(path)
    if path.exists() and not path.is_file():
        raise StoreForeign(f"{path} is not a regular file: name a file for the store")
    return path


def _in_folder(path: Path) -> Path:
    """The one true path, in a folder that is made if need be."""
    path = path.absolute()
    if path.is_symlink() and _is_gone(path):
        raise leads_nowhere(path)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise no_folder(path, error) from error
    return Path(os.path.realpath(path))


def _is_gone(link: Path) -> bool:
    try:
        os.lstat(os.path.realpath(link))
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it may be there; opening it will tell
    return False
