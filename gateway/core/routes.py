"""Routes and the table that finds one: compiled once, immutable, the most specific path wins.

Rules
1. A path is made of literal segments, `*` (exactly one non-empty segment) and, at its end only, `**` (the
   rest, including nothing: `/admin/**` covers `/admin` too, so that a guarded folder has a guarded door).
2. Segment by segment from the left a literal beats `*`, and `*` beats `**`. Order of definition is nothing.
3. The path chooses the route first, the method second: a path whose route does not take the method is
   answered 405, never handed to a less specific route.
4. Two routes that could both claim a request (same path, overlapping methods; also when they differ only
   in what a lenient upstream ignores: case, trailing slash, encoding) are a configuration error.
5. Paths are matched twice: as received, and in each of the target's other readings. A request is granted
   a route only if every reading arrives at the same requirement, and at a route that allows encoded slashes
   if there are any.
6. What is forwarded may be moved (`core.prefixes`), after the path as received was judged.
7. `/.keyhatch/…` belongs to the gateway, and so does `OPTIONS *`; no configured route can claim them.
8. There are two layers. What a person's own routes say of a path, whatever the method, is what is done; only
   a path that none of them covers is asked of the routes of presets. For such a path rule 5 asks all readings
   of both layers, the own routes first. Below a mount only own routes for it, or for more below it, count as
   own: a mount is the person's word too (docs/decisions/0019).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest
from typing import Final

from gateway.core.cors import Cors, any_of
from gateway.core.dialect import Dialect, Dialects, spoken_at
from gateway.core.hosts import NEAR, Hosts
from gateway.core.keys import Network
from gateway.core.prefixes import moved, prefix_problem
from gateway.core.refusal import Deny, Reason
from gateway.core.request import (
    ENCODED_SLASH,
    WHOLE_SERVER,
    Target,
    ambiguous,
    decode_once,
    fold,
    may_be_kept,
    read_target,
)
from gateway.core.scopes import coverers

FORWARDED_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
    | {"COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "UNLOCK"}
)
"""RFC 9110 and 5789, then WebDAV (RFC 4918, 3253, 5323). A route without `methods` takes these; any other
method is refused unless a route names it."""

NEVER_FORWARDED: Final = frozenset({"TRACE", "CONNECT"})
"""Not even where a route names them: TRACE would echo what we add, CONNECT would open a tunnel."""

OWN_PATH: Final = "/.keyhatch"

_FOUND_MAX: Final = 4_096
_TWO_WAYS: Final = "a path holds no ';', '?', '#' or '%25', and neither these nor '*' in encoded form"


class Own(Enum):
    """What the gateway itself answers on the proxied port."""

    HEALTH = "health"
    ME = "me"
    SERVER = "server"
    PREFLIGHT = "preflight"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Callers from these networks need no key and count as holding these scopes.

    Only where they call us by a name of ours (`core.hosts`): else a page that they look at may be calling.
    """

    networks: tuple[Network, ...]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Route:
    """One door. `methods` None means all forwarded ones; `own` marks the gateway's own answers.

    `browser_prompt`: a browser without a key is made to ask its user for one. `strip_prefix` is cut from the
    front of the path and `add_prefix` put there, once it was judged. `cors`: which pages may call it.
    `encoded_slash`: `%2F` may stand in its paths.
    """

    id: str
    path: str
    upstream: str = ""
    methods: frozenset[str] | None = None
    public: bool = False
    scopes: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    anonymous: Anonymous | None = None
    own: Own | None = None
    browser_prompt: bool = False
    strip_prefix: str = ""
    add_prefix: str = ""
    dialect: Dialects = ()
    cors: Cors | None = None
    encoded_slash: bool = False
    needed: tuple[tuple[str, frozenset[str]], ...] = field(init=False, compare=False)
    needed_any: frozenset[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needed", tuple((scope, coverers(scope)) for scope in self.scopes))
        object.__setattr__(self, "needed_any", frozenset().union(*map(coverers, self.any_of)))

    @property
    def requirement(self) -> tuple[object, ...]:
        """What a caller must show here. Two routes with the same requirement guard alike."""
        return (self.public, frozenset(self.scopes), frozenset(self.any_of), self.anonymous, self.own)

    def forwarded(self, target: bytes) -> bytes:
        """The bytes of a judged target, or of its path, as the upstream is sent them."""
        if not self.strip_prefix and not self.add_prefix:
            return target
        return moved(target, self.strip_prefix.encode("ascii"), self.add_prefix.encode("ascii"))

    def takes(self, method: str) -> bool:
        """Whether this route forwards the method; HEAD comes with GET."""
        if self.methods is None:
            return method in FORWARDED_METHODS
        named = method in self.methods or (method == "HEAD" and "GET" in self.methods)
        return named and method not in NEVER_FORWARDED

    def satisfied_by(self, held: frozenset[str]) -> bool:
        """Whether the grants held cover all of `scopes` and at least one of `any_of`."""
        for _, cover in self.needed:
            if cover.isdisjoint(held):
                return False
        return not self.any_of or not self.needed_any.isdisjoint(held)


OWN_ROUTES: Final = (
    Route(
        "keyhatch-health",
        f"{OWN_PATH}/health",
        methods=frozenset({"GET"}),
        public=True,
        own=Own.HEALTH,
    ),
    Route("keyhatch-me", f"{OWN_PATH}/me", methods=frozenset({"GET"}), own=Own.ME),
    Route("keyhatch-own", f"{OWN_PATH}/**", public=True, own=Own.NOTHING),
)
SERVER_ROUTE: Final = Route(
    "keyhatch-server", f"{OWN_PATH}/server", methods=frozenset({"OPTIONS"}), public=True, own=Own.SERVER
)
"""Where `OPTIONS *` goes; its path is a name, no request arrives there by it."""

_PREFLIGHT: Final = f"{OWN_PATH}/preflight"
PREFLIGHT_ROUTE: Final = Route(
    "keyhatch-preflight", _PREFLIGHT, methods=frozenset({"OPTIONS"}), public=True, own=Own.PREFLIGHT
)
"""Where a preflight goes that no route was found for."""

_MOUNTED: Final = Route("keyhatch-mounted", f"{OWN_PATH}/mounted", own=Own.NOTHING)  # for a preset's routes


class RouteError(ValueError):
    """A route, or a pair of them, that cannot be compiled. `route_id` is the one to look at."""

    def __init__(self, route_id: str, message: str) -> None:
        super().__init__(message)
        self.route_id = route_id


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    star: "_Node | None" = None
    here: list[Route] = field(default_factory=list)
    rest: list[Route] = field(default_factory=list)

    def add(self, segments: Iterable[str], route: Route) -> None:
        node = self
        for segment in segments:
            if segment == "**":
                node.rest.append(route)
                return
            if segment == "*":
                node.star = node.star or _Node()
                node = node.star
            else:
                node = node.literals.setdefault(segment, _Node())
        node.here.append(route)

    def hand_on(self, segments: Iterable[str]) -> None:
        """What lies below is another layer's, unless a route here is as specific."""
        node = self
        for segment in segments:
            node = node.literals.setdefault(segment, _Node())
        node.rest = node.rest or [_MOUNTED]

    def find(self, segments: tuple[str, ...], at: int = 0) -> list[Route]:
        """The routes of the most specific path that covers these segments; empty if none does."""
        if at == len(segments):
            return self.here or self.rest
        segment = segments[at]
        child = self.literals.get(segment)
        if child is not None and (found := child.find(segments, at + 1)):
            return found
        if self.star is not None and segment and (found := self.star.find(segments, at + 1)):
            return found
        return self.rest


class _Layer:
    """Routes of one rank, to be found by paths as received and as they may be read."""

    __slots__ = ("folded", "received")

    def __init__(self, routes: Iterable[Route], mounts: Iterable[str] = ()) -> None:
        self.received = _Node()
        self.folded = _Node()
        for route in routes:
            self.received.add(split_path(route.path), route)
            self.folded.add(_fold_pattern(route.path), route)
        for mount in mounts:
            self.received.hand_on(split_path(mount))
            self.folded.hand_on(_fold_pattern(mount))


class RouteTable:
    """All routes, compiled. `RouteTable(routes)` raises `RouteError` for the first faulty route or tie.

    `presets` are the routes of presets (rule 8), in which `Own.NOTHING` closes what lies below `mounts`;
    `dialect` is what is spoken where there is no route. `by_id` finds a route again by what a refusal calls
    it; `cors` answers every origin that a route does. `hosts`: how we are called by who shows no key.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        presets: Iterable[Route] = (),
        dialect: Dialects = (),
        hosts: Hosts = NEAR,
        mounts: Iterable[str] = (),
    ) -> None:
        own, more = tuple(routes), tuple(presets)
        for error in (*route_errors(own), *route_errors(more)):
            raise error
        self.routes = (*own, *(route for route in more if route.own is None))
        self.by_id = {route.id: route for route in (*OWN_ROUTES, *self.routes)}
        self.takes_slashes = any(route.encoded_slash for route in self.routes)
        self.cors = any_of(route.cors for route in self.routes)
        self.hosts = hosts
        self._found: dict[tuple[str, str], Route | Deny] = {}
        self._layers = (_Layer((*OWN_ROUTES, *own), mounts), *([_Layer(more)] if more else []))
        self._dialect = ((OWN_PATH, Dialect.COMBINED), *dialect)
        self._spoken = {route.id: route.dialect for route in self.routes}

    def dialect(self, route_id: str | None, path: str) -> Dialect:
        """In which words a refusal is told: the refused route's, else what is spoken at that path."""
        return spoken_at(path, self._spoken.get(route_id or "", self._dialect))

    def match(self, method: str, target: Target) -> Route | Deny:
        """The one route for this request, or why there is none (no_route, method_not_allowed, ambiguous).

        What was found is remembered, as `read_target` remembers paths: 0.3 µs for 5.
        """
        if target is WHOLE_SERVER:
            return SERVER_ROUTE
        asked = (method, target.path)
        found = self._found.get(asked)
        if found is None:
            found = self._find(method, target)
            if may_be_kept(target.path.encode("ascii")):
                if len(self._found) >= _FOUND_MAX:
                    self._found.clear()
                self._found[asked] = found
        return found

    def cors_of(self, route: Route | None) -> Cors | None:
        """Which pages may call a route; what the gateway itself answers, those that may call any of them."""
        if route is None or (route.cors is None and route.own is not None):
            return self.cors
        return route.cors

    def _find(self, method: str, target: Target) -> Route | Deny:
        for rank, layer in enumerate(self._layers, 1):
            found = layer.received.find(target.segments)
            if found and found[0] is not _MOUNTED:
                return self._judge(found, method, target, self._layers[:rank])
        return ambiguous(ENCODED_SLASH) if target.has_slash else Deny(Reason.NO_ROUTE)

    def _judge(
        self, found: list[Route], method: str, target: Target, layers: tuple[_Layer, ...]
    ) -> Route | Deny:
        route = _taking(found, method)
        if route is None:
            return Deny(Reason.METHOD_NOT_ALLOWED, {"allow": _allow(found), "method": method}, found[0].id)
        if target.has_slash and not route.encoded_slash:
            return ambiguous(ENCODED_SLASH)
        for reading in target.readings:
            other = _taking(_first_found(layers, reading), method)
            if other is not route and (other is None or not _are_alike(route, other, target)):
                return ambiguous("another reading of this path would be guarded differently")
        return route


def _are_alike(route: Route, other: Route, target: Target) -> bool:
    """Whether a target that could be either route's is guarded alike by both."""
    allows = other.encoded_slash or not target.has_slash
    return allows and other.requirement == route.requirement


def _first_found(layers: tuple[_Layer, ...], reading: tuple[str, ...]) -> list[Route]:
    every = (layer.folded.find(reading) for layer in layers)
    return next((found for found in every if found and found[0] is not _MOUNTED), [])


def split_path(path: str) -> tuple[str, ...]:
    """A pattern's segments."""
    return tuple(path[1:].split("/"))


def path_problem(path: str) -> str | None:
    """What is wrong with a route's path, or None."""
    if not path.startswith("/"):
        return "a path begins with '/'"
    *inner, last = split_path(path)
    if "**" in inner:
        return "'**' stands for the rest, so it can only come last"
    if any("*" in segment and segment not in ("*", "**") for segment in (*inner, last)):
        return "'*' stands for one whole segment, not for a part of one"
    if any(char in path for char in ";?#"):
        return _TWO_WAYS
    target = read_target(path.replace("**", "rest").replace("*", "one").encode("utf-8", "surrogatepass"))
    if isinstance(target, Deny):
        return target.facts["rule"]
    folded = _fold_pattern(path)
    read = "/".join(folded)
    if any(char in read for char in ";?#%") or read.count("*") != path.count("*"):
        return _TWO_WAYS
    if folded[:1] == (OWN_PATH[1:],):
        return f"{OWN_PATH}/ belongs to the gateway"
    return None


def prefixes_problem(route: Route) -> str | None:
    """What is wrong with a route's prefixes, or None."""
    strip = split_path(route.strip_prefix) if route.strip_prefix else ()
    problems = [prefix_problem(prefix) for prefix in (route.strip_prefix, route.add_prefix) if prefix]
    if split_path(route.path)[: len(strip)] != strip:
        problems.append(f"does not lie under strip_prefix, {route.strip_prefix}")
    return next(filter(None, problems), None)


def route_errors(routes: Iterable[Route]) -> Iterator[RouteError]:
    """Every faulty path and every tie, in the order of definition."""
    claims: dict[tuple[str, ...], list[Route]] = {}
    for route in routes:
        problem = path_problem(route.path) or prefixes_problem(route)
        if problem is not None:
            yield RouteError(route.id, problem)
            continue
        rivals = claims.setdefault(_fold_pattern(route.path), [])
        for rival in rivals:
            if _overlap(route, rival):
                yield RouteError(route.id, f"ties with route '{rival.id}': {route.path} and {rival.path}")
        rivals.append(route)


def patterns_meet(one: str, other: str) -> bool:
    """Whether a request could be covered by both paths, in some reading of it."""
    for mine, theirs in zip_longest(_fold_pattern(one), _fold_pattern(other)):
        if "**" in (mine, theirs):
            return True
        if mine != theirs and ("*" not in (mine, theirs) or not (mine and theirs)):
            return False
    return True


def _fold_pattern(path: str) -> tuple[str, ...]:
    return fold(decode_once(path))


def _overlap(one: Route, other: Route) -> bool:
    return any(one.takes(method) and other.takes(method) for method in _methods_of((one, other)))


def _taking(found: list[Route], method: str) -> Route | None:
    for route in found:
        if route.takes(method):
            return route
    return None


def _allow(found: list[Route]) -> str:
    return ", ".join(sorted(m for m in _methods_of(found) if any(route.takes(m) for route in found)))


def _methods_of(routes: Iterable[Route]) -> frozenset[str]:
    return FORWARDED_METHODS.union(*(route.methods or () for route in routes))
