"""The gatekeeper: `peek` decides on the spot where it can, `settle` asks the store where it must.

Promises
1. `peek` is a plain call. For a cached key nothing on the request's way awaits anything.
2. `settle` asks the store once however many requests wait for the same digest (single flight).
3. It fails closed: a store that does not answer, or anything unexpected in here, is `store_unavailable`
   (plus one logged traceback), never a pass.
4. A key that was revoked is refused from the moment its record was written, also where a look-up for it was
   under way at that moment.
5. Only allowed requests count as a use of a key.
6. Digests of imported secrets are known whole (`load`), or every request that may show one is refused
   (promise 3). They follow every change at once.
7. Where a rotation ends with the first use of the new secret, no request that shows the old one passes after
   one with the new was let pass, and what the old one opened ends in that step (`gateway.keeper.first_use`).
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gateway.core.credentials import may_show
from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.keys import ApiKey
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView
from gateway.core.routes import RouteTable
from gateway.keeper.cache import KeyCache
from gateway.keeper.first_use import FirstUses
from gateway.keeper.imported import ImportedDigests
from gateway.keeper.live import End, LiveExchanges
from gateway.keeper.look_up import LookUps
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable
from gateway.keeper.usage import Usage

LOOK_UP_TIMEOUT_S: Final = 6.0  # the store itself gives up after 5 s and then says more

_log: Final = logging.getLogger("gateway.gatekeeper")


class Gatekeeper:
    """Decides about requests. `table` may be swapped at any time; each request sees one table.

    `ours` is what was imported, and is another object whenever that changed. `signing` is what addresses are
    signed with (`core.signed_url`).
    """

    def __init__(
        self,
        table: RouteTable,
        prefix: str,
        store: KeyStore,
        clock: Clock,
        on_store_error: Callable[[], None],
        *,
        look_up_timeout_s: float = LOOK_UP_TIMEOUT_S,
    ) -> None:
        self.table = table
        self.ours = Ours(prefix)
        self.signing: bytes | None = None
        self.usage = Usage(store, clock, on_store_error)
        self.live = LiveExchanges(clock)
        self.cache = KeyCache()
        self.first_uses = FirstUses(store, self.key_changed, on_store_error)
        self._look_ups = LookUps(store, self.cache, clock, look_up_timeout_s, self.first_uses.as_in_force)
        self._imported = ImportedDigests(store, self.cache, clock, look_up_timeout_s)
        self._clock = clock
        self._on_store_error = on_store_error

    @property
    def prefix(self) -> str:
        """What every secret of ours begins with, before the `_`."""
        return self.ours.prefix

    async def load(self) -> None:
        """Learn what was imported; raises `StoreUnavailable`, and then nobody knows (promise 6)."""
        try:
            await self._imported.load()
        finally:
            self._hold()

    def peek(self, view: RequestView) -> Decision:
        """Decide without waiting; `NeedKey` if the record is not cached."""
        decision = self.admit(view)
        return self.look(decision) if isinstance(decision, NeedKey) else decision

    def admit(self, view: RequestView) -> Decision:
        """The part of a decision that needs no record: the same for the same view, `table` and `ours`."""
        try:
            return admit(view, self.table, self.ours)
        except Exception:  # noqa: BLE001 - promise 3: whatever went wrong, it is refused
            return self._accident()

    def may_show(self, raw_target: bytes) -> bool:
        """Whether a target could hold a credential; if not, `admit` looks at its path alone."""
        return may_show(raw_target, self.prefix)

    def look(self, need: NeedKey, before: Allow | None = None) -> Decision:
        """The rest of it, if the record is cached; `need` itself if not.

        `before` is what was decided on the same need earlier: it stands while the record is the same and no
        moment has passed that ends it, and costs a tenth of judging anew (0.4 µs).
        """
        try:
            key = self.cache.look_up(need.digest)
            if key is None and not self.cache.is_absent(need.digest):
                return need
            if before is not None and key is not None and before.key is key:
                now = self._clock.now()
                if now < before.until:
                    self.usage.note(key.id, need.peer, now, previous=need.digest != key.digest)
                    return before
            return self._judge(need, key)
        except Exception:  # noqa: BLE001 - promise 3: whatever went wrong, it is refused
            return self._accident()

    async def settle(self, need: NeedKey) -> Allow | Deny:
        """Fetch the record and decide."""
        try:
            if need.signed is not None:
                return self._judge(need, await self._look_ups.by_signed_id(need.signed.key_id))
            return self._judge(need, await self._look_ups.by_digest(need.digest))
        except StoreUnavailable as trouble:
            self._on_store_error()
            _log.warning("a key could not be checked: %s", trouble)
            return Deny(Reason.STORE_UNAVAILABLE, route_id=need.route.id)
        except Exception:  # noqa: BLE001 - promise 3: whatever went wrong, it is refused
            return self._accident()

    def attend(self, allow: Allow, end: End) -> Callable[[], object]:
        """Register an allowed exchange under its key; call what is returned when it is over.

        Call it before anything is awaited after the decision, or a revocation could slip in between.
        """
        if allow.key is None:
            return _nothing
        return self.live.register(allow.key, allow.digest, end)

    def last_use(self, allow: Allow) -> tuple[float, str] | None:
        """When and from where the key of a request that was just allowed was last used.

        None if only the store knows (ask `record_of`), or where no key was needed.
        """
        key = allow.key
        last = None if key is None else self.usage.last_of(key.id)
        if key is None or last is None or key.last_used_at is None or key.last_used_at <= last[0]:
            return last
        return key.last_used_at, key.last_used_from or ""

    async def record_of(self, allow: Allow) -> ApiKey | None:
        """The record behind an allowed request as it is now; None where no key was needed."""
        if allow.key is None:
            return None
        try:
            key = await self._look_ups.by_id(allow.key.id) or allow.key
        except StoreUnavailable:
            key = allow.key
        return self.usage.latest(key)

    def latest(self, key: ApiKey) -> ApiKey:
        """A record as the store has it, with what is true already and not written yet."""
        return self.first_uses.as_in_force(self.usage.latest(key))

    def key_changed(self, key_id: str, key: ApiKey | None) -> None:
        """A record was written or (None) deleted: forget what it was, end what no longer stands."""
        if key is not None:
            key = self.first_uses.as_in_force(key)
        self.cache.changed(key_id, key)
        self.live.changed(key_id, key, Deny(Reason.KEY_UNKNOWN, key_id=key_id))
        if key is None and self._imported.forget(key_id):
            self._hold()

    def imported(self, holders: Mapping[bytes, str]) -> None:
        """Secrets were imported: the key behind each digest. They count from now on."""
        self._imported.add(holders)
        self._hold()

    def note_use(self, key: ApiKey, digest: bytes, peer: str, now: float) -> ApiKey:
        """A secret of this key was let pass; the record as it stands from then on (promise 7)."""
        self.usage.note(key.id, peer, now, previous=digest != key.digest)
        if key.previous_until_first_use and digest == key.digest and key.overlap_runs(now):
            key = self.first_uses.note(key, now)
            self.key_changed(key.id, key)
        return key

    async def data_changed(self) -> None:
        """The data changed behind our back: forget it all, hold live exchanges to what is there now.

        Raises `StoreUnavailable`; what was cached is forgotten all the same.
        """
        self.cache.clear()
        await self.load()
        for key_id in self.live.key_ids():
            self.key_changed(key_id, await self._look_ups.by_id(key_id))

    def _hold(self) -> None:
        if self._imported.digests != self.ours.imported:
            self.ours = Ours(self.ours.prefix, self._imported.digests)

    def _judge(self, need: NeedKey, key: ApiKey | None) -> Allow | Deny:
        now = self._clock.now()
        decision = judge(need, key, now, self.signing)
        if isinstance(decision, Allow) and key is not None:
            if need.signed is not None:  # whoever shows it need not have the secret, new or old
                self.usage.note(key.id, need.peer, now, previous=False)
                return decision
            used = self.note_use(key, need.digest, need.peer, now)
            if used is not key:
                decision = replace(decision, key=used)
        return decision

    def _accident(self) -> Deny:
        self._on_store_error()
        _log.exception("the gatekeeper met something unexpected; the request is refused")
        return Deny(Reason.STORE_UNAVAILABLE)


def _nothing() -> None:
    return None
