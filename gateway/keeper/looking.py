"""The part of the keyring that looks: at records, at what a text is, at what was done and used.

Every answer shows uses that are not written yet. Nothing here changes anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gateway.core.credentials import NOTHING_TO_STRIP, Findings, Shown, choose, forgive
from gateway.core.keys import ApiKey, Status, shape_of
from gateway.core.policy import standing
from gateway.core.providers import looks_like
from gateway.core.refusal import Deny, Reason
from gateway.keeper.audit import FIRST_ENTRIES, AuditEntry, AuditQuery
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.desk import NameAmbiguous, RuleBroken, StatusFilter, Verification, holds_secret, quoted
from gateway.keeper.ports import Clock, KeyNotFound, KeyQuery, KeyStore, OnceDone
from gateway.keeper.terms import Rules, is_id
from gateway.keeper.usage_days import UsageDays

_NAMED_MAX: Final = 10


class LookingKeys(ABC):
    """What `gateway.keeper.keyring.Keyring` has for looking."""

    rules: Rules
    actor: str
    _store: KeyStore
    _clock: Clock
    _latest: Callable[[ApiKey], ApiKey]
    _unwritten: Callable[[], Mapping[str, float]]
    _days: UsageDays

    @abstractmethod
    async def imported_digest(self, text: str) -> bytes | None:
        """The digest of an imported secret, None for any other text."""

    async def list_keys(self, status: StatusFilter = None, owner: str | None = None) -> list[ApiKey]:
        """Records, newest first: of one status, all, or (None) those not revoked; of one owner, if named."""
        now = self._clock.now()
        return [
            self._latest(key)
            for key in await self._store.list_keys()
            if owner in (None, key.owner) and _is_listed(key.status(now), status)
        ]

    async def page(
        self,
        *,
        status: StatusFilter = None,
        owner: str | None = None,
        text: str | None = None,
        used_since: float | None = None,
        unused_since: float | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[tuple[int, ApiKey]]:
        """Records with their numbers, newest first (`gateway.keeper.ports.KeyQuery`).

        A use that lands in the store meanwhile counts all the same: it was seen before the store was asked.
        """
        asks_for_uses = used_since is not None or unused_since is not None
        query = KeyQuery(
            now=self._clock.now(),
            status=status,
            owner=owner,
            text=text,
            used_since=used_since,
            unused_since=unused_since,
            uses=self._unwritten() if asks_for_uses else {},
            limit=limit,
            before=before,
        )
        return [(number, self._latest(key)) for number, key in await self._store.page(query)]

    async def done_once(self, name: str) -> OnceDone | None:
        """What whoever acts here did under this name, as long as it is remembered."""
        return await self._store.find_once(self.actor, name)

    async def resolve(self, id_or_name: str) -> ApiKey:
        """The one record that is meant; raises `KeyNotFound` or `NameAmbiguous`."""
        return self._latest(await self._find(id_or_name))

    async def get(self, key_id: str) -> ApiKey:
        """The record with this id; raises `KeyNotFound`."""
        key = await self._store.get(key_id)
        if key is None:
            raise KeyNotFound(f"there is no key with the id {key_id}")
        return self._latest(key)

    async def holder_of(self, digest: bytes) -> ApiKey | None:
        """The record that a secret with this digest leads to, living or dead."""
        key = await self._store.find_by_digest(digest)
        return None if key is None else self._latest(key)

    async def verify(self, text: str) -> Verification:
        """Say what a text is and why it would be refused now, judged as a request would be."""
        text = forgive(text)
        prefix = self.rules.prefix
        shape = shape_of(text, prefix)
        imported = None if text.startswith(f"{prefix}_") else await self.imported_digest(text)
        shown = (Shown("the text", text, imported=imported),)
        is_ours = text.startswith(f"{prefix}_") or imported is not None
        findings = Findings(shown if is_ours else (), shown if text and not is_ours else (), NOTHING_TO_STRIP)
        chosen = choose(findings, prefix)
        if isinstance(chosen, Deny):
            likeness = None if is_ours or not text else looks_like(text)
            return Verification(shape=shape, looks_like=likeness, reason=chosen.reason, facts=chosen.facts)
        key = await self._store.find_by_digest(chosen)
        if key is None:
            return Verification(shape=shape, reason=Reason.KEY_UNKNOWN)
        dead = standing(key, chosen, self._clock.now())
        if dead is None:
            return Verification(shape=shape, key=self._latest(key))
        return Verification(shape=shape, key=self._latest(key), reason=dead.reason, facts=dead.facts)

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """What was done, in the order asked for."""
        return await self._store.audit(query)

    async def usage(self, id_or_name: str | None = None, query: UsageQuery | None = None) -> list[UsageDay]:
        """What keys did, or one key, day by day; raises `KeyNotFound` or `NameAmbiguous`."""
        key_id = None if id_or_name is None else (await self._find(id_or_name)).id
        return await self._days.page(self._store, replace(query or UsageQuery(), key_id=key_id))

    async def _find(self, id_or_name: str) -> ApiKey:
        if is_id(id_or_name):
            key = await self._store.get(id_or_name)
            if key is not None:
                return key
        if holds_secret(id_or_name):
            raise RuleBroken(
                "this is a key's secret, not its id or name: give it to keyhatch keys verify, on its input"
            )
        named = await self._store.find_by_name(id_or_name, _NAMED_MAX + 1)
        if len(named) > 1:
            raise NameAmbiguous(_say_which(id_or_name, named, self._clock.now()))
        if not named:
            raise KeyNotFound(
                f"no key has the id or name {quoted(id_or_name)}: keyhatch keys list --status all shows them"
            )
        return named[0]


def _is_listed(status: Status, wanted: StatusFilter) -> bool:
    if wanted is None:
        return status is not Status.REVOKED
    return wanted in ("all", status)


def _say_which(name: str, keys: list[ApiKey], now: float) -> str:
    told = [f"{key.id} ({key.status(now).value})" for key in keys[:_NAMED_MAX]]
    many = len(keys) > _NAMED_MAX
    how_many = f"more than {_NAMED_MAX}" if many else str(len(keys))
    told += ["and more"] if many else []
    return f"{how_many} keys are named {quoted(name)}, say which by its id: {', '.join(told)}"
