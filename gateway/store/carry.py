"""What a restore keeps of the store it replaces, so that nothing that ended lives again by accident.

1. A key that was revoked there is revoked after it, one that was deleted there stays deleted.
2. A key that was changed there since (its revision is higher) stays as it is there: switched off, narrowed,
   with its new secret.
3. The audit goes on. Where the backup's end stands in the audit replaced, what was recorded after it is
   kept; a backup never cuts the record off. The restore itself is recorded, and each key that it changed,
   removed or brought.
4. Nothing comes in unseen. A key that only the backup has, a record that differs in it, and one that its own
   audit does not explain are told before, and recorded. After a restore the audit explains every record.

With `as_it_was` 1 and 2 are left out: all keys are as the backup has them. 3 and 4 always hold.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.keys import ApiKey, Status
from gateway.keeper.audit import GENESIS, Act, Described, chained, described
from gateway.store import audit_rows, rows
from gateway.store.carry_credentials import carry_credentials
from gateway.store.judge import keys_in

RESTORE_ACT: Final = "restore"
_DELETED: Final = "SELECT DISTINCT key_id FROM audit WHERE act = 'delete' AND key_id IS NOT NULL"
_DIGESTS: Final = "SELECT digest, key_id FROM secrets WHERE key_id = ?"
_TAIL: Final = audit_rows.SELECT.replace("LIMIT ?", "")
_HASH: Final = "SELECT hash FROM audit WHERE number = ?"
_LAST_OF_KEYS: Final = """
SELECT key_id, after FROM audit
WHERE number IN (SELECT MAX(number) FROM audit WHERE key_id IS NOT NULL GROUP BY key_id)
"""
_LATER_WORDS: Final = {"previous_preview", "previous_until_first_use"}
"""What the first entries did not tell of a key."""
_ADD_DIGEST: Final = "INSERT OR IGNORE INTO secrets (digest, key_id) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Difference:
    """What going back to a backup would undo.

    `ended`: keys that ended or changed since, each as the backup has it and as it is now (None: deleted).
    `lost`: keys that the backup does not know. `gained`: keys that the store in place neither has nor
    deleted. `differing`: records that take effect and differ, each as the backup has it and as it is now,
    though nothing newer in place outweighs them. `audit_goes_on`: one record continues the other.
    """

    ended: tuple[tuple[ApiKey, ApiKey | None], ...]
    lost: tuple[ApiKey, ...]
    gained: tuple[ApiKey, ...]
    differing: tuple[tuple[ApiKey, ApiKey], ...]
    audit_goes_on: bool


def difference(current: sqlite3.Connection, backup: sqlite3.Connection) -> Difference:
    """Compare the store to be replaced with the backup, both current and whole."""
    now = {key.id: key for key in keys_in(current)}
    then = {key.id: key for key in keys_in(backup)}
    deleted = {key_id for (key_id,) in current.execute(_DELETED)}
    ended: list[tuple[ApiKey, ApiKey | None]] = []
    gained: list[ApiKey] = []
    differing: list[tuple[ApiKey, ApiKey]] = []
    for key_id, old in then.items():
        new = now.get(key_id)
        if new is None and key_id in deleted:
            ended.append((old, None))
        elif new is None:
            gained.append(old)
        elif _stays(new, old):
            ended.append((old, new))
        elif _managed(new) != _managed(old):
            differing.append((old, new))
    lost = tuple(key for key_id, key in now.items() if key_id not in then)
    goes_on = _goes_on(current, backup)
    return Difference(tuple(ended), lost, tuple(gained), tuple(differing), audit_goes_on=goes_on)


def unexplained(store: sqlite3.Connection) -> tuple[ApiKey, ...]:
    """Records that the last entry of the audit about them tells otherwise, or that none tells of."""
    last = dict(store.execute(_LAST_OF_KEYS))
    return tuple(key for key in keys_in(store) if not _explains(last.get(key.id), key))


def ending(old: ApiKey, new: ApiKey | None, now: float) -> str | None:
    """In a word, what became of a key since the backup; None where it does not live in that either."""
    if old.status(now) in {Status.REVOKED, Status.EXPIRED}:
        return None
    if new is None:
        return "deleted"
    if new.revoked_at is not None:
        return "revoked"
    if new.disabled_at is not None and old.disabled_at is None:
        return "disabled"
    return "rotated" if new.digest != old.digest else "changed"


def carry(
    draft: sqlite3.Connection,
    current: sqlite3.Connection,
    found: Difference,
    act: Act,
    *,
    as_it_was: bool,
) -> None:
    """Make the draft, a copy of the backup, what the restored store shall be: one transaction."""
    draft.execute("BEGIN IMMEDIATE")
    if found.audit_goes_on:
        _continue(draft, current)
    _tell(draft, act, None, None, None)
    for old, new in found.ended:
        if as_it_was:
            _tell(draft, act, old.id, new, old)
        else:
            _keep(draft, current, old, new)
            if not found.audit_goes_on:
                _tell(draft, act, old.id, old, new)
    for key in found.gained:
        _tell(draft, act, key.id, None, key)
    for old, now in found.differing:
        _tell(draft, act, old.id, now, old)
    for key in found.lost:
        _tell(draft, act, key.id, key, None)
    _explain(draft, act)
    carry_credentials(draft, current, lambda was, is_: _tell(draft, act, None, was, is_), as_it_was=as_it_was)
    draft.execute("COMMIT")


def note(draft: sqlite3.Connection, act: Act) -> None:
    """Record the restore where nothing can be compared, and what the backup's audit does not explain."""
    draft.execute("BEGIN IMMEDIATE")
    _tell(draft, act, None, None, None)
    _explain(draft, act)
    draft.execute("COMMIT")


