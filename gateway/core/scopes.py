"""Scopes: `resource:action` or one word, the wildcards a key may hold, and what covers what.

A route needs plain scopes; a key may hold plain scopes, `chat:*` (every action on chat), `*:read` (that
action on everything) or `*`. A scope of one word (`admin`) has neither resource nor action: it is covered by
itself and by `*`, and by nothing else.

The resource `keyhatch` is reserved for managing the gateway itself: no wildcard over resources reaches it,
so that a key made for an application with `*` never becomes an administrator by accident
(docs/decisions/0004). `keyhatch:*` has to be said in so many words.
"""

import re
from collections.abc import Iterable
from typing import Final

RESERVED_RESOURCE: Final = "keyhatch"
RESERVED_SCOPES: Final = {
    "keyhatch:own": "See and manage the keys of one's own owner",
    "keyhatch:read": "Read keys, usage and the audit log",
    "keyhatch:write": "Create, change and revoke keys",
    "keyhatch:admin": "Everything, including deleting records and granting management scopes",
}

_WORD = r"[a-z0-9][a-z0-9._-]{0,63}"
_PLAIN: Final = re.compile(rf"{_WORD}(?::{_WORD})?")
_GRANT: Final = re.compile(rf"\*|{_WORD}(?::(?:{_WORD}|\*))?|\*:{_WORD}")


def is_scope(text: str) -> bool:
    """Whether the text is a plain scope, as a catalogue or a route names it."""
    return _PLAIN.fullmatch(text) is not None and text != RESERVED_RESOURCE


def is_grant(text: str) -> bool:
    """Whether the text is something a key may hold: a plain scope or a wildcard over scopes."""
    return _GRANT.fullmatch(text) is not None and text != RESERVED_RESOURCE


def is_reserved(grant: str) -> bool:
    """Whether a grant reaches into the management of keys."""
    return grant.partition(":")[0] == RESERVED_RESOURCE


def coverers(scope: str) -> frozenset[str]:
    """Every grant that covers this plain scope. A key passes if it holds any one of them."""
    resource, _, action = scope.partition(":")
    if not action:
        return frozenset({scope, "*"})
    within = {scope, f"{resource}:*"}
    if resource == RESERVED_RESOURCE:
        return frozenset(within)
    return frozenset(within | {f"*:{action}", "*"})


def covers(held: Iterable[str], scope: str) -> bool:
    """Whether the grants held cover the plain scope."""
    return not coverers(scope).isdisjoint(held)


def includes(held: Iterable[str], grant: str) -> bool:
    """Whether whoever holds these grants holds all that this one, wildcard or not, would give."""
    held = frozenset(held)
    resource, _, action = grant.partition(":")
    if grant == "*" or resource == "*":
        return not held.isdisjoint({grant, "*"})
    if action == "*":
        return grant in held or (resource != RESERVED_RESOURCE and "*" in held)
    return covers(held, grant)


def unknown_grants(grants: Iterable[str], catalogue: Iterable[str]) -> list[str]:
    """The grants that reach nothing in the catalogue (reserved scopes are always in it), sorted."""
    known = [*catalogue, *RESERVED_SCOPES]
    reached = frozenset().union(*(coverers(scope) for scope in known)) | {"*"}
    return sorted(grant for grant in set(grants) if grant not in reached)
