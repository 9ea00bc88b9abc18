"""Properties of the table of routes.

1. Whatever the table and the path, the route found is the one the plain matcher finds.
2. The order of definition is nothing.
3. A table without faults compiles, one with faults does not, and no text makes the judge of paths raise.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.refusal import Deny
from gateway.core.request import Target, read_target
from gateway.core.routes import OWN_ROUTES, Route, RouteError, RouteTable, path_problem, route_errors
from tests.fuzz.naive_reader import plain_match

MANY = settings(max_examples=max(150, settings().max_examples))

words = st.sampled_from(["a", "b", "c"])
patterns = st.tuples(
    st.lists(st.one_of(words, words, st.just("*")), max_size=4), st.sampled_from(["", "/**"])
).map(lambda parts: "/" + "/".join(parts[0]) + (parts[1] if parts[0] else parts[1][1:]))
verbs = st.sampled_from([None, frozenset({"GET"}), frozenset({"POST", "PUT"}), frozenset({"HEAD"})])
paths = st.lists(st.sampled_from(["a", "b", "c", "d", "*"]), max_size=5).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""]) if parts else "/"])
)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "get", "TRACE"])


@st.composite
def tables(draw: st.DrawFn) -> list[Route]:
    """Routes without ties, all open to any key, so that readings never part."""
    routes: list[Route] = []
    for number, (path, verb) in enumerate(draw(st.lists(st.tuples(patterns, verbs), max_size=9))):
        wider = [*routes, Route(f"r{number}", path, methods=verb)]
        if not list(route_errors(wider)):
            routes = wider
    return routes


def found(table: RouteTable, method: str, path: str) -> str:
    target = read_target(path.encode())
    assert isinstance(target, Target)
    match = table.match(method, target)
    return match.reason.value if isinstance(match, Deny) else match.id


@MANY
@given(tables(), methods, paths)
def test_the_route_found_is_the_one_a_plain_matcher_finds(
    routes: list[Route], method: str, path: str
) -> None:
    plain = plain_match((*OWN_ROUTES, *routes), method, path)
    answer = found(RouteTable(routes), method, path)
    if answer == "target_ambiguous":  # only a trailing slash can be read otherwise here
        assert path.endswith("/")
        assert plain_match(routes, method, path.rstrip("/") or "/") in {"no_route", "method_not_allowed"}
    else:
        assert answer == (plain if isinstance(plain, str) else plain.id)


@MANY
@given(tables().flatmap(lambda routes: st.tuples(st.just(routes), st.permutations(routes))), methods, paths)
def test_the_order_of_definition_is_nothing(
    orders: tuple[list[Route], list[Route]], method: str, path: str
) -> None:
    one, other = (found(RouteTable(routes), method, path) for routes in orders)
    assert one == other


@MANY
@given(st.lists(st.one_of(patterns, st.text(max_size=12), st.text(max_size=8).map("/".__add__)), max_size=5))
def test_any_texts_compile_or_are_refused_with_the_routes_name(texts: list[str]) -> None:
    routes = [Route(f"r{number}", text) for number, text in enumerate(texts)]
    errors = list(route_errors(routes))
    assert {error.route_id for error in errors} <= {route.id for route in routes}
    if errors:
        with pytest.raises(RouteError) as raised:
            RouteTable(routes)
        assert (raised.value.route_id, str(raised.value)) == (errors[0].route_id, str(errors[0]))
    else:
        assert RouteTable(routes).routes == tuple(routes)


@MANY
@given(st.text(alphabet="/*.;?#%25eEfFaA3bBkK \\\ud800é", max_size=14).map("/".__add__))
def test_a_path_without_a_problem_is_the_path_of_requests_it_covers(path: str) -> None:
    if path_problem(path) is None:
        asked = path.replace("**", "x/y").replace("*", "z")
        assert found(RouteTable([Route("it", path)]), "GET", asked) == "it"
