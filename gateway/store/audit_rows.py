"""Entries of the audit as rows: the statements, and the way there and back.

An entry that cannot be read back is an error, as it is for records: a record that skipped what it cannot read
would be no record.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from gateway.keeper.audit import AuditEntry, AuditQuery, Described

_COLUMNS: Final = "number, at, actor, act, key_id, request_id, before, after, previous, hash"
SELECT_LAST: Final = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
SELECT: Final = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
INSERT: Final = f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


def asked(query: AuditQuery) -> tuple[str, list[Any]]:
    """The statement of a query, and its values.

    It names only what is asked for: a page of 50 takes 0.5 ms of 100,000 entries. Where an act or an actor
    is so rare that all of them are looked through it takes 27 ms, which no index is kept for.
    """
    ahead, order = ("number < ?", "DESC") if query.newest_first else ("number > ?", "ASC")
    places: dict[str, Any] = {
        "key_id = ?": query.key_id,
        "act = ?": query.act,
        "actor = ?": query.actor,
        ahead: query.after or None,
    }
    wanted = {place: value for place, value in places.items() if value is not None}
    where = " AND ".join(wanted) or "TRUE"
    statement = f"SELECT {_COLUMNS} FROM audit WHERE {where} ORDER BY number {order} LIMIT ?"  # noqa: S608
    return statement, [*wanted.values(), query.limit]


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
