"""A backup: a copy of the store as it stands at one moment, whole, checked, and its owner's alone.

Promises
1. It is consistent whether or not a gateway runs. The copy is one read of SQLite's (`VACUUM INTO`), so it
   waits for no write and no write waits for it; all that was acknowledged before is in it.
2. Where no gateway holds the store its lock is held. Where one does, the file is read beside it by a
   connection that can neither write nor checkpoint, so there is still one writer.
3. FILE appears whole and checked, or not at all; what is there already stays, unless `can_replace`.
4. Whoever asks reads the store and writes FILE with their own rights: nobody else writes anything for them.
"""

import os
import secrets
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreBusy, missing
from gateway.store.judge import Content, Flaw, judge, opened
from gateway.store.lock import StoreLock, lock_path
from gateway.store.place import settle
from gateway.store.schema import is_there
from gateway.store.system import NEW, sync_folder


class BackupRefused(StoreUnavailable):
    """The backup was not made; the message says why and what to do. Nothing was left behind."""


def back_up(store: Path, file: Path, *, can_replace: bool = False) -> Content:
    """Copy the store to the file, and say what is in it; raises `StoreUnavailable` or `OSError`."""
    store = settle(store, can_create=False)
    if not is_there(store):
        raise missing(store)
    file = Path(os.path.realpath(file.parent)) / file.name
    assert_free(store, file, can_replace=can_replace)
    draft = file.with_name(f"{file.name}.part-{secrets.token_hex(4)}")
    with ExitStack() as until_done:
        with suppress(StoreBusy):  # then somebody serves it, and is read beside
            until_done.callback(StoreLock(store).release)
        until_done.callback(draft.unlink, missing_ok=True)
        os.close(os.open(draft, NEW, 0o600))
        try:
            copy_whole(store, draft)
            with opened(draft, is_still=True) as copy:
                content = judge(copy)
        except Flaw as flaw:
            raise BackupRefused(f"{store} {flaw}; no backup was made") from flaw
        _name(draft, file, can_replace=can_replace)
    return content


def copy_whole(source: Path, target: Path, *, is_still: bool = False) -> None:
    """Copy a database into an empty file, as it stands at one moment, and have it on the disk."""
    with opened(source, is_still=is_still) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def assert_free(store: Path, file: Path, *, can_replace: bool) -> None:
    """Refuse a name that is taken, or that belongs to the store itself."""
    ends = ("", "-wal", "-shm", "-journal", ".sock", ".new", ".copy")
    own = {
        lock_path(store),
        store.with_name("admin.key"),
        *(store.with_name(store.name + end) for end in ends),
    }
    if file in own or _is_same(file, store):
        raise BackupRefused(f"{file} belongs to the store itself: name another file for the backup")
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise BackupRefused(f"{file} is not a regular file: name another file for the backup")
    if not can_replace:
        raise BackupRefused(f"{file} is there already: name another file, or say --force to replace it")


def _is_same(file: Path, store: Path) -> bool:
    try:
        return file.samefile(store)
    except OSError:
        return False


def _name(draft: Path, file: Path, *, can_replace: bool) -> None:
    """Give the whole copy its name; without `can_replace` never over a file that came in the meantime."""
    if can_replace:
        draft.replace(file)
    else:
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            raise BackupRefused(f"{file} came into being meanwhile: it was left as it is") from None
        except OSError:  # a file system without hard links, like that of many memory sticks
            draft.rename(file)
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)
