"""A restore: a backup takes the place of the store, after it was checked and prepared beside it.

Promises
1. Nothing is touched before the backup was judged whole (`gateway.store.judge`), and nothing of it is taken
   but its rows: into a store made anew (`gateway.store.anew`), with what has to be kept
   (`gateway.store.carry`).
2. The store's lock is held from the first look to the last step, so no gateway runs meanwhile, and what was
   shown before the question is what happens after it.
3. The store replaced is kept, whole with its log, as `<store>.before-restore-<time>`.
4. The new file takes the old one's name in one step. A kill at any moment leaves the one or the other whole.

A store that is damaged itself is no obstacle, but nothing can be carried over from it.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act
from gateway.keeper.ports import StoreUnavailable
from gateway.store.anew import make_anew
from gateway.store.backup import copy_whole
from gateway.store.carry import RESTORE_ACT, Difference, carry, difference, note, unexplained
from gateway.store.faults import StoreBusy
from gateway.store.judge import Content, Flaw, bring_up, judge, opened
from gateway.store.lock import StoreLock
from gateway.store.place import settle_for_restore
from gateway.store.schema import load_migrations
from gateway.store.system import NEW, is_root, sync_folder

_SIDES: Final = ("-wal", "-shm", "-journal")


class RestoreRefused(StoreUnavailable):
    """Nothing was restored; the message says why and what to do. The store is as it was."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would be restored, and what that would undo.

    `content` is the backup's, `unexplained` its records that its own audit does not explain. `difference` is
    None where nothing can be compared: there is no store, or `flaw` tells what is wrong with it.
    """

    store: Path
    content: Content
    unexplained: tuple[ApiKey, ...]
    difference: Difference | None
    flaw: str | None


class Restoration:
    """A restore that is prepared; `finish` does it. Made by `restoring`."""

    def __init__(self, prospect: Prospect, draft: Path, current: Path | None) -> None:
        self.prospect = prospect
        self._draft = draft
        self._current = current

    def finish(self, *, actor: str, now: float, as_it_was: bool) -> Path | None:
        """Put the backup in the store's place; where the store replaced is kept, None if there was none."""
        store = self.prospect.store
        act = Act(RESTORE_ACT, actor, at=now)
        try:
            with ExitStack() as until_written:
                draft = until_written.enter_context(opened(self._draft, can_write=True))
                if self._current is None or self.prospect.difference is None:
                    note(draft, act)
                else:
                    current = until_written.enter_context(opened(self._current, is_still=True))
                    carry(draft, current, self.prospect.difference, act, as_it_was=as_it_was)
                judge(draft)
            _sync(self._draft)
            kept = _keep(store, now, is_whole=self.prospect.flaw is None)
        except Flaw as flaw:
            raise RestoreRefused(f"{store} {flaw}; nothing was restored") from flaw
        for end in _SIDES:  # what they held stands in the file kept; beside the new one they would spoil it
            store.with_name(store.name + end).unlink(missing_ok=True)
        self._draft.replace(store)
        sync_folder(store.parent)
        return kept


@contextmanager
def restoring(store: Path, file: Path) -> Iterator[Restoration]:
    """Check the backup and prepare everything; raises `StoreUnavailable` or `OSError`.

    The store is locked as long as the context lasts, and is as it was afterwards unless `finish` was called.
    """
    store = settle_for_restore(store)
    _assert_file(file, store)
    with ExitStack() as until_done:
        try:
            until_done.callback(StoreLock(store).release)
        except StoreBusy as busy:
            raise RestoreRefused(f"{busy}. A restore takes a gateway that is stopped") from busy
        draft = _beside(store, "restore", until_done)
        content = _prepare(file, draft, _beside(store, "backup", until_done))
        current, flaw = _copy_of_current(store, until_done)
        found = None
        with opened(draft, is_still=True) as then:
            strange = unexplained(then)
            if current is not None:
                with opened(current, is_still=True) as now:
                    found = difference(now, then)
        _give_to_owner(draft, store)
        yield Restoration(Prospect(store, content, strange, found, flaw), draft, current)


