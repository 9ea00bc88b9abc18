"""File modes: who else may read what is the gateway's alone, or write where it keeps its keys."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.admin.control_path import socket_path
from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.store.lock import lock_path
from gateway.store.system import mode_of

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_SIDES: Final = ("", "-wal", "-shm")


def look(patient: Patient) -> Iterator[Finding]:
    """What deserves a look, or one finding that nothing does."""
    found = [*_config(patient.loaded.path), *_around_store(patient.loaded.store_path)]
    yield from found or [ok("files", "nobody else may read or change what is the gateway's")]


def _config(path: Path | None) -> Iterator[Finding]:
    mode = None if path is None else _mode(path)
    if path is None or mode is None:
        return
    if mode & _OTHERS_WRITE:
        yield fail("files", f"{path} can be changed by others (mode {mode:04o})", f"chmod go-w {path}")
    if mode & _OTHERS_READ and _holds_secret(path):
        mend = f"chmod 600 {path}, or write ${{VAR}} or ${{file:PATH}} for the secret"
        yield fail("files", f"{path} holds a password and can be read by others (mode {mode:04o})", mend)


def _holds_secret(path: Path) -> bool:
    """Whether a user and a password stand in a URL of the file, in plain text."""
    with path.open("rb") as file:
        lines = file.read(1_048_576).splitlines()
    return any(b"@" in line.partition(b"://")[2] and b"${" not in line for line in lines)


def _around_store(written: Path | None) -> Iterator[Finding]:
    if written is None:
        return
    store = Path(os.path.realpath(written))
    folder = _mode(store.parent)
    if folder is not None and folder & _OTHERS_WRITE and not folder & stat.S_ISVTX:
        found = f"others may write in {store.parent} (mode {folder:04o})"
        yield fail("files", found, f"chmod go-w {store.parent}")
    sides = [store.with_name(store.name + end) for end in _SIDES]
    for path in (*sides, lock_path(store), socket_path(store)):
        mode = _mode(path)
        if mode is not None and mode & _OTHERS:
            yield fail("files", f"{path} can be opened by others (mode {mode:04o})", f"chmod 600 {path}")
    key = store.with_name("admin.key")
    if _mode(key) is not None:
        yield warn(
            "files", f"{key} still lies there", "put the key where you keep secrets, and delete the file"
        )


def _mode(path: Path) -> int | None:
    try:
        return mode_of(path.stat())
    except OSError:
        return None
