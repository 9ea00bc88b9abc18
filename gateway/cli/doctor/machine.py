"""The machine: how many connections the system allows, and the versions of what the gateway stands on."""

import platform
import sqlite3
import ssl
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import gateway
from gateway.cli.doctor.finding import Finding, Patient, ok, warn
from gateway.plane.connections import descriptors_for_callers

_LIBRARIES: Final = ("aiohttp", "httptools", "pydantic", "uvloop")


def look(patient: Patient) -> Iterator[Finding]:
    """Open files and versions."""
    yield from _open_files(patient.loaded.settings.limits.connections_max)
    yield ok("versions", ", ".join(_versions()))


def _open_files(connections: int) -> Iterator[Finding]:
    room = descriptors_for_callers()
    if room < connections:
        mend = "allow more (ulimit -n, LimitNOFILE=), or lower limits.connections"
        yield warn("open files", f"enough for {room} connections of the {connections} configured", mend)
    else:
        yield ok("open files", f"enough for {connections} connections")


def _versions() -> Iterator[str]:
    yield f"keyhatch {gateway.__version__}"
    yield f"Python {platform.python_version()}"
    yield f"SQLite {sqlite3.sqlite_version}"
    yield " ".join(ssl.OPENSSL_VERSION.split()[:2])
    for name in _LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:  # uvloop is not everywhere
            continue
