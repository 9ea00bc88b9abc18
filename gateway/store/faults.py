"""What can be wrong with a store, each with a text that names the file and the mend.

All of them are `StoreUnavailable`, so whoever only has to fail closed needs to know none of them. `fault_of`
is the seam: what SQLite, its driver or the system raise becomes one of these here and nowhere else.
"""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.keeper.ports import StoreUnavailable


class StoreBusy(StoreUnavailable):
    """Another process holds the store, or more is asked of it than it can answer."""


class StoreConflict(StoreUnavailable):
    """An id or a digest that should be new is taken."""


class StoreForeign(StoreUnavailable):
    """The file is not a Keyhatch store."""


class StoreEmptied(StoreUnavailable):
    """The file is there and holds nothing, or is gone and left its write-ahead log behind."""


class StoreMissing(StoreUnavailable):
    """Nothing is where the store should be, and it was not asked for a new one to be begun there."""


class StoreDamaged(StoreUnavailable):
    """The file is ours and cannot be trusted any more."""


class StoreTooNew(StoreUnavailable):
    """A newer Keyhatch wrote the file."""


class StoreReadOnly(StoreUnavailable):
    """The file can be read and not written."""


class StoreFull(StoreUnavailable):
    """There is no room to write."""

    is_full = True


class StoreReplaced(StoreUnavailable):
    """The file was deleted, moved or replaced while it was open."""


RESTORE: Final = "stop the gateway and put a backup back with `keyhatch restore FILE`"
_LOCKED: Final = "is locked for writing by another program: close whatever has it open"
_BY_NAME: Final[tuple[tuple[str, type[StoreUnavailable], str], ...]] = (
    ("SQLITE_BUSY", StoreBusy, _LOCKED),
    ("SQLITE_LOCKED", StoreBusy, _LOCKED),
    (
        "SQLITE_READONLY",
        StoreReadOnly,
        "cannot be written: give the gateway's user write access to it and its folder",
    ),
    (
        "SQLITE_CANTOPEN",
        StoreUnavailable,
        "cannot be opened: give the gateway's user access to it and its folder",
    ),
    ("SQLITE_FULL", StoreFull, "cannot grow, the disk is full: free some space"),
    ("SQLITE_IOERR", StoreUnavailable, "cannot be read or written: check the disk and its file system"),
    ("SQLITE_CORRUPT", StoreDamaged, f"is damaged: {RESTORE}"),
    ("SQLITE_NOTADB", StoreForeign, f"is not a SQLite file: {RESTORE}"),
    (
        "SQLITE_CONSTRAINT",
        StoreConflict,
        "refuses the record: its id or secret is taken, or a value is wrong",
    ),
)


def missing(path: Path) -> StoreMissing:
    """There is no store here."""
    return StoreMissing(
        f"there is no store at {path}: `keyhatch keys create NAME` begins one; if yours lies elsewhere, say "
        "where with --store sqlite:///FILE or with store.url"
    )


def leads_nowhere(path: Path) -> StoreMissing:
    """The store is a link, and its file is gone: an empty one in its place would be a wrong answer."""
    return StoreMissing(
        f"{path} is a link to {path.readlink()}, where no file is: put the store back there (is its disk "
        "mounted?), or delete the link to begin anew"
    )


def no_folder(path: Path, error: OSError) -> StoreUnavailable:
    """The folder for a new store is not there and cannot be made."""
    return StoreUnavailable(
        f"{path} cannot be created, its folder cannot be made ({error.strerror}): make {path.parent} a "
        "folder of the gateway's user, or name another place with --store or store.url"
    )


def busy(path: Path) -> StoreBusy:
    """Somebody else keeps the store locked for writing."""
    return StoreBusy(f"{path} {_LOCKED}")


def flooded(path: Path, waiting: int) -> StoreBusy:
    """More is asked than is answered."""
    return StoreBusy(f"{path} does not keep up, {waiting} look-ups wait for it: check the disk and the load")


def damaged(path: Path, finding: str) -> StoreDamaged:
    """The content is not what was written; `finding` says where."""
    return StoreDamaged(f"{path} is damaged ({finding}): {RESTORE}")


def closed(path: Path) -> StoreUnavailable:
    """The store was closed before."""
    return StoreUnavailable(f"{path} is closed: the gateway is stopping")


def fault_of(path: Path, error: Exception) -> StoreUnavailable:
    """What an error of SQLite, its driver or the system means for the operator."""
    if not isinstance(error, sqlite3.Error):
        return StoreUnavailable(f"{path} cannot be used: {_told(error)}")
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    for start, kind, text in _BY_NAME:
        if name.startswith(start):
            return kind(f"{path} {text} ({name})")
    return StoreUnavailable(f"{path} cannot be used ({name}): check the file, its folder and the disk")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}; check its path, owner and mode"
    return type(error).__name__
