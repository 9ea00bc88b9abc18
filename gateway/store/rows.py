"""Records as rows: the columns, the statements that name them, and the way there and back.

What cannot be read back exactly is an error, never a guess: a record whose networks or expiry were lost would
be a key that opens too much.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_network
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from gateway.core.keys import EXPIRING_WINDOW_S, ApiKey, Network
from gateway.keeper.bounds import COUNT_MAX, are_moments
from gateway.keeper.ports import KeyQuery, Use

Row = tuple[Any, ...]

_TEXT: Final = (str,)
_MOMENT: Final = (float, NoneType)
_KIND_OF: Final[dict[str, tuple[type, ...]]] = {
    "id": _TEXT,
    "name": _TEXT,
    "preview": _TEXT,
    "digest": (bytes,),
    "scopes": _TEXT,
    "created_at": (float,),
    "created_by": _TEXT,
    "owner": _TEXT,
    "note": _TEXT,
    "allow_from": _TEXT,
    "expires_at": _MOMENT,
    "disabled_at": _MOMENT,
    "revoked_at": _MOMENT,
    "rotated_at": _MOMENT,
    "previous_digest": (bytes, NoneType),
    "previous_preview": (str, NoneType),
    "previous_secret_valid_until": _MOMENT,
    "previous_until_first_use": (int,),
    "previous_secret_last_used_at": _MOMENT,
    "previous_secret_last_used_from": (str, NoneType),
    "last_used_at": _MOMENT,
    "last_used_from": (str, NoneType),
    "use_count": (int,),
    "revision": (int,),
    "in_path": (int,),
}
COLUMNS: Final = tuple(_KIND_OF)
_SWITCHES: Final = ("previous_until_first_use", "in_path")
_KINDS: Final = tuple(_KIND_OF.values())
_MOMENTS: Final = itemgetter(*(at for at, kinds in enumerate(_KINDS) if float in kinds))
_COUNTS: Final = itemgetter(*(COLUMNS.index(column) for column in ("use_count", "revision")))

NAMED: Final = ", ".join(f"keys.{column}" for column in COLUMNS)
SELECT_BY_DIGEST: Final = (
    f"SELECT {NAMED} FROM secrets JOIN keys ON keys.id = secrets.key_id WHERE secrets.digest = ?"  # noqa: S608
)
SELECT_BY_ID: Final = f"SELECT {NAMED} FROM keys WHERE id = ?"  # noqa: S608
SELECT_ANY: Final = f"SELECT {NAMED} FROM keys LIMIT 1"  # noqa: S608
SELECT_ALL: Final = f"SELECT {NAMED} FROM keys ORDER BY created_at DESC, number DESC"  # noqa: S608
_STATUS: Final = """
CASE
    WHEN revoked_at IS NOT NULL THEN 'revoked'
    WHEN expires_at <= :now THEN 'expired'
    WHEN disabled_at IS NOT NULL THEN 'disabled'
    WHEN expires_at - :window <= :now THEN 'expiring'
    ELSE 'active'
END
"""
"""`ApiKey.status` in SQL, so that nobody has to read every record of a large store."""
COUNT_BY_STATUS: Final = f"SELECT {_STATUS} AS status, COUNT(*) FROM keys GROUP BY status"  # noqa: S608
INSERT: Final = (
    f"INSERT INTO keys ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{column}' for column in COLUMNS)})"  # noqa: S608
)
UPDATE: Final = (
    f"UPDATE keys SET {', '.join(f'{column} = :{column}' for column in COLUMNS[1:])} WHERE id = :id"  # noqa: S608
)
SELECT_BY_NAME: Final = f"SELECT {NAMED} FROM keys WHERE name = ? ORDER BY number DESC LIMIT ?"  # noqa: S608
COUNT_LIVING: Final = """
SELECT COUNT(*) FROM keys
WHERE owner = :owner AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
"""
SELECT_PAGE: Final = f"""
SELECT number, {NAMED}, {_STATUS} AS status FROM keys
WHERE (:before IS NULL OR number < :before)
    AND (:owner IS NULL OR owner = :owner)
    AND (:used_since IS NULL OR last_used_at >= :used_since OR id IN (SELECT value FROM json_each(:used)))
    AND (:unused_since IS NULL OR created_at <= :unused_since
        AND (last_used_at IS NULL OR last_used_at < :unused_since)
        AND id NOT IN (SELECT value FROM json_each(:not_unused)))
    AND (:text IS NULL OR instr(folded(name), :text) OR instr(folded(owner), :text)
        OR instr(folded(note), :text) OR instr(folded(preview), :text))
    AND CASE :status WHEN 'all' THEN TRUE WHEN '' THEN status <> 'revoked' ELSE status = :status END
