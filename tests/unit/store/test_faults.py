"""Guarantees of gateway/store/faults.py: every accident names the file and what to do."""

import sqlite3
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store import faults
from gateway.store.faults import (
    StoreBusy,
    StoreConflict,
    StoreDamaged,
    StoreForeign,
    StoreFull,
    StoreReadOnly,
    fault_of,
)

PATH = Path("/data/keys.db")


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "kind", "mend"),
    [
        (sqlite_error("SQLITE_BUSY"), StoreBusy, "close whatever has it open"),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), StoreBusy, "close whatever has it open"),
        (sqlite_error("SQLITE_LOCKED"), StoreBusy, "close whatever has it open"),
        (sqlite_error("SQLITE_READONLY_DBMOVED"), StoreReadOnly, "write access"),
        (sqlite_error("SQLITE_CANTOPEN"), StoreUnavailable, "access to it and its folder"),
        (sqlite_error("SQLITE_FULL"), StoreFull, "free some space"),
        (sqlite_error("SQLITE_IOERR_FSYNC"), StoreUnavailable, "check the disk"),
        (sqlite_error("SQLITE_CORRUPT"), StoreDamaged, "keyhatch restore FILE"),
        (sqlite_error("SQLITE_NOTADB"), StoreForeign, "keyhatch restore FILE"),
        (sqlite_error("SQLITE_CONSTRAINT_UNIQUE"), StoreConflict, "is taken"),
        (sqlite_error("SQLITE_ERROR"), StoreUnavailable, "check the file, its folder and the disk"),
        (sqlite3.ProgrammingError("closed"), StoreUnavailable, "check the file, its folder and the disk"),
        (PermissionError(13, "Permission denied"), StoreUnavailable, "Permission denied; check its path"),
        (OSError("no number"), StoreUnavailable, "OSError"),
        (ValueError("the text of a record"), StoreUnavailable, "ValueError"),
    ],
    ids=lambda value: getattr(value, "sqlite_errorname", type(value).__name__),
)
def test_an_accident_becomes_its_fault_with_the_file_and_the_mend(
    error: Exception, kind: type[StoreUnavailable], mend: str
) -> None:
    fault = fault_of(PATH, error)
    assert type(fault) is kind
    assert str(fault).startswith("/data/keys.db ")
    assert mend in str(fault)


@pytest.mark.parametrize("error", [sqlite_error("SQLITE_ERROR"), ValueError("kh_secret")])
def test_what_the_driver_says_is_not_repeated(error: Exception) -> None:
    assert str(error) not in str(fault_of(PATH, error))


@pytest.mark.parametrize("fault", [faults.busy(PATH), faults.damaged(PATH, "page 3"), faults.closed(PATH)])
def test_every_fault_is_an_outage_that_names_the_file(fault: StoreUnavailable) -> None:
    assert isinstance(fault, StoreUnavailable)
    assert str(fault).startswith("/data/keys.db ")
