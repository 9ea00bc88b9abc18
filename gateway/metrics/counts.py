"""The counts of exchanges: what the request path adds to, and the closed sets that its labels come from.

One exchange costs one look-up and a handful of additions. A `Cell` stands for everything about an exchange
that becomes a label; totals by code and by result are added up from the cells at a scrape, so the request
path counts each exchange once. Whatever is not in a closed set is counted as `none` or `other`, and never
makes a new cell: a caller who invents methods or an upstream that invents statuses costs no memory.

Nothing here locks. Counts are added on the event loop's thread; a scrape from another thread would see
each number whole, though not all of the same moment.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.refusal import Reason
from gateway.core.routes import FORWARDED_METHODS, OWN_ROUTES, PREFLIGHT_ROUTE, SERVER_ROUTE, Route
from gateway.keeper.ports import Exchange

NONE: Final = "none"
OTHER: Final = "other"
METHODS: Final = FORWARDED_METHODS | {"TRACE", "CONNECT"}
CUTS: Final = ("caller_gone", "caller_idle", "upstream_cut", "upstream_idle", "key_ended", "shutdown")

ALLOWED: Final = "allowed"
ALLOWED_ANONYMOUS: Final = "allowed_anonymous"
ALLOWED_PUBLIC: Final = "allowed_public"

UPSTREAM_REASONS: Final = (
    Reason.UPSTREAM_UNREACHABLE,
    Reason.UPSTREAM_PROTOCOL,
    Reason.UPSTREAM_TIMEOUT,
    Reason.UPSTREAM_CREDENTIAL_INVALID,
)
BODY_REASONS: Final = (Reason.BODY_TOO_LARGE, Reason.REQUEST_MALFORMED, Reason.REQUEST_TIMEOUT)
"""Reasons found in a head, before the decision, or in a body, after it: an exchange with a route had one."""
RESULTS: Final = (
    ALLOWED,
    ALLOWED_ANONYMOUS,
    ALLOWED_PUBLIC,
    NONE,
    *(reason.value for reason in Reason if reason not in UPSTREAM_REASONS),
)

# From a cached answer on loopback to a model that thinks for minutes.
SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# The gateway's own share is tens of microseconds; what matters is seeing when it is not.
OWN_SECONDS: Final = (
    *(0.000025, 0.00005, 0.0001, 0.00025, 0.0005),
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)


class Histogram:
    """How many values fell into each bucket (`value <= bound`, the last one unbounded), and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class RouteCounts:
    """What is counted per route."""

    label: str
    public: bool = False
    bytes_in: int = 0
    bytes_out: int = 0
    duration: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    first_byte: Histogram = field(default_factory=lambda: Histogram(SECONDS))


@dataclass(slots=True)
class Cell:
    """Exchanges that agree in every label."""

    route: RouteCounts
    method: str
    code: str
    result: str
    exchanges: int = 0


_Key = tuple[str | None, str, int, Reason | None, bool]


class Counts:
    """All counts of exchanges. `know` names the routes and upstreams before they are counted."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.own_overhead = Histogram(OWN_SECONDS)
        self.cut = dict.fromkeys((*CUTS, OTHER), 0)
        self.upstream_errors: dict[tuple[str, str], int] = {}
        self.routes: dict[str | None, RouteCounts] = {None: RouteCounts(NONE)}
        self._cells: dict[_Key, Cell] = {}
        self._settled = Totals({}, dict.fromkeys(RESULTS, 0))
        self.know((*OWN_ROUTES, SERVER_ROUTE, PREFLIGHT_ROUTE))

    def know(self, routes: Iterable[Route]) -> None:
        """Add configured routes and their upstreams to the closed sets. What was counted stays."""
        self._settled = self.totals()
        self._cells.clear()  # a cell's result depends on whether its route was public
        for route in routes:
            self.routes.setdefault(route.id, RouteCounts(route.id)).public = route.public
            for reason in UPSTREAM_REASONS if route.upstream else ():
                self.upstream_errors.setdefault((route.upstream, reason.value), 0)

    def add(self, exchange: Exchange) -> None:
        """Count one exchange that is over."""
        reason = exchange.reason
        key = (exchange.route_id, exchange.method, exchange.status, reason, exchange.key_id is None)
        cell = self._cells.get(key) or self._cell_of(key)
        cell.exchanges += 1
        route = cell.route
        route.bytes_in += exchange.bytes_in
        route.bytes_out += exchange.bytes_out
        route.duration.observe(exchange.duration_s)
        if exchange.first_byte_s is not None:
            route.first_byte.observe(exchange.first_byte_s)
        if exchange.own_s is not None:
            self.own_overhead.observe(exchange.own_s)
        if reason is not None and reason in UPSTREAM_REASONS:
            self._add_upstream_error(exchange.upstream, reason)
        if exchange.cut is not None:
            self.cut[exchange.cut if exchange.cut in self.cut else OTHER] += 1

    def totals(self) -> "Totals":
        """The exchanges so far by route, method and code, and by result."""
        requests, results = dict(self._settled.requests), dict(self._settled.results)
        for cell in tuple(self._cells.values()):
            labels = (cell.route.label, cell.method, cell.code)
            requests[labels] = requests.get(labels, 0) + cell.exchanges
            results[cell.result] += cell.exchanges
        return Totals(requests, results)

    def _cell_of(self, key: _Key) -> Cell:
        """The cell of these labels, once what is outside the closed sets was folded together."""
        route_id, method, status, reason, keyless = key
        if route_id not in self.routes:
            route_id = None
        if method not in METHODS:
            method = OTHER
        if not 100 <= status <= 599:
            status = -1 if status else 0
        folded = (route_id, method, status, reason, keyless)
        cell = self._cells.get(folded)
        if cell is None:
            route = self.routes[route_id]
            result = _result(route if route_id else None, reason, keyless=keyless)
            cell = self._cells[folded] = Cell(route, method, _code(status), result)
        return cell

    def _add_upstream_error(self, upstream: str | None, reason: Reason) -> None:
        label = (upstream or NONE, reason.value)
        if label not in self.upstream_errors:
            label = (NONE, reason.value)
        self.upstream_errors[label] = self.upstream_errors.get(label, 0) + 1


@dataclass(frozen=True, slots=True)
class Totals:
    """Exchanges by (route, method, code), and by result."""

    requests: dict[tuple[str, str, str], int]
    results: dict[str, int]


def _code(status: int) -> str:
    """The `code` label: a status, `none` where nothing was sent, `other` outside 100 to 599."""
    if status > 0:
        return str(status)
    return OTHER if status else NONE


def _result(route: RouteCounts | None, reason: Reason | None, *, keyless: bool) -> str:
    """What was decided. Trouble upstream or with a body comes after the decision, which was to allow."""
    after = reason in UPSTREAM_REASONS or (reason in BODY_REASONS and route is not None)
    if reason is not None and not after:
        return reason.value
    if route is None:
        return NONE
    if not keyless:
        return ALLOWED
    return ALLOWED_PUBLIC if route.public else ALLOWED_ANONYMOUS
