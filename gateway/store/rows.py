"""Records as rows: the columns, the statements that name them, and the way there and back.

What cannot be read back exactly is an error, never a guess: a record whose networks or expiry were lost would
be a key that opens too much.
"""

import json
import math
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any, Final

from gateway.core.keys import ApiKey

Row = tuple[Any, ...]

COLUMNS: Final = (
    "id",
    "name",
    "preview",
    "digest",
    "scopes",
    "created_at",
    "created_by",
    "owner",
    "note",
    "allow_from",
    "expires_at",
    "disabled_at",
    "revoked_at",
    "rotated_at",
    "previous_digest",
    "previous_secret_valid_until",
    "previous_secret_last_used_at",
    "last_used_at",
    "last_used_from",
    "use_count",
)
_TEXTS: Final = ("id", "name", "preview", "created_by", "owner", "note")
_MOMENTS: Final = (
    "expires_at",
    "disabled_at",
    "revoked_at",
    "rotated_at",
    "previous_secret_valid_until",
    "previous_secret_last_used_at",
    "last_used_at",
)

_NAMED: Final = ", ".join(f"keys.{column}" for column in COLUMNS)
SELECT_BY_DIGEST: Final = (
    f"SELECT {_NAMED} FROM secrets JOIN keys ON keys.id = secrets.key_id WHERE secrets.digest = ?"  # noqa: S608
)
SELECT_BY_ID: Final = f"SELECT {_NAMED} FROM keys WHERE id = ?"  # noqa: S608
SELECT_ANY: Final = f"SELECT {_NAMED} FROM keys LIMIT 1"  # noqa: S608
SELECT_ALL: Final = f"SELECT {_NAMED} FROM keys ORDER BY created_at DESC, number DESC"  # noqa: S608
INSERT: Final = (
    f"INSERT INTO keys ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{column}' for column in COLUMNS)})"  # noqa: S608
)
UPDATE: Final = (
    f"UPDATE keys SET {', '.join(f'{column} = :{column}' for column in COLUMNS[1:])} WHERE id = :id"  # noqa: S608
)
DELETE: Final = "DELETE FROM keys WHERE id = ?"
SELECT_HOLDER: Final = "SELECT key_id FROM secrets WHERE digest = ?"
INSERT_DIGEST: Final = "INSERT INTO secrets (digest, key_id) VALUES (?, ?)"
RECORD_USE: Final = """
UPDATE keys SET
    use_count = use_count + :count,
    last_used_from = CASE WHEN last_used_at > :at THEN last_used_from ELSE :peer END,
    last_used_at = MAX(COALESCE(last_used_at, :at), :at),
    previous_secret_last_used_at = CASE
        WHEN :previous_at IS NULL THEN previous_secret_last_used_at
        ELSE MAX(COALESCE(previous_secret_last_used_at, :previous_at), :previous_at)
    END
WHERE id = :key_id
"""


def row_of(key: ApiKey) -> dict[str, Any]:
    """The record's columns; raises `ValueError` for a moment that is no number (SQLite makes NaN a NULL)."""
    row = {column: getattr(key, column) for column in COLUMNS}
    if not all(math.isfinite(row[column] or 0.0) for column in ("created_at", *_MOMENTS)):
        raise ValueError("a moment must be a finite number")
    row["scopes"] = json.dumps(sorted(key.scopes))
    row["allow_from"] = json.dumps([str(network) for network in key.allow_from])
    return row


def key_of(row: Sequence[Any]) -> ApiKey:
    """The record a row holds; raises `ValueError` for whatever we would not have written."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["scopes"] = frozenset(_texts(values["scopes"]))
    values["allow_from"] = tuple(ip_network(text) for text in _texts(values["allow_from"]))
    _expect(all(isinstance(values[column], str) for column in _TEXTS))
    _expect(all(isinstance(values[column], float | None) for column in _MOMENTS))
    _expect(isinstance(values["created_at"], float))
    _expect(isinstance(values["use_count"], int))
    _expect(isinstance(values["last_used_from"], str | None))
    _expect(isinstance(values["digest"], bytes))
    _expect(isinstance(values["previous_digest"], bytes | None))
    return ApiKey(**values)


def _texts(value: object) -> list[str]:
    _expect(isinstance(value, str))
    texts = json.loads(str(value))
    _expect(isinstance(texts, list) and all(isinstance(text, str) for text in texts))
    return list(texts)


def _expect(held: bool) -> None:  # noqa: FBT001 - a plain assertion that stays under -O
    if not held:
        raise ValueError("a column holds a value of the wrong kind")
