"""The vault: keeps the credentials of upstreams sealed in the store, and tells them to nobody but their use.

1. A value comes in by `put_credential` and goes out by `reveal`, to be put into requests. No answer of the
   desk holds one.
2. Without its key, or with another one, the vault is locked: records can be listed and removed, none can be
   revealed, and nothing else of the gateway is the worse for it. With the key back they open again.
3. What is changed counts at once: `on_change` is called when it is written, and never before.
4. Acts are recorded, without values. Changes are made one after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.core.policy import moment
from gateway.keeper.audit import HOST, Act, ActName
from gateway.keeper.credential_uses import CredentialUses
from gateway.keeper.credentials import (
    CredentialNotFound,
    CredentialRecord,
    CredentialState,
    CredentialStore,
    SealedCredential,
    Trial,
    TrialResult,
)
from gateway.keeper.desk import Problem, RuleBroken, StateConflict
from gateway.keeper.ports import Clock
from gateway.keeper.seal import Damaged, VaultKey

NO_KEY: Final = "no vault.key_file and no vault.key is configured"
OTHER_KEY: Final = "it was sealed with another vault key: put that one back and reload, or set it anew"
DAMAGED: Final = "it cannot be opened, although the key is right: set it anew, or restore a backup"

Users = Callable[[], Mapping[str, tuple[str, ...]]]
"""Which upstreams are lent each credential, by its name."""

Try = Callable[[str], Awaitable[list[Trial]]]
"""Show the credential of this name to its upstreams."""

Judge = Callable[[str, str], tuple[Problem, ...]]
"""What is wrong with a name and a value."""


@dataclass(slots=True)
class _Held:
    """What all who act at one vault share."""

    records: dict[str, SealedCredential] = field(default_factory=dict)
    key: VaultKey | None = None
    problem: str = NO_KEY
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Vault:
    """The desk over a store; `hold` gives it the records, `lock` and `unlock` say which key it has."""

    def __init__(
        self,
        store: CredentialStore,
        clock: Clock,
        *,
        entropy: Callable[[int], bytes],
        judge: Judge,
        users: Users,
        trial: Try,
        on_change: Callable[[], None],
        uses: CredentialUses,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._judge = judge
        self._users = users
        self._try = trial
        self._on_change = on_change
        self._uses = uses
        self._held = _Held()
        self.actor = HOST
        self.request_id: str | None = None

    def hold(self, records: Iterable[SealedCredential]) -> None:
        """These are the records of the store."""
        self._held.records = {each.name: each for each in records}

    def unlock(self, raw: bytes) -> None:
        """From now on this is the vault's key."""
        self._held.key, self._held.problem = VaultKey.of(raw), ""

    def lock(self, problem: str) -> None:
        """From now on there is no key; `problem` says why and what to do."""
        self._held.key, self._held.problem = None, problem

    def reveal(self, name: str) -> str | None:
        """The value of a credential; None if it is not there or cannot be opened."""
        record, key = self._held.records.get(name), self._held.key
        if record is None or key is None or not key.opens(record):
            return None
        try:
            return key.open(record)
        except Damaged:
            return None

    def why_not(self, name: str) -> str:
        """Why a credential cannot be revealed, and the mend; empty where it can."""
        record = self._held.records.get(name)
        if record is None:
            return (
                f"there is no credential {name!r} in the vault: set it with `keyhatch credentials set {name}`"
            )
        return self._told(record).why if self.reveal(name) is None else ""

    # --- The desk

    def acting(self, actor: str, request_id: str | None = None) -> "Vault":
        """The same vault, for somebody whose acts are recorded under this name."""
        desk = copy(self)
        desk.actor, desk.request_id = actor, request_id
        return desk

    async def list_credentials(self) -> list[CredentialRecord]:
        """All of them, by name."""
        return [self._told(self._held.records[name]) for name in sorted(self._held.records)]

    async def get_credential(self, name: str) -> CredentialRecord:
        """One of them; raises `CredentialNotFound`."""
        return self._told(self._known(name))

    async def put_credential(self, name: str, value: str) -> CredentialRecord:
        """Set or replace one."""
        problems = self._judge(name, value)
        if problems:
            told = "; ".join(f"{each.field} {each.message}" for each in problems)
            raise RuleBroken(f"this cannot be kept: {told}", problems)
        async with self._held.changing:
            key = self._held.key
            if key is None:
                raise StateConflict(f"the vault is locked: {self._held.problem}")
            before = self._held.records.get(name)
            version = 1 if before is None else before.version + 1
            now = self._clock.now()
            sealed = key.seal(name, version, value, at=now, by=self.actor, entropy=self._entropy)
            await self._finish(self._write([sealed], "set_credential"))
        return self._told(self._held.records[name])

    async def remove_credential(self, name: str) -> CredentialRecord:
        """Remove one, and tell what it was."""
        async with self._held.changing:
            told = self._told(self._known(name))
            await self._finish(self._remove(name))
        return told

    async def test_credential(self, name: str) -> list[Trial]:
        """Show it to each upstream that is lent it. What they say counts as it does of any use."""
        self._known(name)
        trials = await self._try(name)
        results = {trial.result for trial in trials}
        if TrialResult.REFUSED in results:
            self._uses.refuse(name)
        elif TrialResult.ACCEPTED in results:
            self._uses.accept(name)
        return trials

    async def rekey(self, raw: bytes) -> int:
        """Seal all anew with another key, which is the vault's from then on; how many there were.

        Raises `StateConflict` where one cannot be opened, and then none was changed.
        """
        async with self._held.changing:
            new, opened = VaultKey.of(raw), {name: self.reveal(name) for name in sorted(self._held.records)}
            locked = [name for name, value in opened.items() if value is None]
            if locked:
                raise StateConflict(f"these cannot be opened, so nothing was changed: {', '.join(locked)}")
            sealed = [self._sealed_anew(new, name, value or "") for name, value in opened.items()]
            await self._finish(self._write(sealed, "rekey", new))
        return len(sealed)

    # --- Within

    def _sealed_anew(self, key: VaultKey, name: str, value: str) -> SealedCredential:
        old = self._held.records[name]
        return key.seal(name, old.version + 1, value, at=old.set_at, by=old.set_by, entropy=self._entropy)

    async def _finish(self, write: Awaitable[None]) -> None:
        """What was begun is written to its end, even if whoever asked has left."""
        await asyncio.shield(asyncio.ensure_future(write))

    async def _write(
        self, sealed: list[SealedCredential], name: ActName, key: VaultKey | None = None
    ) -> None:
        await self._store.put_credentials(sealed, self._act(name))
        for each in sealed:
            if key is None:
                self._uses.forget(each.name)
            before = self._held.records.get(each.name)
            used = None if before is None else before.last_used_at
            self._held.records[each.name] = replace(each, last_used_at=used)
        if key is not None:
            self._held.key, self._held.problem = key, ""
        self._on_change()

    async def _remove(self, name: str) -> None:
        await self._store.remove_credential(name, self._act("remove_credential"))
        self._uses.forget(name)
        del self._held.records[name]
        self._on_change()

    def _act(self, name: ActName) -> Act:
        return Act(name, self.actor, self.request_id, self._clock.now())

    def _known(self, name: str) -> SealedCredential:
        record = self._held.records.get(name)
        if record is None:
            raise CredentialNotFound(f"there is no credential of this name in the vault: {name[:64]!r}")
        return record

    def _told(self, sealed: SealedCredential) -> CredentialRecord:
        sealed = self._uses.latest(sealed)
        state, why = self._state_of(sealed)
        return CredentialRecord(
            sealed.name,
            sealed.preview,
            state,
            sealed.set_at,
            sealed.set_by,
            sealed.last_used_at,
            sealed.refused_at,
            self._users().get(sealed.name, ()),
            why,
        )

    def _state_of(self, sealed: SealedCredential) -> tuple[CredentialState, str]:
        key = self._held.key
        if key is None:
            return CredentialState.LOCKED, self._held.problem
        if not key.opens(sealed):
            return CredentialState.LOCKED, OTHER_KEY
        try:
            key.open(sealed)
        except Damaged:
            return CredentialState.DAMAGED, DAMAGED
        if sealed.refused_at is not None:
            since = moment(sealed.refused_at)
            return CredentialState.REFUSED, f"its upstream refuses it since {since}: set another"
        return CredentialState.OK, ""
