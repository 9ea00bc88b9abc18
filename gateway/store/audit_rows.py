"""Entries of the audit as rows: the statements, and the way there and back.

An entry that cannot be read back is an error, as it is for records: a record that skipped what it cannot read
would be no record.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from gateway.keeper.audit import AuditEntry, Described

_COLUMNS: Final = "number, at, actor, act, key_id, request_id, before, after, previous, hash"
SELECT_LAST: Final = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
SELECT: Final = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
SELECT_OF_KEY: Final = f"SELECT {_COLUMNS} FROM audit WHERE number > ? AND key_id = ? ORDER BY number LIMIT ?"  # noqa: S608
INSERT: Final = f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


def row_of(entry: AuditEntry) -> tuple[Any, ...]:
    """The entry's columns."""
    return (
        entry.number,
        entry.at,
        entry.actor,
        entry.act,
        entry.key_id,
        entry.request_id,
        _written(entry.before),
        _written(entry.after),
        entry.previous,
        entry.hash,
    )


def entry_of(row: Sequence[Any]) -> AuditEntry:
    """The entry a row holds; raises `ValueError` for whatever we would not have written."""
    number, at, actor, act, key_id, request_id, before, after, previous, content = row
    is_ours = (
        isinstance(number, int) and isinstance(at, float) and isinstance(actor, str) and isinstance(act, str)
    )
    if not (is_ours and isinstance(previous, bytes) and isinstance(content, bytes)):
        raise ValueError("a column holds a value of the wrong kind")
    return AuditEntry(
        number, at, actor, act, key_id, request_id, _read(before), _read(after), previous, content
    )


def _written(told: Described | None) -> str | None:
    return None if told is None else json.dumps(told, sort_keys=True)


def _read(text: str | None) -> Described | None:
    if text is None:
        return None
    told = json.loads(text)
    if isinstance(told, dict):
        return told
    raise ValueError("a column holds a value of the wrong kind")
