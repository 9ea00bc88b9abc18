"""The gatekeeper: `peek` decides on the spot where it can, `settle` asks the store where it must.

Promises
1. `peek` is a plain call. For a cached key nothing on the request's way awaits anything.
2. `settle` asks the store once however many requests wait for the same digest (single flight).
3. It fails closed: a store that does not answer, or anything unexpected in here, is `store_unavailable`
   (plus one logged traceback), never a pass.
4. A key that was revoked is refused from the moment its record was written, also where a look-up for it was
   under way at that moment.
5. Only allowed requests count as a use of a key.
6. A look-up ends: one whose answers are always older than some change is `store_unavailable` after a while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.keys import ApiKey
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView
from gateway.core.routes import RouteTable
from gateway.keeper.cache import KeyCache
from gateway.keeper.live import End, LiveExchanges
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable
from gateway.keeper.usage import Usage

LOOK_UP_TIMEOUT_S: Final = 6.0  # the store itself gives up after 5 s and then says more

_log: Final = logging.getLogger("gateway.gatekeeper")


class Gatekeeper:
    """Decides about requests. `table` may be swapped at any time; each request sees one table."""

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
        self.prefix = prefix
        self.usage = Usage(store, clock, on_store_error)
        self.live = LiveExchanges(clock)
        self.cache = KeyCache()
        self._store = store
        self._clock = clock
        self._on_store_error = on_store_error
        self._look_up_timeout_s = look_up_timeout_s
        self._flights: dict[bytes, asyncio.Future[tuple[ApiKey | None, int]]] = {}

    def peek(self, view: RequestView) -> Decision:
        """Decide without waiting; `NeedKey` if the record is not cached."""
        try:
            decision = admit(view, self.table, self.prefix)
            if not isinstance(decision, NeedKey):
                return decision
            key = self.cache.look_up(decision.digest)
            if key is None and not self.cache.is_absent(decision.digest):
                return decision
            return self._judge(decision, key)
        except Exception:  # noqa: BLE001 - promise 3: whatever went wrong, it is refused
            return self._accident()

    async def settle(self, need: NeedKey) -> Allow | Deny:
        """Fetch the record and decide."""
        try:
            return await self._settle(need)
        except StoreUnavailable as trouble:
            self._on_store_error()
            _log.warning("a key could not be checked: %s", trouble)
            return Deny(Reason.STORE_UNAVAILABLE, route_id=need.route.id)
        except Exception:  # noqa: BLE001 - promise 3: whatever went wrong, it is refused
            return self._accident()

    def attend(self, allow: Allow, end: End) -> Callable[[], None]:
        """Register an allowed exchange under its key; call what is returned when it is over.

        Call it before anything is awaited after the decision, or a revocation could slip in between.
        """
        if allow.key is None:
            return _nothing
        return self.live.register(allow.key, allow.digest, end)

    async def record_of(self, allow: Allow) -> ApiKey | None:
        """The record behind an allowed request as it is now; None where no key was needed."""
        if allow.key is None:
            return None
        try:
            key = await self._ask(self._store.get(allow.key.id)) or allow.key
        except StoreUnavailable:
            key = allow.key
        return self.usage.latest(key)

    def key_changed(self, key_id: str, key: ApiKey | None) -> None:
        """A record was written or (None) deleted: forget what it was, end what no longer stands."""
        self.cache.changed(key_id, key)
        self.live.changed(key_id, key, Deny(Reason.KEY_UNKNOWN, key_id=key_id))

    async def data_changed(self) -> None:
        """The data changed behind our back: forget it all, hold live exchanges to what is there now.

        Raises `StoreUnavailable`; what was cached is forgotten all the same.
        """
        self.cache.clear()
        for key_id in self.live.key_ids():
            await self._renew(key_id)

    async def _renew(self, key_id: str) -> None:
        began = self._clock.monotonic()
        while True:
            generation = self.cache.generation
            key = await self._ask(self._store.get(key_id))
            if generation == self.cache.generation:  # else what was read may be older than a change
                self.key_changed(key_id, key)
                return
            self._assert_patient(began)

    def _judge(self, need: NeedKey, key: ApiKey | None) -> Allow | Deny:
        now = self._clock.now()
        decision = judge(need, key, now)
        if isinstance(decision, Allow) and key is not None:
            self.usage.note(key.id, need.peer, now, previous=need.digest != key.digest)
        return decision

    async def _settle(self, need: NeedKey) -> Allow | Deny:
        began = self._clock.monotonic()
        while True:
            key, generation = await self._fetch(need.digest)
            if generation == self.cache.generation:
                return self._judge(need, key)
            self._assert_patient(began)

    def _assert_patient(self, began: float) -> None:
        """Every change makes whoever looks something up ask again (promise 6)."""
        if self._clock.monotonic() - began >= self._look_up_timeout_s:
            raise StoreUnavailable(f"the store changed again and again for {self._look_up_timeout_s:g} s")

    async def _fetch(self, digest: bytes) -> tuple[ApiKey | None, int]:
        """The record and the cache's generation in which it was true; one look-up for all who wait."""
        flight = self._flights.get(digest)
        if flight is None:
            flight = self._flights[digest] = asyncio.ensure_future(self._look_up(digest))
            flight.add_done_callback(lambda done: self._landed(digest, done))
        await asyncio.wait((flight,))  # a shield would, since Python 3.14, report what nobody waits for
        return flight.result()

    def _landed(self, digest: bytes, flight: asyncio.Future[tuple[ApiKey | None, int]]) -> None:
        del self._flights[digest]
        with suppress(asyncio.CancelledError):
            flight.exception()  # who waits is told; if nobody does any more, asyncio need not complain

    async def _look_up(self, digest: bytes) -> tuple[ApiKey | None, int]:
        generation = self.cache.generation
        key = await self._ask(self._store.find_by_digest(digest))
        self.cache.remember(digest, key, generation)
        return key, generation

    async def _ask(self, answer: Awaitable[ApiKey | None]) -> ApiKey | None:
        """The store's answer, if it comes in time (promise 3)."""
        try:
            async with asyncio.timeout(self._look_up_timeout_s):
                return await answer
        except TimeoutError:
            raise StoreUnavailable(f"no answer within {self._look_up_timeout_s:g} s") from None

    def _accident(self) -> Deny:
        self._on_store_error()
        _log.exception("the gatekeeper met something unexpected; the request is refused")
        return Deny(Reason.STORE_UNAVAILABLE)


def _nothing() -> None:
    return None
