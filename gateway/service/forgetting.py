"""Forgetting days of usage that are older than they are kept: at the start, and then once a day.

Many days may have to go at once, after a change of `keys.usage_kept` or a long rest. They go in batches with
rests between, so that nobody who wants to write waits longer than for one. Trouble is logged and it is tried
again soon; until then some days are kept longer than they should be, and nothing else is wrong.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.keeper.days import DAY_S, day_at
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable

BATCH_DAYS: Final = 500  # about 25 ms of writing
REST_S: Final = 0.05
INTERVAL_S: Final = float(DAY_S)
AFTER_TROUBLE_S: Final = 300.0

_log: Final = logging.getLogger("gateway.service")


class Forgetting:
    """Forgets days that ended more than `kept_s` ago. It may be changed at any time."""

    def __init__(
        self, store: KeyStore, clock: Clock, on_store_error: Callable[[], None], kept_s: float
    ) -> None:
        self.kept_s = kept_s
        self._store = store
        self._clock = clock
        self._on_store_error = on_store_error

    async def forget(self) -> int:
        """Forget what is too old by now; how many days of keys that were."""
        before = day_at(int((self._clock.now() - self.kept_s) // DAY_S))
        forgotten = 0
        while True:
            batch = await self._store.forget_usage(before, BATCH_DAYS)
            forgotten += batch
            if batch < BATCH_DAYS:
                return forgotten
            await asyncio.sleep(REST_S)

    async def run(self) -> None:
        """Forget at once and then every day until cancelled, come what may."""
        while True:
            done = await self._try()
            await asyncio.sleep(INTERVAL_S if done else AFTER_TROUBLE_S)

    async def _try(self) -> bool:
        try:
            await self.forget()
        except StoreUnavailable as trouble:
            self._on_store_error()
            _log.warning("old days of usage not forgotten yet: %s", trouble)
        except Exception:  # noqa: BLE001 - an accident must not stop the days after it
            self._on_store_error()
            _log.exception("forgetting old days of usage met something unexpected; it is tried again")
        else:
            return True
        return False
