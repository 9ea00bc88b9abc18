"""Usage: when each key was last used, from where and how often. True in memory at once, written behind.

Promises
1. Noting a use is a plain call: one dictionary look-up and three assignments, no await, no I/O.
2. `latest` shows a record as it is now, the uses not yet written included.
3. A flush takes what is pending, days of usage included (`days`), and writes it in one transaction. If that
   fails nothing is lost: it stays pending (bounded by the number of keys, and of days) and is tried again at
   the next interval.
4. Times never move backwards, here or in the store, whatever the wall clock does.
5. kill -9 loses at most one interval; an orderly stop flushes and loses none.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.ports import Clock, KeyStore, StoreUnavailable, Use
from gateway.keeper.usage_days import UsageDays

_log: Final = logging.getLogger("gateway.usage")


class _Pending:
    __slots__ = ("at", "count", "peer", "previous_at", "previous_peer")

    def __init__(self, at: float, peer: str) -> None:
        self.at = at
        self.peer = peer
        self.count = 0
        self.previous_at: float | None = None
        self.previous_peer: str | None = None


class Usage:
    """Uses since the last flush, by key id. `days` counts exchanges, and is flushed with them."""

    def __init__(self, store: KeyStore, clock: Clock, on_store_error: Callable[[], None]) -> None:
        self.days = UsageDays(clock.now)
        self._store = store
        self._clock = clock
        self._on_store_error = on_store_error
        self._pending: dict[str, _Pending] = {}
        self._writing: dict[str, _Pending] = {}
        self._written_until = float("-inf")
        self._oldest: float | None = None
        self._flight: asyncio.Future[bool] | None = None

    def note(self, key_id: str, peer: str, now: float, *, previous: bool = False) -> None:
        """One allowed use at `now` (wall clock); `previous`: with the secret before the last rotation."""
        pending = self._pending.get(key_id)
        if pending is None:
            pending = self._pending[key_id] = _Pending(now, peer)
            if self._oldest is None:
                self._oldest = self._clock.monotonic()
        if now >= pending.at:
            pending.at = now
            pending.peer = peer
        pending.count += 1
        if previous and (pending.previous_at is None or now >= pending.previous_at):
            pending.previous_at, pending.previous_peer = now, peer

    def latest(self, key: ApiKey) -> ApiKey:
        """The record with every use that is not in the store yet."""
        for pending in (self._writing.get(key.id), self._pending.get(key.id)):
            if pending is not None:
                key = _overlay(key, pending)
        return key

    def unwritten(self) -> dict[str, float]:
        """When each key was last used whose uses are not in the store yet."""
        latest = {key_id: each.at for key_id, each in self._writing.items()}
        for key_id, each in self._pending.items():
            latest[key_id] = max(each.at, latest.get(key_id, each.at))
        return latest

    def last_of(self, key_id: str) -> tuple[float, str] | None:
        """When and from where a key was last used, if that is known without the store.

        None where no use is pending, or where the wall clock went back so that one in the store may be later.
        """
        uses = [each for each in (self._writing.get(key_id), self._pending.get(key_id)) if each is not None]
        last = max(uses, key=lambda each: each.at, default=None)
        return None if last is None or last.at < self._written_until else (last.at, last.peer)

    @property
    def pending(self) -> int:
        """How many keys wait to be written."""
        return len(self._pending) + len(self._writing)

    def lag_s(self) -> float:
        """Age of the oldest use that is not yet written, 0 if there is none."""
        return 0.0 if self._oldest is None else self._clock.monotonic() - self._oldest

    async def flush(self) -> bool:
        """Write everything pending; True if nothing is left behind. Never raises `StoreUnavailable`.

        A flush that is cancelled goes on by itself: uses are neither lost nor written twice.
        """
        if self._flight is not None:
            await asyncio.shield(self._flight)
        if self._flight is None:
            self._flight = asyncio.ensure_future(self._write())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    async def run(self, interval_s: float) -> None:
        """Flush every interval until cancelled, come what may; the last flush is the caller's (`flush`)."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.flush()
            except Exception:  # noqa: BLE001 - an accident must not stop the flushes that come after it
                self._on_store_error()
                _log.exception("writing the last uses met something unexpected; it is tried again")

    def _landed(self, _flight: asyncio.Future[bool]) -> None:
        self._flight = None

    async def _write(self) -> bool:
        async with self.days.still:
            return await self._write_batch()

    async def _write_batch(self) -> bool:
        if not (self._pending or self.days.pending):
            return True
        began = self._clock.monotonic()
        self._writing, self._pending = self._pending, {}
        uses, days = [_use(key_id, each) for key_id, each in self._writing.items()], self.days.take()
        try:
            await self._store.record_uses(uses, days)
        except StoreUnavailable as trouble:
            self._on_store_error()
            keys = {use.key_id for use in uses} | {day.key_id for day in days}
            _log.warning("usage of %d keys not written yet: %s", len(keys), trouble)
            self._take_back()
            return False
        except BaseException:
            self._take_back()
            raise
        self._written_until = max(self._written_until, *(use.at for use in uses), float("-inf"))
        self._writing = {}
        self.days.landed()
        self._oldest = began if self._pending else None
        return not (self._pending or self.days.pending)

    def _take_back(self) -> None:
        self.days.take_back()
        newer, self._pending, self._writing = self._pending, self._writing, {}
        for key_id, later in newer.items():
            kept = self._pending.setdefault(key_id, later)
            if kept is not later:
                _merge(kept, later)


def _merge(kept: _Pending, later: _Pending) -> None:
    if later.at >= kept.at:
        kept.at, kept.peer = later.at, later.peer
    kept.count += later.count
    if later.previous_at is not None and later.previous_at >= (kept.previous_at or later.previous_at):
        kept.previous_at, kept.previous_peer = later.previous_at, later.previous_peer


def _use(key_id: str, pending: _Pending) -> Use:
    return Use(key_id, pending.at, pending.peer, pending.count, pending.previous_at, pending.previous_peer)


def _overlay(key: ApiKey, pending: _Pending) -> ApiKey:
    is_newer = key.last_used_at is None or pending.at >= key.last_used_at
    previous = (key.previous_secret_last_used_at, key.previous_secret_last_used_from)
    if pending.previous_at is not None and pending.previous_at >= (previous[0] or pending.previous_at):
        previous = (pending.previous_at, pending.previous_peer)
    return replace(
        key,
        last_used_at=pending.at if is_newer else key.last_used_at,
        last_used_from=pending.peer if is_newer else key.last_used_from,
        use_count=key.use_count + pending.count,
        previous_secret_last_used_at=previous[0],
        previous_secret_last_used_from=previous[1],
    )
