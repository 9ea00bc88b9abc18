"""Guarantees of gateway/core/routes.py: the most specific path wins, whatever the order, in every reading."""

import itertools

import pytest

from gateway.core.refusal import Deny, Reason
from gateway.core.routes import (
    FORWARDED_METHODS,
    OWN_ROUTES,
    Anonymous,
    Own,
    Route,
    RouteError,
    RouteTable,
    path_problem,
    route_errors,
    split_path,
)
from tests.unit.core.faulty_routes import FAULTY_PATHS, TIES
from tests.unit.core.samples import networks, routes_at, table, target

DOORS = [
    Route("admin", "/admin/**", scopes=("keyhatch:admin",)),
    Route("public", "/public/**", public=True),
    Route("rest", "/**"),
]


def found(routes: RouteTable, path: str, method: str = "GET") -> str:
    """The id of the route found, or the reason why there is none."""
    match = routes.match(method, target(path))
    return match.reason.value if isinstance(match, Deny) else match.id


# --- Which path wins ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/", ["/"], ["/a", "/a/"]),
        ("/a", ["/a"], ["/", "/b", "/a/b", "/a/", "/A", "/ab"]),
        ("/a/", ["/a/"], ["/a", "/a/b"]),
        ("/a/b", ["/a/b"], ["/a", "/b", "/a/b/c", "/a/b/"]),
        ("/*", ["/a", "/b", "/*", "/**"], ["/", "/a/b", "/a/"]),
        ("/a/*", ["/a/b", "/a/.x"], ["/a", "/a/", "/a/b/c", "/a/b/", "/b/c"]),
        ("/*/b", ["/a/b", "/x/b"], ["/b", "/a/c", "/a/b/c"]),
        ("/a/*/c", ["/a/b/c"], ["/a/c", "/a/b", "/a/b/d"]),
        ("/a/**", ["/a", "/a/", "/a/b", "/a/b/", "/a/b/c"], ["/", "/b", "/ab"]),
        ("/**", ["/", "/a", "/a/", "/a/b/c"], []),
        ("/*/**", ["/a", "/a/", "/a/b"], ["/"]),
        ("/caf%C3%A9", ["/caf%C3%A9"], ["/cafe"]),
        ("/a:b", ["/a:b"], ["/a"]),
    ],
)
def test_what_a_path_covers(pattern: str, matching: list[str], others: list[str]) -> None:
    doors = table(Route("it", pattern))
    assert {path: found(doors, path) for path in matching} == dict.fromkeys(matching, "it")
    assert {path: found(doors, path) for path in others} == dict.fromkeys(others, "no_route")


@pytest.mark.parametrize(
    ("path", "winner"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/b", "/*"),
        ("/a/", "/a/**"),
        ("/a/b", "/a/b"),
        ("/a/c", "/a/*"),
        ("/a/b/c", "/a/b/**"),
        ("/a/b/", "/a/b/**"),
        ("/a/c/d", "/a/**"),
        ("/x/b", "/*/b"),
        ("/x/y", "/**"),
        ("/a/x/y/z", "/a/**"),
        ("/a/b/c/d", "/a/b/*/d"),
        ("/a/b/c/e", "/a/b/**"),
        ("/x/b/c", "/**"),
    ],
)
def test_the_most_specific_path_wins(path: str, winner: str) -> None:
    paths = ["/", "/a", "/*", "/a/b", "/a/*", "/*/b", "/a/**", "/a/b/**", "/a/b/*/d", "/**"]
    assert found(table(*routes_at(paths)), path) == winner


def test_the_order_of_definition_is_nothing() -> None:
    paths = ["/a", "/*", "/a/**", "/*/b", "/**"]
    asked = ["/", "/a", "/b", "/a/b", "/c/b", "/c/d", "/a/c/d"]
    answers = {
        tuple(found(table(*routes_at(order)), path) for path in asked)
        for order in itertools.permutations(paths)
    }
    assert len(answers) == 1


