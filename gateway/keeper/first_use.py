"""Rotations that end at the first use of the new secret: in force at once, written behind the request.

Promises
1. Noting a first use is a plain call: no await, no I/O. From then on the secret before has ended here,
   whatever the store still says of it (`as_in_force`).
2. The end is written with an entry in the audit, act `first_use`, by the key itself. While the store is down
   it is tried again; of what a kill leaves unwritten the next use of the new secret tells anew.
3. What management did to the rotation in the meantime stands: of a secret that was undone, or replaced by
   another rotation, nothing is ended.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act
from gateway.keeper.ports import KeyNotFound, KeyStore, StoreUnavailable
from gateway.keeper.rotation import finished

RETRY_S: Final = 1.0

_log: Final = logging.getLogger("gateway.first_use")


@dataclass(frozen=True, slots=True)
class _FirstUse:
    digest: bytes = field(repr=False)  # the new secret's: it tells one rotation of a key from another
    at: float

    def end_previous(self, key: ApiKey) -> ApiKey:
        is_this_rotation = key.previous_until_first_use and key.digest == self.digest
        return finished(key, self.at) if is_this_rotation else key


class FirstUses:
    """First uses that are not written yet, by key id. `on_change` is told of each record that was written."""

    def __init__(
        self,
        store: KeyStore,
        on_change: Callable[[str, ApiKey | None], None],
        on_store_error: Callable[[], None],
    ) -> None:
        self._store = store
        self._on_change = on_change
        self._on_store_error = on_store_error
        self._unwritten: dict[str, _FirstUse] = {}
        self._noted = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many wait to be written."""
        return len(self._unwritten)

    def note(self, key: ApiKey, now: float) -> ApiKey:
        """The new secret was let pass at `now`: the record with the secret before at its end."""
        first = self._unwritten[key.id] = _FirstUse(key.digest, now)
        self._noted.set()
        return first.end_previous(key)

    def as_in_force(self, key: ApiKey) -> ApiKey:
        """A record as the store has it, with the end that is not written yet."""
        first = self._unwritten.get(key.id) if key.previous_until_first_use else None
        return key if first is None else first.end_previous(key)

    async def flush(self) -> bool:
        """Write everything; True if nothing is left behind. Never raises `StoreUnavailable`."""
        for key_id, first in list(self._unwritten.items()):
            try:
                await self._write(key_id, first)
            except StoreUnavailable as trouble:
                self._on_store_error()
                _log.warning("the end of a rotation's overlap is in force, but not written yet: %s", trouble)
                return False
        return not self._unwritten

    async def run(self, retry_s: float = RETRY_S) -> None:
        """Write each as soon as it is noted, until cancelled; the last flush is the caller's (`flush`)."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            try:
                is_written = await self.flush()
            except Exception:  # noqa: BLE001 - an accident must not stop the writes that come after it
                self._on_store_error()
                _log.exception("writing a first use met something unexpected; it is tried again")
                is_written = False
            if not is_written:
                self._noted.set()
                await asyncio.sleep(retry_s)

    async def _write(self, key_id: str, first: _FirstUse) -> None:
        """To write it twice does no harm: the second time changes nothing.

        It is forgotten only once the written record is known, so that no look-up brings back the one before.
        """
        try:
            act = Act("first_use", key_id, at=first.at)
            key: ApiKey | None = await self._store.update(key_id, first.end_previous, act)
        except KeyNotFound:
            key = None
        self._on_change(key_id, key)
        if self._unwritten.get(key_id) is first:
            del self._unwritten[key_id]