def _explain(draft: sqlite3.Connection, act: Act) -> None:
    """The audit tells how each record stands now, from the restore on."""
    for key in unexplained(draft):
        _tell(draft, act, key.id, None, key)


def _explains(after: str | None, key: ApiKey) -> bool:
    told = {} if after is None else {"in_path": False, **json.loads(after)}
    stands = described(key) or {}
    return stands.keys() - told.keys() <= _LATER_WORDS and all(
        told[word] == value for word, value in stands.items() if word in told
    )


def _stays(new: ApiKey, old: ApiKey) -> bool:
    """Whether the record in the store replaced outweighs the backup's. To be revoked outweighs all."""
    if (new.revoked_at is None) != (old.revoked_at is None):
        return new.revoked_at is not None
    return new.revision > old.revision and _managed(new) != _managed(old)


def _managed(key: ApiKey) -> Mapping[str, object]:
    """A record without what its uses leave in it."""
    unused = replace(
        key,
        use_count=0,
        revision=1,
        last_used_at=None,
        last_used_from=None,
        previous_secret_last_used_at=None,
        previous_secret_last_used_from=None,
    )
    return rows.row_of(unused)


def _goes_on(current: sqlite3.Connection, backup: sqlite3.Connection) -> bool:
    last = backup.execute(audit_rows.SELECT_LAST).fetchone()
    return last is None or current.execute(_HASH, (last[0],)).fetchone() == (last[1],)


def _continue(draft: sqlite3.Connection, current: sqlite3.Connection) -> None:
    number, _ = _last(draft)
    draft.executemany(audit_rows.INSERT, current.execute(_TAIL, (number,)))


def _keep(draft: sqlite3.Connection, current: sqlite3.Connection, old: ApiKey, new: ApiKey | None) -> None:
    if new is None:
        draft.execute(rows.DELETE, (old.id,))
        return
    draft.execute(rows.UPDATE, rows.row_of(new))
    draft.executemany(_ADD_DIGEST, current.execute(_DIGESTS, (new.id,)))


def _last(draft: sqlite3.Connection) -> tuple[int, bytes]:
    return draft.execute(audit_rows.SELECT_LAST).fetchone() or (0, GENESIS)


def _tell(
    draft: sqlite3.Connection,
    act: Act,
    key_id: str | None,
    before: ApiKey | Described | None,
    after: ApiKey | Described | None,
) -> None:
    number, previous = _last(draft)
    entry = chained(number + 1, previous, act, key_id, before, after)
    draft.execute(audit_rows.INSERT, audit_rows.row_of(entry))
