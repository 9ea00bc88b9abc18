"""Where systems differ about files that are the gateway's alone: users, modes, locks, and how to open one.

On Windows a file belongs to nobody by number and its mode says nothing of others: it is as private as the
access list of its folder makes it. There nothing of that is looked at or changed. Everywhere else every
word counts.
"""

import os
import stat
import sys
from pathlib import Path
from typing import Final

HAS_OWNERS: Final = hasattr(os, "geteuid")
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_AS_IT_IS: Final = getattr(os, "O_BINARY", 0)  # Windows changes line ends otherwise

# How to open a file. Python has none of them inherited by other programs (PEP 446).
NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _AS_IT_IS
"""Write a file that was not there."""
READ: Final = os.O_RDONLY | _NO_WAIT | _AS_IT_IS
"""Read; a pipe is not waited for."""
READ_NO_LINK: Final = READ | _NO_LINK
"""The same, and a link is not followed."""
CHANGE: Final = os.O_RDWR | _NO_WAIT | _NO_LINK | _AS_IT_IS
"""Read and write what may be planted: no link is followed, no pipe is waited for."""

_FAR: Final = 0x4000_0000  # Windows locks bytes against reading too: one that nobody reads


def user() -> int:
    """Who we are; 0 where users have no numbers, as all files have there."""
    return os.geteuid() if HAS_OWNERS else 0


def is_root() -> bool:
    """Whether files can be given to others."""
    return HAS_OWNERS and os.geteuid() == 0


def mode_of(status: os.stat_result) -> int:
    """Who may do what with a file, without what says nothing here."""
    mode = stat.S_IMODE(status.st_mode)
    return mode if HAS_OWNERS else mode & stat.S_IRWXU


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; on Windows, which opens no folder, the system sees to that."""
    if not HAS_OWNERS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def lock(descriptor: int) -> None:
        """Lock an open file against everybody until it is closed; raises `OSError` if somebody has."""
        import msvcrt  # noqa: PLC0415 - not elsewhere

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def lock(descriptor: int) -> None:
        """Lock an open file against everybody until it is closed; raises `OSError` if somebody has."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
