"""Vaults for tests: over a store in memory, with a key that repeats and upstreams that answer as told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.keeper.credential_uses import CredentialUses
from gateway.keeper.credentials import CredentialStore, SealedCredential, Trial
from gateway.keeper.seal import VaultKey
from gateway.keeper.vault import Vault
from gateway.service.lender import judge
from gateway.store.memory import MemoryKeyStore
from tests.support.records import NOW, StillClock, repeatable_entropy

RAW = bytes(range(32))
OTHER_RAW = bytes(range(1, 33))
VALUE = "sk-real-0123456789abcdef"


def sealed(name: str = "openai", value: str = VALUE, version: int = 1, raw: bytes = RAW) -> SealedCredential:
    """A credential as a store has it."""
    key = VaultKey.of(raw)
    return key.seal(name, version, value, at=NOW, by="host:1000", entropy=repeatable_entropy())


@dataclass
class VaultStand:
    """A vault and what stands around it."""

    store: CredentialStore = field(default_factory=MemoryKeyStore)
    clock: StillClock = field(default_factory=StillClock)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"openai": ("main", "second")})
    trials: list[Trial] = field(default_factory=list)
    changes: int = 0
    store_errors: int = 0

    def __post_init__(self) -> None:
        self.uses = CredentialUses(self.store, self.clock, self._count_error)
        self.vault = Vault(
            self.store,
            self.clock,
            entropy=repeatable_entropy(),
            judge=judge,
            users=lambda: self.users,
            trial=self._try,
            on_change=self._count,
            uses=self.uses,
        )
        self.vault.unlock(RAW)

    async def _try(self, _name: str) -> list[Trial]:
        return self.trials

    def _count(self) -> None:
        self.changes += 1

    def _count_error(self) -> None:
        self.store_errors += 1
