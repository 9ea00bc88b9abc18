"""The store: there, whole, with room to grow, on a disk that can be trusted, and which of its keys end soon.

The file is read beside a running gateway by a connection that cannot write. Where no log lies beside it, no
gateway has it open, and not even SQLite's own files are made.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.cli.backup import counted
from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.cli.doctor.running import runs
from gateway.cli.missing import missing_among
from gateway.cli.moments import span
from gateway.core.keys import ApiKey, Status
from gateway.store.judge import Flaw, judge, keys_in, newest_moment, opened, version_of
from gateway.store.schema import load_migrations

FREE_BYTES_FEW: Final = 256 * 1024 * 1024
FREE_BYTES_MIN: Final = 16 * 1024 * 1024
NAMED_MAX: Final = 5
_MOUNTS: Final = Path("/proc/self/mounts")
_FAR: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "sshfs"})


def look(patient: Patient) -> Iterator[Finding]:
    """How the store is, what room it has, and which keys end soon."""
    written = patient.loaded.store_path
    if written is None:
        yield fail("store", "in memory, where no command reaches it", "name a file: sqlite:///keyhatch.db")
        return
    path = Path(os.path.realpath(written))
    yield from _disk(path)
    if not path.is_file():
        mend = (
            "`keyhatch keys create NAME` begins one, `keyhatch restore FILE` puts a backup there; if yours "
            "lies elsewhere, name it with --store"
        )
        yield warn("store", f"there is none at {path}", mend)
        return
    yield from _content(path, patient)


def _content(path: Path, patient: Patient) -> Iterator[Finding]:
    now = patient.clock.now()
    log = path.with_name(path.name + "-wal")
    known = load_migrations()
    try:
        with opened(path, is_still=not log.exists()) as connection:
            content = judge(connection, known, is_quick=True)
            if version_of(connection, known) < len(known):
                yield warn("store", "written by an older Keyhatch", "the next start brings it up to date")
                return
            if log.exists() and not runs(patient):
                yield from _writing(path)
            newest = newest_moment(connection)
            ending = [key for key in keys_in(connection) if key.status(now) is Status.EXPIRING]
            is_managed = not content.keys or not missing_among(keys_in(connection), now).manager
    except Flaw as flaw:
        yield fail("store", f"{path} {flaw}", "stop the gateway, and `keyhatch restore` a backup")
        return
    yield ok("store", f"{path}: whole, {counted(content)}")
    if newest > now:
        ahead = f"the newest record in the store is {span(newest - now)} ahead of it"
        yield fail("clock", ahead, "set the clock of this machine (NTP), or keys live and end at wrong times")
    yield from _ending(ending, now)
    if not is_managed:
        yield warn("keys", "none may manage the others", "`keyhatch admin reset` makes one")


def _writing(path: Path) -> Iterator[Finding]:
    """Whether it could be written now: a write is begun and taken back, where no gateway is there to do it.

    The caller has it open too, so this connection is not the last to be closed: that would change files.
    """
    try:
        with opened(path, can_write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except Flaw as flaw:
        yield fail("store", f"{path} {flaw}", "no key could be made or ended meanwhile")


def _ending(ending: list[ApiKey], now: float) -> Iterator[Finding]:
    for key in sorted(ending, key=lambda key: key.expires_at or 0.0)[:NAMED_MAX]:
        left = span((key.expires_at or now) - now)
        yield warn(
            f"key {key.id}",
            f"{key.name!r} ends in {left}",
            "make a new one in its place, and tell its holder",
        )
    if len(ending) > NAMED_MAX:
        yield warn("keys", f"{len(ending)} end soon", "`keyhatch keys list --status expiring` shows them")
    if not ending:
        yield ok("keys", "none ends within two weeks")


def _disk(path: Path) -> Iterator[Finding]:
    folder = next(each for each in path.parents if each.exists())
    free = shutil.disk_usage(folder).free
    told = f"{free // (1024 * 1024)} MiB free in {folder}"
    if free < FREE_BYTES_MIN:
        yield fail("disk", told, "free some space: changes and last uses are refused when it is full")
    elif free < FREE_BYTES_FEW:
        yield warn("disk", told, "free some space")
    else:
        yield ok("disk", told)
    kind = file_system(folder)
    if kind in _FAR or kind.removeprefix("fuse.") in _FAR:
        mend = "keep the store on a disk of this machine: locks fail over a network"
        yield fail("disk", f"{folder} lies on a network ({kind})", mend)


def file_system(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The kind of file system that a folder lies on; empty where the system does not tell."""
    if sys.platform != "linux":
        return ""
    best, kind = "", ""
    for line in mounts.read_text("utf-8", "replace").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if len(point) >= len(best) and folder.is_relative_to(point):
            best, kind = point, fields[2]
    return kind
