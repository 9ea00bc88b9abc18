"""Who is missing from a store: a key that may manage the others, and one that a caller can use.

Without the first the management API is closed to everybody, without the second the gateway to its callers;
both are easily overlooked. All records are read for it, so a start asks of small stores alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.keys import ApiKey, Status
from gateway.core.scopes import covers, is_reserved

ADMIN_SCOPE: Final = "keyhatch:admin"
NO_MANAGER: Final = "no key may manage the others; `keyhatch admin reset` makes one"
_WORKS: Final = frozenset({Status.ACTIVE, Status.EXPIRING})
_LIVES: Final = _WORKS | {Status.DISABLED}


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether there is no key for callers, and none that may manage all others."""

    caller: bool
    manager: bool


def missing_among(keys: Iterable[ApiKey], now: float) -> Missing:
    """Who is missing among these. One that is switched off is there for its caller, and manages nothing."""
    caller = manager = True
    for key in keys:
        status = key.status(now)
        caller = caller and not (status in _LIVES and _is_for_callers(key))
        manager = manager and not (status in _WORKS and may_manage_all(key))
    return Missing(caller, manager)


def may_manage_all(key: ApiKey) -> bool:
    """Whether the key, while it works, may do everything with every key."""
    return covers(key.scopes, ADMIN_SCOPE)


def _is_for_callers(key: ApiKey) -> bool:
    return not key.scopes or not all(map(is_reserved, key.scopes))
