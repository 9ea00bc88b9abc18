"""The books of idle connections to upstreams. Pure: no sockets and no clock, so that a model can check them.

1. A connection is in the books only while it serves nobody; it is lent to one at a time.
2. The one that came home last is lent first, so that the others grow old and can be closed (LIFO).
3. None is lent that has been idle for `idle_s` or longer: the upstream may be about to close it.
4. A reload begins a new generation: what was opened before it is never lent again.
5. Per origin at most `idle_max` are kept; the one idle longest makes room.
"""

from typing import Final, Generic, TypeVar

from gateway.wire.targets import Origin

__all__ = ("IDLE_MAX", "IDLE_S", "Books", "Origin")

IDLE_S: Final = 4.0  # uvicorn and Node close idle connections after 5 s: be first, avoid the race
IDLE_MAX: Final = 1_024

LinkT = TypeVar("LinkT")


class Books(Generic[LinkT]):
    """Idle connections by origin, each with the moment (monotonic seconds) since when."""

    def __init__(self, *, idle_s: float = IDLE_S, idle_max: int = IDLE_MAX) -> None:
        self.generation = 0
        self._idle_s = idle_s
        self._idle_max = idle_max
        self._idle: dict[Origin, dict[LinkT, float]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def lend(self, origin: Origin, now: float) -> LinkT | None:
        """The connection that came home last, unless it has been idle for too long."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        link, since = idle.popitem()
        if now - since < self._idle_s:
            return link
        idle[link] = since  # the younger ones are gone too: `expired` will tell
        return None

    def take_home(self, origin: Origin, link: LinkT, generation: int, now: float) -> LinkT | None:
        """Keep a connection that serves nobody any more; returns one that is to be closed, if any is."""
        if generation != self.generation:
            return link
        idle = self._idle.setdefault(origin, {})
        idle[link] = now
        if len(idle) <= self._idle_max:
            return None
        oldest = next(iter(idle))
        del idle[oldest]
        return oldest

    def strike(self, origin: Origin, link: LinkT) -> None:
        """A connection is gone, whether it was in the books or not."""
        idle = self._idle.get(origin)
        if idle is not None:
            idle.pop(link, None)
            if not idle:
                del self._idle[origin]

    def expired(self, now: float) -> list[LinkT]:
        """Connections that have been idle for too long, struck from the books; they are to be closed."""
        old = [
            (origin, link)
            for origin, idle in self._idle.items()
            for link, since in idle.items()
            if now - since >= self._idle_s
        ]
        for origin, link in old:
            self.strike(origin, link)
        return [link for _, link in old]

    def retire(self) -> list[LinkT]:
        """Begin a new generation; returns every idle connection, struck from the books, to be closed."""
        self.generation += 1
        links = [link for idle in self._idle.values() for link in idle]
        self._idle.clear()
        return links
