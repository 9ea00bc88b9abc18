"""What has to happen by itself while the gateway runs, each as an endless task.

The store is watched for changes that another program made: there should be none (one writer), but a record
edited with the sqlite3 command must not keep working from the cache. A task that meets trouble says so
once per kind and goes on; the gateway fails closed without it, and /readyz shows the store's state.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.core.keys import Status
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable

WATCH_INTERVAL_S: Final = 0.5
COUNT_INTERVAL_S: Final = 5.0
SHARE: Final = 100
"""Times as long as an act took it rests: to count a million keys takes 0.24 s, a twentieth of 5 s."""

_log: Final = logging.getLogger("gateway.service")


class StoreWatch:
    """Notices foreign changes, and counts keys by status for the metrics."""

    def __init__(
        self,
        store: KeyStore,
        gatekeeper: Gatekeeper,
        clock: Clock,
        on_store_error: Callable[[], None],
        on_foreign_change: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.key_counts: dict[Status, int] = {}
        self._store = store
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._on_store_error = on_store_error
        self._on_foreign_change = on_foreign_change
        self._version: int | None = None

    async def look(self) -> None:
        """Ask once whether anyone else changed the data, and act on it."""
        version = await self._store.data_version()
        if self._version is not None and version != self._version:
            _log.warning("another program changed the store; everything cached is asked for again")
            await self._gatekeeper.data_changed()
            if self._on_foreign_change is not None:
                await self._on_foreign_change()
        self._version = version

    async def count(self) -> None:
        """Count the keys by status."""
        self.key_counts = await self._store.count_by_status(self._clock.now())

    async def run(self) -> None:
        """Look and count until cancelled."""
        await asyncio.gather(
            self._repeat(self.look, WATCH_INTERVAL_S), self._repeat(self.count, COUNT_INTERVAL_S)
        )

    async def _repeat(self, act: Callable[[], Awaitable[None]], interval_s: float) -> None:
        told: type[Exception] | None = None
        while True:
            began = self._clock.monotonic()
            try:
                await act()
                told = None
            except Exception as trouble:  # noqa: BLE001 - a watch that gave up would let the cache grow stale
                self._on_store_error()
                if type(trouble) is not told:
                    _tell(trouble)
                told = type(trouble)
            await asyncio.sleep(max(interval_s, SHARE * (self._clock.monotonic() - began)))


def _tell(trouble: Exception) -> None:
    if isinstance(trouble, StoreUnavailable):
        _log.error("the store cannot be watched: %s", trouble)
    else:
        _log.error("watching the store met something unexpected; it goes on", exc_info=trouble)
