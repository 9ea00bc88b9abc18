"""Watched keys: of a few keys that somebody waits for, the last call that was made with each.

Promises
1. While no key is watched, nobody is told of any exchange: `Watched` joins the observers with the first key
   and leaves them when the last one was let go.
2. A key is watched from the moment its secret was issued, and from each look at it, for `WATCH_S` after the
   last of these. At most `KEYS_MAX` are watched at a time: the one looked at longest ago goes first.
3. Who waits for a new secret is not told of the one before, though it may still work: a call that was let
   pass is noted if it was made with the key's own secret, and with a new secret a watch begins anew.
4. Refused calls are noted too, if their key is known: they say what is wrong, whatever the secret.
5. Noting a call is a plain call: a look-up and a tuple.
6. What a caller wrote into a call is cleaned, by the given `Clean`, before anybody sees it.

A call is told when it is over: of one that only began the observers know nothing but that there is one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.core.keys import ApiKey
from gateway.core.refusal import Reason
from gateway.keeper.ports import Clock, Exchange, Observer

WATCH_S: Final = 900.0
KEYS_MAX: Final = 100
PATH_CHARS_MAX: Final = 200
METHOD_CHARS_MAX: Final = 20

Clean = Callable[[str, int], str]
"""A caller's text without what looks like a secret, printable, and at most so many characters of it."""


class Call(NamedTuple):
    """An exchange that ended `at` (seconds since 1970), as far as it tells whether a key works.

    `status` 0: the caller was gone before it was sent an answer.
    """

    at: float
    method: str
    path: str
    status: int
    reason: Reason | None
    peer: str
    route_id: str | None


@dataclass(slots=True)
class Watch:
    """One key's, and its own secret's: `since` in seconds since 1970, `until` in monotonic ones."""

    digest: bytes = field(repr=False)
    since: float
    until: float
    call: Call | None = None


class Watched:
    """The keys that somebody waits for. An observer of exchanges, while there are any."""

    def __init__(
        self,
        clock: Clock,
        clean: Clean,
        join: Callable[[Observer], object],
        leave: Callable[[Observer], object],
    ) -> None:
        self._clock = clock
        self._clean = clean
        self._join = join
        self._leave = leave
        self._watches: dict[str | None, Watch] = {}  # None, a call without a key, is never in it
        """The one looked at longest ago, which is the first to be let go, comes first."""

    def look(self, key: ApiKey) -> tuple[Call | None, float]:
        """The key's last call since it is watched, if there was one, and since when that is."""
        self._let_go()
        watch = self._watch(key)
        call = watch.call
        if call is not None:
            method, path = self._clean(call.method, METHOD_CHARS_MAX), self._clean(call.path, PATH_CHARS_MAX)
            call = call._replace(method=method, path=path)
        return call, watch.since

    def exchange_began(self) -> None:
        """Nothing is known of it yet."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Note an exchange, if its key is watched."""
        self._let_go()
        watch = self._watches.get(exchange.key_id)
        if watch is not None and exchange.digest in (None, watch.digest):
            watch.call = Call(
                self._clock.now(),
                exchange.method,
                exchange.path,
                exchange.status,
                exchange.reason,
                exchange.peer,
                exchange.route_id,
            )

    def _watch(self, key: ApiKey) -> Watch:
        if not self._watches:
            self._join(self)
        watch = self._watches.pop(key.id, None)
        if len(self._watches) >= KEYS_MAX:
            del self._watches[next(iter(self._watches))]
        if watch is None or watch.digest != key.digest:
            watch = Watch(key.digest, self._clock.now(), 0.0)
        watch.until = self._clock.monotonic() + WATCH_S
        self._watches[key.id] = watch
        return watch

    def _let_go(self) -> None:
        """Forget the keys that nobody asked for lately; after the last of them nobody watches."""
        now = self._clock.monotonic()
        while self._watches:
            first = next(iter(self._watches))
            if self._watches[first].until > now:
                return
            del self._watches[first]
            if not self._watches:
                self._leave(self)
