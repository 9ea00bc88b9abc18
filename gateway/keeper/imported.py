"""Which digests are those of imported secrets, held whole and kept up to date.

Promises
1. `digests` is all of them, or None while they could not be read: then nobody may say that a credential is
   foreign.
2. A reading that some change has overtaken is begun anew, so that no import is lost and no deleted key
   comes back. It ends: `StoreUnavailable` where the store does not answer in time, or changes for as long.

A hundred thousand take about 12 MB, and 4 ms to copy at each change; changes are rare.
"""

import asyncio
from collections.abc import Mapping

from gateway.keeper.cache import KeyCache
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable


class ImportedDigests:
    """The digests of imported secrets, and which key each leads to. None are known to be there at first."""

    def __init__(self, store: KeyStore, cache: KeyCache, clock: Clock, timeout_s: float) -> None:
        self.digests: frozenset[bytes] | None = frozenset()
        self._store = store
        self._cache = cache
        self._clock = clock
        self._timeout_s = timeout_s
        self._of_key: dict[str, frozenset[bytes]] = {}

    async def load(self) -> None:
        """Read them all; raises `StoreUnavailable`, and then they are not known."""
        try:
            holders = await self._read()
        except BaseException:
            self.digests = None
            raise
        self.digests, self._of_key = frozenset(), {}
        self.add(holders)

    def add(self, holders: Mapping[bytes, str]) -> None:
        """Some were imported. Where they are not known, the next reading finds these too."""
        if self.digests is None or not holders:
            return
        gathered: dict[str, set[bytes]] = {}
        for digest, key_id in holders.items():
            gathered.setdefault(key_id, set()).add(digest)
        for key_id, digests in gathered.items():
            self._of_key[key_id] = self._of_key.get(key_id, frozenset()) | digests
        self.digests = self.digests.union(holders)  # another one: who holds the old one can tell

    def forget(self, key_id: str) -> bool:
        """A key was deleted; True if any were its."""
        gone = self._of_key.pop(key_id, None)
        if gone is None or self.digests is None:
            return False
        self.digests = self.digests.difference(gone)
        return True

    async def _read(self) -> dict[bytes, str]:
        began = self._clock.monotonic()
        while True:
            generation = self._cache.generation
            try:
                async with asyncio.timeout(self._timeout_s):
                    holders = await self._store.imported()
            except TimeoutError:
                raise StoreUnavailable(f"no answer within {self._timeout_s:g} s") from None
            if generation == self._cache.generation:
                return holders
            if self._clock.monotonic() - began >= self._timeout_s:
                raise StoreUnavailable(f"the store changed again and again for {self._timeout_s:g} s")
