"""Who may manage which keys. Pure: a manager and what they want in, nothing or a refusal out.

Rules
1. `keyhatch:admin` may do everything, also delete records and grant what it does not hold itself.
2. `keyhatch:write` makes and changes keys, `keyhatch:read` looks at them; write includes read.
3. `keyhatch:own` does both with the keys of its own owner, and sees no others: it is told that there is no
   such key, as for one that does not exist. A key without an owner owns nothing.
4. Nobody gives a key a scope that they do not hold, and nobody gets hold of one that way: whoever gives a key
   a new secret can use it from then on.
5. A key that may manage more than they may is out of their reach.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gateway.core.keys import ApiKey
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


def _beyond(manager: Manager, scopes: Iterable[str]) -> list[str]:
    if manager.is_admin:
        return []
    return sorted(scope for scope in set(scopes) if not includes(manager.scopes, scope))