def test_a_table_without_routes_lets_nothing_pass() -> None:
    assert found(table(), "/") == found(table(), "/v1/models") == "no_route"


def test_a_guarded_folder_has_a_guarded_door() -> None:
    doors = table(*DOORS)
    assert found(doors, "/admin") == found(doors, "/admin/") == found(doors, "/admin/keys") == "admin"


# --- Methods ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(FORWARDED_METHODS))
def test_a_route_without_methods_takes_every_forwarded_one(method: str) -> None:
    assert found(table(Route("it", "/a")), "/a", method) == "it"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "GeT", "X", "PURGE", "", "GET "])
def test_a_route_without_methods_takes_no_other(method: str) -> None:
    assert found(table(Route("it", "/a")), "/a", method) == "method_not_allowed"


@pytest.mark.parametrize(
    ("named", "method", "taken"),
    [
        ({"GET"}, "GET", True),
        ({"GET"}, "HEAD", True),
        ({"GET"}, "POST", False),
        ({"GET"}, "OPTIONS", False),
        ({"GET"}, "get", False),
        ({"HEAD"}, "HEAD", True),
        ({"HEAD"}, "GET", False),
        ({"POST"}, "HEAD", False),
        ({"PURGE"}, "PURGE", True),
        ({"PURGE"}, "GET", False),
        (set(), "GET", False),
    ],
)
def test_a_route_takes_the_methods_it_names(named: set[str], method: str, taken: bool) -> None:
    assert Route("it", "/a", methods=frozenset(named)).takes(method) is taken


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_trace_and_connect_never_pass_even_when_named(method: str) -> None:
    doors = table(Route("it", "/a", methods=frozenset({"GET", method})))
    refused = doors.match(method, target("/a"))
    assert refused == Deny(Reason.METHOD_NOT_ALLOWED, {"allow": "GET, HEAD", "method": method}, "it")


def test_the_path_comes_before_the_method() -> None:
    doors = table(Route("read", "/a/b", methods=frozenset({"GET"})), Route("rest", "/a/**"))
    assert found(doors, "/a/b", "POST") == "method_not_allowed"
    assert found(doors, "/a/c", "POST") == "rest"


def test_two_routes_may_share_a_path_and_part_by_method() -> None:
    doors = table(
        Route("read", "/a", methods=frozenset({"GET"})), Route("write", "/a", methods=frozenset({"POST"}))
    )
    assert [found(doors, "/a", method) for method in ("GET", "HEAD", "POST", "PUT")] == [
        "read",
        "read",
        "write",
        "method_not_allowed",
    ]


@pytest.mark.parametrize(
    ("named", "allow"),
    [
        ([{"GET"}], "GET, HEAD"),
        ([{"POST"}, {"GET"}], "GET, HEAD, POST"),
        ([{"PURGE"}], "PURGE"),
        ([{"PURGE", "POST"}], "POST, PURGE"),
        ([None], ", ".join(sorted(FORWARDED_METHODS))),
    ],
)
def test_a_refused_method_is_told_which_ones_are_taken(named: list[set[str] | None], allow: str) -> None:
    doors = table(
        *(
            Route(str(number), "/a", methods=None if methods is None else frozenset(methods))
            for number, methods in enumerate(named)
        )
    )
    refused = doors.match("NONE", target("/a"))
    assert refused == Deny(Reason.METHOD_NOT_ALLOWED, {"allow": allow, "method": "NONE"}, "0")


# --- Every reading of a path --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/ADMIN/keys",
        "/Admin",
        "/%61dmin/keys",
        "/%2561dmin/keys",
        "/admin;x/keys",
        "/admin%3Bx/keys",
        "/admin%3Fx",
        "/admin%23x",
        "/admin./keys",
        "/admin../keys",
        "/admin%20/keys",
        "/adm%C4%B1n/keys",
        "/adm%C4%B0n/keys",
        "/%EF%BD%81dmin/keys",
        "/admin%EF%BC%9Fx",
        "/PUBLIC/x",
        "/public;x/y",
        "/%70ublic/x",
        "/public./x",
    ],
)
def test_a_path_that_another_server_reads_as_a_differently_guarded_one_is_refused(path: str) -> None:
    assert found(table(*DOORS), path) == "target_ambiguous"
    assert found(table(*DOORS[:2]), path) == "no_route"


