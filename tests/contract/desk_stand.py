"""A desk to hold to the contract: one that holds the store, or one that asks it over the control socket."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.core.keys import ApiKey, Secret
from gateway.core.refusal import Reason
from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock

DAY_S = 86_400.0


@dataclass
class Stand:
    """A desk and what stands behind it."""

    desk: KeyDesk
    store: MemoryKeyStore
    clock: StillClock
    told: list[tuple[str, ApiKey | None]]

    async def make(self, name: str = "laptop", **fields: Any) -> tuple[ApiKey, Secret]:
        return await self.desk.create(replace(KeyDraft(name=name), **fields))

    async def reason(self, secret: Secret) -> Reason | None:
        return (await self.desk.verify(secret.reveal())).reason