def _assert_file(file: Path, store: Path) -> None:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise RestoreRefused(f"{file} is not a regular file: name the file that `keyhatch backup` wrote")
    if os.path.realpath(file) == str(store) or (store.exists() and file.samefile(store)):
        raise RestoreRefused(f"{file} is the store itself: name the file that `keyhatch backup` wrote")


def _prepare(file: Path, draft: Path, raw: Path) -> Content:
    """A current, judged store with the rows of the backup. `raw` is an empty file for a copy in between."""
    log = file.with_name(file.name + "-wal")
    is_still = not (log.exists() and log.stat().st_size)
    try:
        with opened(file, is_still=is_still) as backup:
            content = judge(backup)
        copy_whole(file, raw, is_still=is_still)
        with opened(raw, can_write=True) as copy:
            bring_up(copy, load_migrations())
        make_anew(raw, draft)
        raw.unlink()
        _assert_holds(draft, content)
    except Flaw as flaw:
        raise RestoreRefused(f"{file} {flaw}; nothing was restored") from flaw
    return content


def _assert_holds(draft: Path, content: Content) -> None:
    with opened(draft, is_still=True) as made:
        if judge(made) != content:
            raise Flaw("was changed while it was read")


def _copy_of_current(store: Path, until_done: ExitStack) -> tuple[Path | None, str | None]:
    """A current copy of the store to be replaced, to compare with; or what is wrong with it."""
    if not store.exists() and not store.with_name(store.name + "-wal").exists():
        return None, None
    if not store.exists() or not store.stat().st_size:  # SQLite would throw its log away
        return None, "is empty or gone, but for its log"
    copy = _beside(store, "replaced", until_done)
    is_cut = store.with_name(
        store.name + "-journal"
    ).exists()  # SQLite undoes what it began when it may write
    try:
        with opened(store, can_write=is_cut) as current:
            judge(current)
        copy_whole(store, copy)
        with opened(copy, can_write=True) as connection:
            bring_up(connection, load_migrations())
    except Flaw as flaw:
        return None, str(flaw)
    return copy, None


def _beside(store: Path, word: str, until_done: ExitStack) -> Path:
    """A new, empty file beside the store, removed at the end; what a killed restore left is removed first."""
    path = store.with_name(f"{store.name}.{word}.new")
    every = (path, *(path.with_name(path.name + end) for end in _SIDES))
    for each in every:
        each.unlink(missing_ok=True)
        until_done.callback(each.unlink, missing_ok=True)
    os.close(os.open(path, NEW, 0o600))
    return path


def _keep(store: Path, now: float, *, is_whole: bool) -> Path | None:
    """Keep the store replaced under another name; a whole one in one file, its log folded in."""
    ends = [end for end in ("", "-wal", "-journal") if store.with_name(store.name + end).exists()]
    if not ends:
        return None
    if is_whole:
        ends = [""]
        with opened(store, can_write=True) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()  # raises while others read it
    kept = _free_name(store, datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ"))
    for end in ends:
        _copy_raw(store.with_name(store.name + end), kept.with_name(kept.name + end), store)
    sync_folder(store.parent)
    return kept


def _free_name(store: Path, time: str) -> Path:
    """A name that nothing has yet: two restores may happen in one second."""
    number, name = 1, f"{store.name}.before-restore-{time}"
    while (path := store.with_name(name)).exists() or path.with_name(name + "-wal").exists():
        number += 1
        name = f"{store.name}.before-restore-{time}-{number}"
    return path


def _copy_raw(source: Path, target: Path, store: Path) -> None:
    os.close(os.open(target, NEW, 0o600))
    try:
        shutil.copyfile(source, target)
        _give_to_owner(target, store)
        _sync(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _give_to_owner(path: Path, store: Path) -> None:
    """What root makes must not lock the gateway's own user out."""
    if is_root():
        owner = (store if store.exists() else store.parent).stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