@pytest.mark.parametrize(
    "path", ["/admin/Keys", "/admin/%6Beys", "/admin/keys;x", "/admin/keys.", "/admin/x/"]
)
def test_a_path_that_is_guarded_alike_in_every_reading_is_found(path: str) -> None:
    assert found(table(*DOORS), path) == "admin"


def test_a_reading_without_a_route_is_refused() -> None:
    doors = table(Route("files", "/files/*"), Route("docs", "/docs"))
    assert found(doors, "/files/%3Fx") == "target_ambiguous"
    assert found(doors, "/files/a%3Fx") == "files"


def test_a_reading_that_takes_another_method_is_refused() -> None:
    doors = table(Route("write", "/v1/jobs", methods=frozenset({"POST"})), Route("rest", "/v1/**"))
    assert found(doors, "/v1/jobs/", "GET") == "target_ambiguous"
    assert found(doors, "/v1/jobs/", "POST") == "rest"


def test_a_trailing_slash_finds_no_softer_door() -> None:
    doors = table(Route("models", "/v1/models", scopes=("models:read",)), Route("v1", "/v1/**"))
    assert found(doors, "/v1/models/") == "target_ambiguous"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param(Route("a", "/a"), Route("b", "/b", upstream="x"), True, id="upstream-guards-nothing"),
        pytest.param(Route("a", "/a", scopes=("x:y", "x:z")), Route("b", "/b", scopes=("x:z", "x:y")), True),
        pytest.param(Route("a", "/a", scopes=("x:y",)), Route("b", "/b"), False, id="scopes"),
        pytest.param(
            Route("a", "/a", scopes=("x:y",)), Route("b", "/b", any_of=("x:y",)), False, id="any-of"
        ),
        pytest.param(Route("a", "/a", public=True), Route("b", "/b"), False, id="public"),
        pytest.param(
            Route("a", "/a", anonymous=Anonymous(networks("::1/128"), frozenset())),
            Route("b", "/b"),
            False,
            id="anonymous",
        ),
        pytest.param(Route("a", "/a", own=Own.ME), Route("b", "/b"), False, id="own"),
    ],
)
def test_what_makes_two_routes_guard_alike(one: Route, other: Route, alike: bool) -> None:
    assert (one.requirement == other.requirement) is alike


# --- Scopes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "any_of", "held", "satisfied"),
    [
        pytest.param((), (), set(), True, id="any-valid-key"),
        pytest.param(("a:x",), (), {"a:x"}, True, id="one"),
        pytest.param(("a:x",), (), {"a:*"}, True, id="by-wildcard"),
        pytest.param(("a:x",), (), set(), False, id="none-held"),
        pytest.param(("a:x", "b:x"), (), {"a:x"}, False, id="one-of-two"),
        pytest.param(("a:x", "b:x"), (), {"a:x", "b:x"}, True, id="both"),
        pytest.param(("a:x", "b:x"), (), {"*:x"}, True, id="both-by-one-wildcard"),
        pytest.param((), ("a:x", "b:x"), {"b:x"}, True, id="any-of"),
        pytest.param((), ("a:x", "b:x"), {"b:*"}, True, id="any-of-by-wildcard"),
        pytest.param((), ("a:x", "b:x"), {"c:x"}, False, id="any-of-none"),
        pytest.param(("a:x",), ("b:x",), {"a:x"}, False, id="all-but-not-any"),
        pytest.param(("a:x",), ("b:x",), {"b:x"}, False, id="any-but-not-all"),
        pytest.param(("a:x",), ("b:x",), {"a:x", "b:x"}, True, id="all-and-any"),
        pytest.param(("keyhatch:read",), (), {"*"}, False, id="reserved-by-star"),
    ],
)
def test_which_grants_satisfy_a_route(
    scopes: tuple[str, ...], any_of: tuple[str, ...], held: set[str], satisfied: bool
) -> None:
    assert Route("it", "/a", scopes=scopes, any_of=any_of).satisfied_by(frozenset(held)) is satisfied