ORDER BY number DESC LIMIT :limit
"""  # noqa: S608
"""Which of 10,000 keys were used in the last seconds is told in 2 ms, without an index on a column that
changes with every use; in 8 ms where all of them have uses that are not written yet."""
DELETE: Final = "DELETE FROM keys WHERE id = ?"
SELECT_HOLDER: Final = "SELECT key_id FROM secrets WHERE digest = ?"
INSERT_DIGEST: Final = "INSERT INTO secrets (digest, key_id) VALUES (?, ?)"
RECORD_USE: Final = """
UPDATE keys SET
    use_count = use_count + :count,
    last_used_from = CASE WHEN last_used_at > :at THEN last_used_from ELSE :peer END,
    last_used_at = MAX(COALESCE(last_used_at, :at), :at),
    previous_secret_last_used_from = CASE
        WHEN :previous_at IS NULL OR previous_secret_last_used_at > :previous_at
            THEN previous_secret_last_used_from
        ELSE :previous_peer
    END,
    previous_secret_last_used_at = CASE
        WHEN :previous_at IS NULL THEN previous_secret_last_used_at
        ELSE MAX(COALESCE(previous_secret_last_used_at, :previous_at), :previous_at)
    END
WHERE id = :key_id
"""


def row_of(key: ApiKey) -> dict[str, Any]:
    """The record's columns; raises `ValueError` for what could not be read back (SQLite makes NaN a NULL)."""
    row = {column: getattr(key, column) for column in COLUMNS}
    _assert_bounds(tuple(row.values()))
    for switch in _SWITCHES:
        row[switch] = int(row[switch])
    row["scopes"] = json.dumps(sorted(key.scopes))
    row["allow_from"] = json.dumps([str(network) for network in key.allow_from])
    return row


def page_asked(query: KeyQuery) -> dict[str, Any]:
    """The values of `SELECT_PAGE`."""
    return {
        "now": query.now,
        "window": EXPIRING_WINDOW_S,
        "status": query.status or "",
        "owner": query.owner,
        "text": None if query.text is None else query.text.lower(),
        "used_since": query.used_since,
        "used": _ids_used(query.uses, query.used_since),
        "unused_since": query.unused_since,
        "not_unused": _ids_used(query.uses, query.unused_since),
        "limit": query.limit,
        "before": query.before,
    }


def _ids_used(uses: Mapping[str, float], since: float | None) -> str:
    return json.dumps([key_id for key_id, at in uses.items() if since is not None and at >= since])


def use_row_of(use: Use) -> dict[str, Any]:
    """The use by its names; `asdict` would take fifteen times as long."""
    return {
        "key_id": use.key_id,
        "at": use.at,
        "peer": use.peer,
        "count": use.count,
        "previous_at": use.previous_at,
        "previous_peer": use.previous_peer,
    }


def key_of(row: Sequence[Any]) -> ApiKey:
    """The record a row holds; raises `ValueError` for whatever we would not have written."""
    if len(row) != len(COLUMNS) or any(map(_is_wrong, row, _KINDS)):
        raise ValueError("a column holds a value of the wrong kind")
    _assert_bounds(row)
    values = dict(zip(COLUMNS, row, strict=True))
    values["scopes"] = _scopes(values["scopes"])
    values["allow_from"] = _networks(values["allow_from"])
    for switch in _SWITCHES:
        values[switch] = bool(values[switch])
    return ApiKey(**values)


def _assert_bounds(row: Sequence[Any]) -> None:
    if not are_moments(_MOMENTS(row)):
        raise ValueError("a moment must be a finite number of seconds, from 1970 to the year 9999")
    if max(_COUNTS(row)) > COUNT_MAX:
        raise ValueError("a count is too large to be exact")


def _is_wrong(value: object, kinds: tuple[type, ...]) -> bool:
    return type(value) not in kinds


# Most keys share their scopes and networks with others; reading a long list is four times faster so.
@lru_cache(maxsize=1024)
def _scopes(value: str) -> frozenset[str]:
    return frozenset(_texts(value))


@lru_cache(maxsize=1024)
def _networks(value: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in _texts(value))


def _texts(value: str) -> list[str]:
    texts = json.loads(value)
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise ValueError("a column holds a value of the wrong kind")
    return texts
