"""The record of what was done with keys: who, what, when, and how the key stood before and after.

Each entry is chained to the one before it by SHA-256, so one that was changed, left out or put in later is
found by whoever reads the chain from its beginning (`verify_chain`). What a chain cannot tell by itself is
that its end was cut off: note its last number and hash elsewhere, and give them to the next verification.

Everything here is pure. The store writes an entry in the transaction of the change that it tells of, so there
is never the one without the other. No entry holds a secret or a digest.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from gateway.core.keys import ApiKey

GENESIS: Final = bytes(32)
"""What stands before the first entry."""

HOST: Final = "host"
"""The actor where nobody else is known: whoever may read and write the store's file on this machine."""

ActName = Literal[
    "create",
    "edit",
    "disable",
    "enable",
    "rotate",
    "first_use",
    "finish_rotation",
    "undo_rotation",
    "revoke",
    "delete",
    "import",
    "restore",
    "set_credential",
    "remove_credential",
    "rekey",
    "drain",
    "resume",
]
ACTS: Final[tuple[ActName, ...]] = get_args(ActName)
"""Whatever can be done with keys, by the name that entries have for it. A store is restored in one entry.

What is done with credentials of upstreams is about no key; `rekey` seals one anew with another vault key.
Nor are `drain` and `resume`, which take a target of an upstream out and back.
"""

Described = Mapping[str, Any]


def host_actor(uid: int | None) -> str:
    """The name of a user of this machine, where the system tells which."""
    return HOST if uid is None else f"{HOST}:{uid}"


@dataclass(frozen=True, slots=True)
class Once:
    """What makes an act happen once however often it is asked for: a name that the actor gave it.

    `fingerprint`: 32 bytes that tell what was asked, so that another question under the name is noticed.
    """

    name: str
    fingerprint: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Act:
    """What is being done, by whom (a key's id, or `host`), in which request, and when (seconds, UTC)."""

    name: ActName
    actor: str = HOST
    request_id: str | None = None
    at: float = 0.0
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. `before` is None where a key was made, `after` where it was deleted. `at` in seconds, UTC."""

    number: int
    at: float
    actor: str
    act: str
    key_id: str | None
    request_id: str | None
    before: Described | None
    after: Described | None
    previous: bytes = field(repr=False)
    hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries are wanted: at most `limit`, oldest first unless `newest_first`.

    `after`: the number of the last entry that is known already, 0 for none. What comes next in that order is
    told. `actor` and `act` stand there exactly so.
    """

    after: int = 0
    limit: int = 100
    key_id: str | None = None
    act: ActName | None = None
    actor: str | None = None
    newest_first: bool = False


FIRST_ENTRIES: Final = AuditQuery()


class ChainBroken(Exception):
    """An entry does not follow from the one before it. `number` is the entry."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def described(key: ApiKey | None) -> Described | None:
    """What an entry says of a key: all that management can change."""
    if key is None:
        return None
    return {
        "name": key.name,
        "preview": key.preview,
        "owner": key.owner,
        "note": key.note,
        "scopes": sorted(key.scopes),
        "allow_from": [str(network) for network in key.allow_from],
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "revoked_at": key.revoked_at,
        "rotated_at": key.rotated_at,
        "previous_preview": key.previous_preview,
        "previous_secret_valid_until": key.previous_secret_valid_until,
        "previous_until_first_use": key.previous_until_first_use,
        "in_path": key.in_path,
    }


def chained(
    number: int,
    previous: bytes,
    act: Act,
    key_id: str | None,
    before: ApiKey | Described | None,
    after: ApiKey | Described | None,
) -> AuditEntry:
    """The entry that follows `previous`."""
    entry = AuditEntry(
        number,
        float(act.at),
        act.actor,
        act.name,
        key_id,
        act.request_id,
        described(before) if isinstance(before, ApiKey) else before,
        described(after) if isinstance(after, ApiKey) else after,
        previous,
        b"",
    )
    return replace(entry, hash=_hash_of(entry))


def verify_chain(
    entries: Iterable[AuditEntry], number: int = 0, previous: bytes = GENESIS
) -> tuple[int, bytes]:
    """The last number and hash of entries that follow `previous`; raises `ChainBroken`."""
    for entry in entries:
        if entry.number != number + 1:
            raise ChainBroken(number + 1, f"entry {number + 1} is missing: entry {entry.number} comes next")
        if entry.previous != previous or _hash_of(entry) != entry.hash:
            raise ChainBroken(entry.number, f"entry {entry.number} was changed, or one before it was")
        number, previous = entry.number, entry.hash
    return number, previous


def changes(entry: AuditEntry) -> list[str]:
    """The names of what an entry changed; all that is not empty where a key was made or deleted."""
    before, after = entry.before or {}, entry.after or {}
    return [name for name in {**before, **after} if (before.get(name) or None) != (after.get(name) or None)]


def as_data(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON has it, hashes in hexadecimal: whoever reads it can verify it."""
    return {
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "act": entry.act,
        "key_id": entry.key_id,
        "request_id": entry.request_id,
        "before": entry.before,
        "after": entry.after,
        "previous": entry.previous.hex(),
        "hash": entry.hash.hex(),
    }


def _hash_of(entry: AuditEntry) -> bytes:
    """Over what stands before and the content, in one spelling: JSON without blanks, names sorted, ASCII."""
    place = (entry.number, entry.at, entry.actor, entry.act, entry.key_id, entry.request_id)
    content = json.dumps((*place, entry.before, entry.after), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(entry.previous + content.encode("ascii")).digest()
