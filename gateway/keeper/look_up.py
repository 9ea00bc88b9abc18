"""Looking a record up in the store: once for all who wait for it, in bounded time, and never the past.

Promises
1. However many wait for the same digest, the store is asked once (single flight). Whoever leaves takes no
   other along.
2. What is returned was true at that moment: an answer that some change has overtaken is asked for again.
3. It ends. A store that does not answer in time, or whose answers are overtaken for as long, is
   `StoreUnavailable`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from gateway.core.keys import ApiKey
from gateway.keeper.cache import KeyCache
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable

Find = Callable[[], Awaitable[ApiKey | None]]


def _as_stored(key: ApiKey) -> ApiKey:
    return key


class LookUps:
    """Asks the store and keeps its answers in the cache. What it returns holds until something is awaited.

    `as_in_force` makes of a stored record what is true of it already, though not written yet.
    """

    def __init__(
        self,
        store: KeyStore,
        cache: KeyCache,
        clock: Clock,
        timeout_s: float,
        as_in_force: Callable[[ApiKey], ApiKey] = _as_stored,
    ) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._timeout_s = timeout_s
        self._as_in_force = as_in_force
        self._flights: dict[bytes, asyncio.Future[tuple[ApiKey | None, int]]] = {}

    async def by_digest(self, digest: bytes) -> ApiKey | None:
        """The record whose secret has this digest."""
        return await self._by_name(digest, partial(self._store.find_by_digest, digest))

    async def by_signed_id(self, key_id: str) -> ApiKey | None:
        """The record with this id, remembered under it: no digest is as short as an id."""
        return await self._by_name(key_id.encode("ascii"), partial(self._store.get, key_id))

    async def by_id(self, key_id: str) -> ApiKey | None:
        """The record with this id. It is not remembered: no digest was asked for."""
        began = self._clock.monotonic()
        while True:
            generation = self._cache.generation
            key = await self._ask(self._store.get(key_id))
            if generation == self._cache.generation:
                return key
            self._assert_patient(began)

    async def _by_name(self, name: bytes, find: Find) -> ApiKey | None:
        began = self._clock.monotonic()
        while True:
            key, generation = await self._fetch(name, find)
            if generation == self._cache.generation:
                return key
            self._assert_patient(began)

    def _assert_patient(self, began: float) -> None:
        if self._clock.monotonic() - began >= self._timeout_s:
            raise StoreUnavailable(f"the store changed again and again for {self._timeout_s:g} s")

    async def _fetch(self, name: bytes, find: Find) -> tuple[ApiKey | None, int]:
        """The record and the cache's generation in which it was true; one look-up for all who wait."""
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = asyncio.ensure_future(self._look_up(name, find))
            flight.add_done_callback(lambda done: self._landed(name, done))
        await asyncio.wait((flight,))  # a shield would, since Python 3.14, report what nobody waits for
        return flight.result()

    def _landed(self, name: bytes, flight: asyncio.Future[tuple[ApiKey | None, int]]) -> None:
        del self._flights[name]
        with suppress(asyncio.CancelledError):
            flight.exception()  # who waits is told; if nobody does any more, asyncio need not complain

    async def _look_up(self, name: bytes, find: Find) -> tuple[ApiKey | None, int]:
        generation = self._cache.generation
        key = await self._ask(find())
        self._cache.remember(name, key, generation)
        return key, generation

    async def _ask(self, answer: Awaitable[ApiKey | None]) -> ApiKey | None:
        """The store's answer, if it comes in time (promise 3)."""
        try:
            async with asyncio.timeout(self._timeout_s):
                key = await answer
        except TimeoutError:
            raise StoreUnavailable(f"no answer within {self._timeout_s:g} s") from None
        return None if key is None else self._as_in_force(key)
