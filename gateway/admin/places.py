"""Places on the admin listener: so many connections at once, and no more.

The process's open files belong to callers (`gateway.plane.connections` leaves 64 of them, or an eighth, for
everything else), so whoever only sits here must not use them up. When every place is taken, the connection
that came first and is not being answered makes room, as on the callers' port; only if each of them is being
answered is the new one closed without a word.
"""

import asyncio
from typing import Final

PLACES_MAX: Final = 64


class Places:
    """The connections that are open, in the order in which they came."""

    def __init__(self, most: int = PLACES_MAX) -> None:
        self._most = most
        self._taken: dict[asyncio.Transport, None] = {}

    def come(self, transport: asyncio.Transport) -> bool:
        """Take a place; False if there is none."""
        if len(self._taken) >= self._most:
            self._taken = dict.fromkeys(each for each in self._taken if not each.is_closing())
        if len(self._taken) >= self._most and not self._make_room():
            return False
        self._taken[transport] = None
        return True

    def _make_room(self) -> bool:
        for each in self._taken:
            if not _is_busy(each):
                del self._taken[each]
                each.abort()
                return True
        return False


def _is_busy(transport: asyncio.Transport) -> bool:
    """Whether it is being answered; what waits for a room to be loaded is soon."""
    return bool(getattr(transport.get_protocol(), "is_busy", True))
