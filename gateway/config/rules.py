"""What must hold between the parts of a configuration.

1. A route is `public`, or it has `scopes` or `any_of`; never both, never neither. Silence opens nothing.
2. A scope that a route names stands in the catalogue, so that a typo cannot make an unreachable door.
3. What `anonymous` grants satisfies its route, otherwise the entry could never let anybody in.
4. A route's path lies under the prefix that it strips.
5. A route's upstream exists, its id is its own, its path can be matched, and no other route ties with it.

Rules look at drafts: routes of which some fields may be broken. A rule that needs a broken field stays
silent, so that all problems can be shown at once and none of them twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.config.problems import Loc, meant
from gateway.config.route_sections import RouteSettings
from gateway.core.routes import prefixes_problem, route_errors
from gateway.core.scopes import unknown_grants


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about the value at `loc`, or about its key (`at_key`).

    A message that `quotes` repeats values of the configuration; expanded ones are masked before it is shown.
    `hint` says what was probably meant.
    """

    loc: Loc
    message: str
    hint: str = ""
    quotes: bool = False
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A route, and the names of its fields that hold a stand-in because what was written is broken."""

    index: int
    route: RouteSettings
    broken: frozenset[str] = frozenset()

    def sound(self, *fields: str) -> bool:
        """Whether none of these fields is broken."""
        return self.broken.isdisjoint(fields)

    def at(self, *rest: str | int) -> Loc:
        """Where something of this route stands."""
        return ("routes", self.index, *rest)


def broken_rules(
    drafts: Sequence[Draft], catalogue: Iterable[str], upstreams: Iterable[str]
) -> Iterator[Finding]:
    """Every rule that is broken, route by route."""
    scopes, names = tuple(catalogue), tuple(upstreams)
    for draft in drafts:
        yield from _who_may_pass(draft)
        yield from _known_scopes(draft, scopes)
        yield from _useful_anonymous(draft)
        yield from _reachable_prefix(draft)
        if draft.sound("upstream") and draft.route.upstream not in names:
            message = f"there is no upstream '{draft.route.upstream}'"
            yield Finding(draft.at("upstream"), message, meant(draft.route.upstream, names), quotes=True)
    yield from _own_ids(drafts)
    yield from _matchable_paths(drafts)


def _who_may_pass(draft: Draft) -> Iterator[Finding]:
    if not draft.sound("public", "scopes", "any_of", "anonymous"):
        return
    route = draft.route
    keyed = route.scopes is not None or route.any_of is not None
    if route.public and (keyed or route.anonymous is not None):
        yield Finding(draft.at("public"), "a public route takes neither scopes, any_of nor anonymous")
    elif not route.public and not keyed:
        message = (
            "says not who may pass: add scopes: [...] ([] for any valid key), any_of: [...] or public: true"
        )
        yield Finding(draft.at(), message)


def _known_scopes(draft: Draft, catalogue: Sequence[str]) -> Iterator[Finding]:
    route = draft.route
    for field, scopes in (("scopes", route.scopes), ("any_of", route.any_of)):
        for position, scope in enumerate(scopes or ()):
            if scope not in catalogue:
                message = f"'{scope}' is not in the catalogue (scopes:)"
                yield Finding(draft.at(field, position), message, meant(scope, catalogue), quotes=True)
    grants = () if route.anonymous is None else route.anonymous.scopes
    for position, grant in enumerate(grants):
        if unknown_grants([grant], catalogue):
            message = f"'{grant}' reaches nothing in the catalogue (scopes:)"
            yield Finding(
                draft.at("anonymous", "scopes", position), message, meant(grant, catalogue), quotes=True
            )


def _useful_anonymous(draft: Draft) -> Iterator[Finding]:
    door = draft.route.anonymous
    if door is None or not draft.sound("scopes", "any_of", "anonymous"):
        return
    if not draft.route.compiled().satisfied_by(frozenset(door.scopes)):
        message = "lets nobody in: its scopes do not satisfy the route's own"
        yield Finding(draft.at("anonymous", "scopes"), message)


def _reachable_prefix(draft: Draft) -> Iterator[Finding]:
    if not draft.sound("path", "strip_prefix", "add_prefix"):
        return
    if prefixes_problem(draft.route.compiled()) is not None:
        message = f"the route's path, {draft.route.path}, does not lie under it"
        yield Finding(draft.at("strip_prefix"), message, quotes=True)


def _own_ids(drafts: Iterable[Draft]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for draft in drafts:
        if draft.sound("id") and first.setdefault(draft.route.id, draft.index) != draft.index:
            message = f"'{draft.route.id}' is already the id of routes[{first[draft.route.id]}]"
            yield Finding(draft.at("id"), message, quotes=True)


def _matchable_paths(drafts: Sequence[Draft]) -> Iterator[Finding]:
    named: dict[str, Draft] = {}
    count = Counter(draft.route.id for draft in drafts)
    for draft in drafts:
        own = draft.sound("id") and count[draft.route.id] == 1
        if draft.sound("path", "methods"):
            named[draft.route.id if own else f"routes[{draft.index}]"] = draft
    told: set[str] = set()
    routes = (
        replace(draft.route.compiled(), id=name, strip_prefix="", add_prefix="")  # told at its own place
        for name, draft in named.items()
    )
    for error in route_errors(routes):
        if error.route_id not in told:
            yield Finding(named[error.route_id].at("path"), str(error), quotes=True)
        told.add(error.route_id)
