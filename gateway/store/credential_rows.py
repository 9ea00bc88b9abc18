"""Sealed credentials as rows: the statements, and the way there and back.

A value of a credential never comes here: what arrives is sealed (`gateway.keeper.seal`).
"""

from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any, Final

from gateway.keeper.credentials import (
    CredentialNote,
    CredentialNotFound,
    SealedCredential,
    assert_follows,
    described,
)
from gateway.store.sealed import COLUMNS, SELECT

__all__ = ["SELECT", "CredentialNotFound", "assert_follows", "described"]

SELECT_ONE: Final = f"SELECT {COLUMNS} FROM credentials WHERE name = ?"  # noqa: S608
PUT: Final = f"INSERT OR REPLACE INTO credentials ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
DELETE: Final = "DELETE FROM credentials WHERE name = ?"
NOTE: Final = """
UPDATE credentials SET
    last_used_at = MAX(COALESCE(last_used_at, ?2), COALESCE(?2, last_used_at)), refused_at = ?3
WHERE name = ?1
"""


def credential_of(row: Sequence[Any]) -> SealedCredential:
    """The record a row holds; raises `ValueError` for whatever we would not have written."""
    name, version, key_id, nonce, sealed, preview, set_at, set_by, last_used_at, refused_at = row
    texts = isinstance(name, str) and isinstance(preview, str) and isinstance(set_by, str)
    raw = isinstance(key_id, bytes) and isinstance(nonce, bytes) and isinstance(sealed, bytes)
    times = isinstance(set_at, float) and all(
        at is None or isinstance(at, float) for at in (last_used_at, refused_at)
    )
    if not (texts and raw and times and isinstance(version, int)):
        raise ValueError("a column holds a value of the wrong kind")
    return SealedCredential(*row)


def row_of(record: SealedCredential) -> tuple[Any, ...]:
    """The record's columns."""
    return astuple(record)


def row_after(before: SealedCredential | None, record: SealedCredential) -> tuple[Any, ...]:
    """The same of one that takes another's place; its last use stays."""
    return row_of(record if before is None else replace(record, last_used_at=before.last_used_at))


def note_row_of(note: CredentialNote) -> tuple[Any, ...]:
    """What is written of a use."""
    return astuple(note)
