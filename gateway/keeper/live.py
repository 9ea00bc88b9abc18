"""Live exchanges, each found under the key it was let in with, so that a dead key ends them.

A stream outlives the decision that let it in. So every exchange with a key is registered here until it is
over, and the gateway asks again, for each key that has live exchanges, whether it still stands: at once
when a record changes, and every half second for what happens by the passing of time (expiry, the end of a
rotation's overlap). What no longer stands is ended through the callback the plane left with it; one that
fails is logged and keeps no other exchange alive.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

from gateway.core.keys import ApiKey
from gateway.core.policy import standing
from gateway.core.refusal import Deny
from gateway.keeper.ports import Clock

SWEEP_INTERVAL_S: Final = 0.5

End = Callable[[Deny], None]

_log: Final = logging.getLogger("gateway.live")


@dataclass(slots=True)
class _Group:
    key: ApiKey
    ends: dict[int, End] = field(default_factory=dict)


class LiveExchanges:
    """Exchanges under way, grouped by key and by the secret they were let in with."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[tuple[str, bytes], _Group] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return sum(len(group.ends) for group in self._groups.values())

    def register(self, key: ApiKey, digest: bytes, end: End) -> Callable[[], object]:
        """Remember an exchange; call what is returned when it is over. `end` is called at most once.

        A group whose last exchange left stays until the next sweep: most keys come back at once, and making
        a group anew for each request would cost 1 µs.
        """
        name = (key.id, digest)
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(key)
        group.key = key
        number = next(self._numbers)
        group.ends[number] = end
        return partial(group.ends.pop, number, None)

    def key_ids(self) -> list[str]:
        """The keys that have exchanges under way."""
        return sorted({key_id for (key_id, _), group in self._groups.items() if group.ends})

    def changed(self, key_id: str, key: ApiKey | None, gone: Deny) -> None:
        """A record was written: end what no longer stands. None: it was deleted, `gone` says so."""
        for name, group in [item for item in self._groups.items() if item[0][0] == key_id]:
            if key is None:
                self._end(name, gone)
            else:
                group.key = key
                self._hold_to(name, group, self._clock.now())

    def sweep(self) -> None:
        """End every exchange whose key or secret died by the passing of time."""
        now = self._clock.now()
        for name, group in list(self._groups.items()):
            if group.ends:
                self._hold_to(name, group, now)
            else:
                del self._groups[name]

    async def run(self, interval_s: float = SWEEP_INTERVAL_S) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            self.sweep()

    def _hold_to(self, name: tuple[str, bytes], group: _Group, now: float) -> None:
        dead = standing(group.key, name[1], now)
        if dead is not None:
            self._end(name, dead)

    def _end(self, name: tuple[str, bytes], deny: Deny) -> None:
        ends = self._groups.pop(name).ends
        while ends:
            end = ends.pop(next(iter(ends)))
            try:
                end(deny)
            except Exception:  # noqa: BLE001 - the others of a dead key have to end all the same
                _log.exception("an exchange of key %s could not be ended", name[0])