# --- The gateway's own paths --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/.keyhatch/health", Own.HEALTH),
        ("/.keyhatch/me", Own.ME),
        ("/.keyhatch", Own.NOTHING),
        ("/.keyhatch/", Own.NOTHING),
        ("/.keyhatch/other", Own.NOTHING),
        ("/.keyhatch/me/more", Own.NOTHING),
    ],
)
def test_the_gateways_own_paths_are_its_own_before_a_catch_all(path: str, own: Own) -> None:
    route = table(Route("rest", "/**"), Route("one", "/*/me")).match("GET", target(path))
    assert isinstance(route, Route)
    assert route.own is own


@pytest.mark.parametrize("path", ["/.KEYHATCH/me", "/%2Ekeyhatch/me", "/.keyhatch;x/me", "/.keyhatch/me/"])
def test_no_spelling_of_the_gateways_own_paths_reaches_the_upstream(path: str) -> None:
    assert found(table(Route("rest", "/**")), path) == "target_ambiguous"


def test_only_the_health_of_the_gateway_is_public() -> None:
    assert [route.id for route in OWN_ROUTES if route.public and route.own is not Own.NOTHING] == [
        "keyhatch-health"
    ]


# --- What a configuration may not say -----------------------------------------------------------------


@pytest.mark.parametrize(("path", "problem"), FAULTY_PATHS)
def test_a_faulty_path_is_named(path: str, problem: str) -> None:
    assert problem in (path_problem(path) or "")
    with pytest.raises(RouteError) as raised:
        RouteTable([Route("faulty", path)])
    assert raised.value.route_id == "faulty"
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/*",
        "/**",
        "/a",
        "/a/",
        "/a/*/b/**",
        "/.well-known/x",
        "/caf%C3%A9",
        "/v1/a:b",
        "/a%20b",
        "/x.keyhatch",
    ],
)
def test_a_sound_path_has_no_problem(path: str) -> None:
    assert path_problem(path) is None
    assert list(route_errors([Route("it", path)])) == []


@pytest.mark.parametrize(("one", "other", "ties"), TIES)
def test_two_routes_that_could_claim_one_request_are_an_error(
    one: tuple[str, set[str] | None], other: tuple[str, set[str] | None], ties: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        routes = [
            Route(f"r{number}", path, methods=None if methods is None else frozenset(methods))
            for number, (path, methods) in enumerate((first, second))
        ]
        errors = list(route_errors(routes))
        assert [error.route_id for error in errors] == (["r1"] if ties else [])
        assert all("ties with route 'r0'" in str(error) for error in errors)


def test_all_faults_are_found_at_once_in_the_order_of_definition() -> None:
    routes = [Route("a", "/x"), Route("b", "x"), Route("c", "/X"), Route("d", "/y*"), Route("e", "/x/")]
    assert [error.route_id for error in route_errors(routes)] == ["b", "c", "d", "e", "e"]


def test_a_pattern_is_split_as_a_path_is() -> None:
    assert split_path("/") == ("",)
    assert split_path("/a/*/**") == ("a", "*", "**")
    assert split_path("/a/") == target("/a/").segments


def test_what_was_found_is_found_again_and_no_more_is_remembered_than_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.core.routes._FOUND_MAX", 2)
    everything = RouteTable([Route("any", "/**", "main")])
    for _ in range(2):
        for path in ("/a", "/b", "/c"):
            found = everything.match("GET", target(path))
            assert isinstance(found, Route)
            assert (found.id, everything.match("GET", target(path))) == ("any", found)
            assert isinstance(everything.match("BREW", target(path)), Deny)
