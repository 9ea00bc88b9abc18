"""The servers of an upstream, how each of them stands, and which one is asked next. Pure: no clock, no I/O.

An upstream has one target or several that are alike. What is known of a target is kept in its `Standing`, by
three witnesses: the operator (drained), active checks (down) and the requests themselves (ejected).

1. A drained target is never chosen; what is under way there goes on.
2. A target that is down, or ejected for a time, is chosen only where no other is left: a gateway that knows
   of nobody better tries anyway.
3. After `eject.failures` failures in a row a target is ejected for `eject.for_s`, each time twice as long as
   the time before, at most `EJECT_GROWTH_MAX` times as long. When the time is over one request tries it,
   while others go elsewhere; the first answer ends the matter.
4. Among those that may be chosen the next in turn is taken (`round_robin`), or of those with the fewest
   exchanges under way the next in turn (`least_busy`). So each of them has its turn.
5. A standing survives a reload as long as its upstream has a target of the same name at the same place.

Moments are monotonic seconds. Values are tuples with names: as data classes they took 30 KiB more.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

EJECT_GROWTH_MAX: Final = 16
NEVER: Final = float("inf")

Balance = Literal["round_robin", "least_busy"]


class Tls:
    """How a connection to an https target is secured; alike is only the very same.

    `context` is an `ssl.SSLContext` (None: the system's authorities and no certificate of our own), and
    `server_name` the name that the certificate must hold, if not the host's.
    """

    __slots__ = ("context", "server_name")

    def __init__(self, context: Any = None, server_name: str | None = None) -> None:
        self.context = context
        self.server_name = server_name


class Origin(NamedTuple):
    """Where a connection leads: connections to one origin are alike. `path`: that of a Unix socket."""

    scheme: str
    host: str
    port: int
    path: str = ""
    tls: Tls | None = None


class UpstreamTarget(NamedTuple):
    """One server of an upstream: `host` in ASCII; behind a Unix socket it has a `path` and is `localhost`."""

    name: str
    scheme: str
    host: str
    port: int
    path: str = ""
    tls: Tls | None = None

    @property
    def authority(self) -> str:
        """`host[:port]`, without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Its address as an `Origin` field would name it."""
        return f"{self.scheme}://{self.authority}"

    @property
    def origin(self) -> Origin:
        """Where connections to it lead."""
        return Origin(self.scheme, self.host, self.port, self.path, self.tls)

    @property
    def place(self) -> tuple[str, str, str, int, str]:
        """What a reload must leave as it is for this to count as the same target."""
        return self.name, self.scheme, self.host, self.port, self.path


class Eject(NamedTuple):
    """After how many failures in a row a target is left out, and for how long the first time."""

    failures: int = 3
    for_s: float = 10.0


class Check(NamedTuple):
    """How the targets of an upstream are asked whether they are well."""

    path: str
    every_s: float = 5.0
    timeout_s: float = 2.0
    rise: int = 2
    fall: int = 3


class State(StrEnum):
    """How a target stands."""

    UP = "up"
    DOWN = "down"
    EJECTED = "ejected"
    DRAINED = "drained"


class Standing:
    """What is known of one target. `busy`: the exchanges under way there, counted by the planes.

    `out_until`: it is passed over until then. `last_error`: what went wrong there last, never an address.
    """

    __slots__ = (
        "_ejected_until",
        "busy",
        "check_due",
        "checks_alike",
        "ejections",
        "ejections_total",
        "failures",
        "is_down",
        "is_drained",
        "last_error",
        "origin",
        "out_until",
        "since",
        "target",
    )

    def __init__(self, target: UpstreamTarget) -> None:
        self.target = target
        self.origin = target.origin
        self.busy = 0
        self.is_drained = self.is_down = False
        self.failures = self.ejections = self.ejections_total = 0
        self.out_until = self._ejected_until = 0.0
        self.since: float | None = None
        self.last_error: str | None = None
        self.check_due = 0.0
        self.checks_alike = 0

    @property
    def state(self) -> State:
        """How it stands. One that was ejected stays so until it has answered again."""
        if self.is_drained:
            return State.DRAINED
        if self.is_down:
            return State.DOWN
        return State.EJECTED if self.ejections else State.UP

    def drain(self, now: float, *, drained: bool) -> None:
        """The operator takes it out, or back in."""
        if self.is_drained is not drained:
            self.is_drained, self.since = drained, now
            self._reckon()

    def checked(self, now: float, check: Check, fault: str | None) -> State | None:
        """What a check found (`fault` None: it is well); returns its state where that changed by it.

        One that is well also ends an ejection whose time is over.
        """
        before = self.state
        if fault is not None:
            self.last_error = fault
        elif self.ejections and self._ejected_until <= now:
            self._forgive()
        if (fault is not None) is self.is_down:
            self.checks_alike = 0
        else:
            self.checks_alike += 1
            if self.checks_alike >= (check.rise if self.is_down else check.fall):
                self.is_down, self.checks_alike = not self.is_down, 0
        return self._settled(now, before)

    def unchecked(self) -> None:
        """Nobody checks it any more: what checks have found is forgotten."""
        self.is_down, self.checks_alike = False, 0
        self._reckon()

    def failed(self, now: float, eject: Eject, why: str) -> State | None:
        """A request found nobody there, or no answer; returns its state where that changed by it."""
        before = self.state
        self.last_error = why
        self.failures += 1
        if self.failures >= eject.failures and self._ejected_until <= now:
            growth = min(2 ** min(self.ejections, EJECT_GROWTH_MAX), EJECT_GROWTH_MAX)
            self.ejections += 1
            self.ejections_total += 1
            self._ejected_until = now + eject.for_s * growth
        return self._settled(now, before)

    def worked(self, now: float) -> State | None:
        """It answered a request; returns its state where that changed by it."""
        before = self.state
        self._forgive()
        return self._settled(now, before)

    def hold(self, until: float) -> None:
        """One request tries it after an ejection: the others pass it over meanwhile."""
        self.out_until = until

    def _forgive(self) -> None:
        self.failures = self.ejections = 0
        self._ejected_until = 0.0

    def _settled(self, now: float, before: State) -> State | None:
        self._reckon()
        if self.state is before:
            return None
        self.since = now
        return self.state

    def _reckon(self) -> None:
        self.out_until = NEVER if self.is_drained or self.is_down else self._ejected_until


class Crew:
    """The targets of one upstream, and whose turn it is. `only`: the one there is, where there is but one."""

    __slots__ = ("_is_fair", "_last", "eject", "only", "standings")

    def __init__(
        self, targets: Iterable[UpstreamTarget], balance: Balance = "round_robin", eject: Eject | None = None
    ) -> None:
        self.standings = tuple(Standing(target) for target in targets)
        self.only = self.standings[0] if len(self.standings) == 1 else None
        self.eject = Eject() if eject is None else eject
        self._is_fair = balance == "least_busy"
        self._last = -1

    def pick(self, now: float, tried: tuple[Standing, ...] = ()) -> Standing | None:
        """Who is asked next, of those that were not `tried` for this request; None: nobody is left."""
        only = self.only
        if only is not None:
            return None if only.is_drained or tried else only
        chosen = self._next(now, tried)
        if chosen is None:
            return self._next(NEVER, tried)  # rule 2
        if chosen.ejections:
            chosen.hold(now + self.eject.for_s)  # rule 3
        return chosen

    def find(self, name: str) -> Standing | None:
        """The target of this name."""
        return next((each for each in self.standings if each.target.name == name), None)

    def take_over(self, before: "Crew | None", now: float) -> None:
        """Go on with what was known of the same targets before a reload; the others begin now."""
        known = {} if before is None else {each.target.place: each for each in before.standings}
        self.standings = tuple(self._taken(each, known, now) for each in self.standings)
        self.only = self.standings[0] if self.only is not None else None

    def _taken(self, new: Standing, known: dict[Any, Standing], now: float) -> Standing:
        old = known.get(new.target.place)
        if old is None:
            new.since = now
            return new
        old.target, old.origin = new.target, new.origin
        return old

    def _next(self, now: float, tried: tuple[Standing, ...]) -> Standing | None:
        """The next in turn that is not passed over at this moment (`NEVER`: none but the drained are)."""
        standings, count = self.standings, len(self.standings)
        best, best_at = None, 0
        for step in range(1, count + 1):
            at = (self._last + step) % count
            standing = standings[at]
            if standing.out_until > now or standing.is_drained or standing in tried:
                continue
            if best is None or standing.busy < best.busy:
                best, best_at = standing, at
                if not self._is_fair:
                    break
        if best is not None:
            self._last = best_at
        return best
