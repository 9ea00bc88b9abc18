"""The reference evaluator: who may pass, said as plainly as the documentation does, in code of its own.

A rule set is what the operator wrote; the evaluator takes the path as one reader might have read it. Its
answer is the reason code of the refusal, or `allowed`. Beside it the strategies that draw rule sets.
"""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from gateway.core.routes import Route, route_errors

ALLOWED: Final = "allowed"
NEVER: Final = frozenset({"TRACE", "CONNECT"})
STANDARD: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "COPY", "LOCK", "MKCOL", "MOVE"}
    | {"PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "UNLOCK"}
)


@dataclass
class Holder:
    """A key in the evaluator's eyes. `ends`: when it expires; `old_ends`: until when its old secret works."""

    grants: frozenset[str]
    is_revoked: bool = False
    is_disabled: bool = False
    ends: float = float("inf")
    old_ends: float = 0.0

    def standing(self, now: float, *, by_old_secret: bool) -> str:
        """Why its secret is dead, or `allowed`."""
        if self.is_revoked:
            return "key_revoked"
        if now >= self.ends:
            return "key_expired"
        if self.is_disabled:
            return "key_disabled"
        return "key_rotated" if by_old_secret and now >= self.old_ends else ALLOWED


def route_of(rules: list[Route], method: str, path: str) -> Route | str:
    """The most specific rule, or the reason why there is none."""
    claims = [(rank, rule) for rule in rules if (rank := _rank(rule.path, path)) is not None]
    if not claims:
        return "no_route"
    best = min(rank for rank, _ in claims)
    for rank, rule in claims:
        named = STANDARD if rule.methods is None else rule.methods
        if (
            rank == best
            and method not in NEVER
            and (method in named or (method == "HEAD" and "GET" in named))
        ):
            return rule
    return "method_not_allowed"


def evaluate(rules: list[Route], method: str, path: str, grants: frozenset[str]) -> str:
    """What a living key with these grants is answered."""
    rule = route_of(rules, method, path)
    if isinstance(rule, str):
        return rule
    if rule.public:
        return ALLOWED
    enough = all(_covered(scope, grants) for scope in rule.scopes)
    one_of = not rule.any_of or any(_covered(scope, grants) for scope in rule.any_of)
    return ALLOWED if enough and one_of else "scope_missing"


def _covered(scope: str, grants: frozenset[str]) -> bool:
    resource, action = scope.split(":")
    return not grants.isdisjoint({scope, f"{resource}:*", f"*:{action}", "*"})


def _rank(pattern: str, path: str) -> str | None:
    """Literal beats `*` beats `**`, from the left: `a` < `b` < `c`. None where the pattern does not cover."""
    parts, segments = pattern.split("/")[1:], path.split("/")[1:]
    rank = ""
    while parts and parts[0] != "**":
        if not segments or not (parts[0] == segments[0] or (parts[0] == "*" and segments[0])):
            return None
        rank += "b" if parts[0] == "*" else "a"
        parts, segments = parts[1:], segments[1:]
    return rank + "c" if parts else (rank if not segments else None)


SCOPES: Final = ("a:read", "a:write", "b:read")
GRANTS: Final = (*SCOPES, "a:*", "*:read", "*")
WORDS: Final = ("admin", "public", "keys", "x")

_paths = st.tuples(st.lists(st.sampled_from([*WORDS, "*"]), max_size=3), st.sampled_from(["", "/**"])).map(
    lambda drawn: "".join(f"/{word}" for word in drawn[0]) + drawn[1] or "/"
)
_doors = st.one_of(
    st.just({"public": True}),
    st.frozensets(st.sampled_from(SCOPES), max_size=2).map(lambda need: {"scopes": tuple(sorted(need))}),
    st.frozensets(st.sampled_from(SCOPES), min_size=1).map(lambda need: {"any_of": tuple(sorted(need))}),
)
_verbs = st.sampled_from(
    [None, None, frozenset({"GET"}), frozenset({"POST", "PUT"}), frozenset({"X", "get"})]
)
grants = st.frozensets(st.sampled_from(GRANTS), max_size=2)
methods = st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "get", "X", *sorted(NEVER)])


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Route]:
    """Rules without ties."""
    rules: list[Route] = []
    if draw(st.booleans()):
        rules.append(Route("rest", "/**", "main", **draw(_doors)))
    for path, verbs, door in draw(st.lists(st.tuples(_paths, _verbs, _doors), max_size=6)):
        wider = [*rules, Route(f"r{len(rules)}", path, "main", methods=verbs, **door)]
        if not list(route_errors(wider)):
            rules = wider
    return rules
