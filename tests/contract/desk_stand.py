"""A desk to hold to the contract: one that holds the store, or one that asks it over the control socket."""

from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.keys import ApiKey, Secret
from gateway.core.refusal import Reason
from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.keeper.keyring import Keyring
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock, repeatable_entropy

DAY_S = 86_400.0


@dataclass
class Stand:
    """A desk and what stands behind it."""

    desk: KeyDesk
    store: MemoryKeyStore
    clock: StillClock
    told: list[tuple[str, ApiKey | None]] = field(default_factory=list)
    imported: dict[bytes, str] = field(default_factory=dict)

    async def make(self, name: str = "laptop", **fields: Any) -> tuple[ApiKey, Secret]:
        return await self.desk.create(replace(KeyDraft(name=name), **fields))

    async def reason(self, secret: Secret) -> Reason | None:
        return (await self.desk.verify(secret.reveal())).reason


SIGNING = bytes(range(32))


def near(clock: StillClock) -> Stand:
    """A stand whose desk holds the store."""
    store = MemoryKeyStore()
    told: list[tuple[str, ApiKey | None]] = []
    imported: dict[bytes, str] = {}
    keyring = Keyring(
        store,
        clock,
        prefix="kh",
        default_expiry_s=90 * DAY_S,
        max_active_per_owner=3,
        catalogue={"models:read": "List models", "chat:write": "Ask"},
        entropy=repeatable_entropy(),
        on_change=lambda key_id, key: told.append((key_id, key)),
        on_import=imported.update,
        signing=lambda: SIGNING,
    )
    return Stand(keyring, store, clock, told, imported)
