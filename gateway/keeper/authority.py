"""Who may manage which keys. Pure: a manager and what they want in, nothing or a refusal out.

Rules
1. `keyhatch:admin` may do everything, also delete records and grant what it does not hold itself.
2. `keyhatch:write` makes and changes keys, `keyhatch:read` looks at them; write includes read.
3. `keyhatch:own` does both with the keys of its own owner, and sees no others: it is told that there is no
   such key, as for one that does not exist. A key without an owner owns nothing.
4. Nobody gives a key a scope that they do not hold, and nobody gets hold of one that way: whoever gives a key
   a new secret can use it from then on.
5. A key that may manage more than they may is out of their reach.
6. To widen is to grant: who lets a key live longer, work from more networks or work again after it was
   switched off must hold what it holds. A key never widens itself, unless it may do everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from math import inf

from gateway.core.keys import ApiKey, Network
from gateway.core.scopes import covers, includes, is_reserved
from gateway.keeper.desk import NotAllowed
from gateway.keeper.ports import KeyNotFound


class Want(Enum):
    """What is wanted of a key."""

    LOOK = "read"
    CHANGE = "write"
    DELETE = "admin"


@dataclass(frozen=True, slots=True)
class Manager:
    """Whoever asks: the key they showed."""

    key_id: str
    name: str
    owner: str
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Rule 1."""
        return covers(self.scopes, "keyhatch:admin")

    @property
    def only_owner(self) -> str | None:
        """The owner whose keys alone they may manage; None where they may look at all."""
        return None if self.may_everywhere(Want.LOOK) else self.owner

    def may_everywhere(self, want: Want) -> bool:
        """Whether they may do this with any key (rules 1 and 2)."""
        enough = {"keyhatch:admin", f"keyhatch:{want.value}"}
        if want is Want.LOOK:
            enough.add("keyhatch:write")
        return any(covers(self.scopes, scope) for scope in enough)

    def may_own(self, want: Want) -> bool:
        """Whether they may do this with keys of their own owner (rule 3)."""
        return bool(self.owner) and want is not Want.DELETE and covers(self.scopes, "keyhatch:own")


def admit(manager: Manager, want: Want) -> None:
    """Return if there is any key they may do this with; raises `NotAllowed`."""
    if not (manager.may_everywhere(want) or manager.may_own(want)):
        raise NotAllowed(f"this takes the scope keyhatch:{want.value}, which your key does not have")


def admit_to(manager: Manager, want: Want, key: ApiKey) -> None:
    """Return if they may do this with this key; raises `NotAllowed`, and `KeyNotFound` as rule 3 has it."""
    admit(manager, want)
    if not manager.may_everywhere(want) and key.owner != manager.owner:
        if manager.may_everywhere(Want.LOOK):
            raise NotAllowed(f"key {key.id} is not yours: this takes the scope keyhatch:{want.value}")
        raise KeyNotFound(f"there is no key with the id {key.id}")
    if want is not Want.LOOK and _beyond(manager, filter(is_reserved, key.scopes)):
        raise NotAllowed(f"key {key.id} may manage more than yours: this takes the scope keyhatch:admin")


def assert_holds(manager: Manager, scopes: Iterable[str]) -> None:
    """Return if they hold all of these grants (rule 4); raises `NotAllowed`."""
    beyond = _beyond(manager, scopes)
    if beyond:
        raise NotAllowed(f"nobody grants more than they hold, and your key does not hold {', '.join(beyond)}")


def assert_may_widen(manager: Manager, before: ApiKey, after: ApiKey) -> None:
    """Return if a change does not widen a key, or they may do that (rule 6); raises `NotAllowed`."""
    if manager.is_admin or not is_wider(before, after):
        return
    if before.id == manager.key_id:
        raise NotAllowed("your key cannot widen itself: ask whoever gave it to you")
    assert_holds(manager, after.scopes)


def is_wider(before: ApiKey, after: ApiKey) -> bool:
    """Whether a key lives longer than before, works from more networks or in paths, or works again."""
    ends = (before.expires_at or inf, after.expires_at or inf)
    works_again = before.disabled_at is not None and after.disabled_at is None
    wider_use = works_again or (after.in_path and not before.in_path)
    return ends[1] > ends[0] or wider_use or not _is_within(after.allow_from, before.allow_from)


def _is_within(networks: tuple[Network, ...], wider: tuple[Network, ...]) -> bool:
    if not wider:
        return True
    return bool(networks) and all(any(_holds(other, one) for other in wider) for one in networks)


def _holds(wider: Network, network: Network) -> bool:
    if isinstance(wider, IPv4Network):
        return isinstance(network, IPv4Network) and network.subnet_of(wider)
    return isinstance(network, IPv6Network) and network.subnet_of(wider)


def _beyond(manager: Manager, scopes: Iterable[str]) -> list[str]:
    if manager.is_admin:
        return []
    return sorted(scope for scope in set(scopes) if not includes(manager.scopes, scope))
