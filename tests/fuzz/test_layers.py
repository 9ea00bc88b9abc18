"""Properties of the two layers of routes: a person's own, and those of presets.

1. What a person's own routes say of a request is said whatever presets are added.
2. What a preset says is said only of a path that no own route covers in any reading, unless both guard alike.
3. A preset opens no path that an own route covers.
4. Below a mount, what own routes that are no more specific than it say counts for nothing; elsewhere, and
   for all other own routes, it is as if there were no mount.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.dialect import Dialect
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Target, read_target
from gateway.core.routes import OWN_ROUTES, Own, Route, RouteError, RouteTable, route_errors
from tests.fuzz.naive_reader import plain_match
from tests.fuzz.test_routes import found, methods, patterns, verbs

MANY = settings(max_examples=max(150, settings().max_examples))


@st.composite
def guarded(draw: st.DrawFn) -> list[Route]:
    """Routes without ties that ask for different things, in spellings that can be read in another way."""
    routes: list[Route] = []
    spelt = patterns.flatmap(lambda path: st.sampled_from([path, path.upper(), path.replace("a", "%61")]))
    guards: list[dict[str, Any]] = [{"public": True}, {"scopes": ("a:b",)}, {"scopes": ("admin",)}, {}]
    kinds = st.sampled_from(guards)
    for number, (path, verb, kind) in enumerate(draw(st.lists(st.tuples(spelt, verbs, kinds), max_size=6))):
        wider = [*routes, Route(f"r{number}", path, methods=verb, **kind)]
        if not list(route_errors(wider)):
            routes = wider
    return routes


wild_paths = st.lists(st.sampled_from(["a", "A", "%61", "b", "B", "c;x", "c"]), max_size=4).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""]) if parts else "/"])
)


@MANY
@given(guarded(), guarded(), methods, wild_paths)
def test_no_preset_overrules_what_an_own_route_says(
    own: list[Route], presets: list[Route], method: str, path: str
) -> None:
    target = read_target(path.encode())
    assert isinstance(target, Target)
    alone, both = RouteTable(own).match(method, target), RouteTable(own, presets).match(method, target)
    if alone != Deny(Reason.NO_ROUTE):
        assert both == alone
    elif isinstance(both, Route):
        assert both == RouteTable(presets).match(method, target)
        for reading in target.readings:
            read = read_target(("/" + "/".join(reading)).encode())
            if isinstance(read, Target) and isinstance(
                covering := RouteTable(own).match(method, read), Route
            ):
                assert covering.requirement == both.requirement


@MANY
@given(guarded(), guarded(), methods, wild_paths)
def test_a_preset_opens_no_path_that_an_own_route_covers(
    own: list[Route], presets: list[Route], method: str, path: str
) -> None:
    target = read_target(path.encode())
    assert isinstance(target, Target)
    plain = plain_match((*OWN_ROUTES, *own), method, path)
    match = RouteTable(own, presets).match(method, target)
    if plain != "no_route" and isinstance(match, Route):
        assert match in (*OWN_ROUTES, *own)


@MANY
@given(guarded(), guarded(), st.sampled_from(["/a", "/b", "/a/b"]), methods, wild_paths)
def test_a_mount_hides_wider_routes_below_it_and_nothing_else(
    own: list[Route], presets: list[Route], mount: str, method: str, path: str
) -> None:
    target = read_target(path.encode())
    assert isinstance(target, Target)
    closed = Route("closed", f"{mount}/**", public=True, own=Own.NOTHING)
    theirs = [each for each in presets if is_below(each.path, mount) and each.path != closed.path]
    near = [each for each in own if is_below(fold_of(each.path), mount)]
    match = RouteTable(own, [*theirs, closed], mounts=[mount]).match(method, target)
    below = RouteTable(near, [*theirs, closed])
    readings = ["/" + "/".join(reading) for reading in target.readings]
    if is_below(path, mount):
        assert isinstance(match, Deny) or match == below.match(method, target)
    elif not any(is_below(reading, mount) for reading in readings):
        assert match == RouteTable(own, [*theirs, closed]).match(method, target)
    elif isinstance(match, Route):
        for read in (read_target(reading.encode()) for reading in readings if is_below(reading, mount)):
            there = below.match(method, read) if isinstance(read, Target) else read
            assert isinstance(there, Deny) or there.requirement == match.requirement


def is_below(path: str, mount: str) -> bool:
    """Whether a path lies at a mount or below."""
    return f"{path}/".startswith(f"{mount}/")


def fold_of(path: str) -> str:
    """A pattern as a lenient server reads it."""
    return path.lower().replace("%61", "a")


# --- Two layers: a person's routes, and those of presets ----------------------------------------------

MINE = [Route("mine", "/api/tags", methods=frozenset({"GET"}), scopes=("own:scope",))]
THEIRS = [
    Route("ai:tags", "/api/tags", scopes=("models:read",)),
    Route("ai:chat", "/api/chat", scopes=("chat:write",)),
    Route("ai:rest", "/api/**", scopes=("admin",)),
]


@pytest.mark.parametrize(
    ("method", "path", "winner"),
    [
        ("GET", "/api/tags", "mine"),
        ("POST", "/api/tags", "method_not_allowed"),
        ("POST", "/api/chat", "ai:chat"),
        ("GET", "/api/pull", "ai:rest"),
        ("GET", "/other", "no_route"),
        ("GET", "/API/Tags", "no_route"),
        ("GET", "/api/Tags", "target_ambiguous"),
        ("GET", "/.keyhatch/health", "keyhatch-health"),
    ],
)
def test_what_a_persons_route_covers_is_never_asked_of_a_preset(method: str, path: str, winner: str) -> None:
    assert found(RouteTable(MINE, THEIRS), method, path) == winner


def test_a_wide_route_of_a_person_beats_any_path_of_a_preset() -> None:
    doors = RouteTable([Route("all", "/**", public=True)], THEIRS)
    assert [found(doors, "GET", path) for path in ("/api/tags", "/api/pull", "/")] == ["all"] * 3


@pytest.mark.parametrize(
    ("path", "winner"),
    [
        ("/voice", "closed"),
        ("/voice/speech", "voice:speech"),
        ("/voice/other", "closed"),
        ("/voice/mine", "mine"),
        ("/voice/mine/", "target_ambiguous"),
        ("/Voice/speech", "target_ambiguous"),
        ("/voices", "all"),
        ("/", "all"),
    ],
)
def test_a_preset_keeps_its_mount_beside_a_wider_route(path: str, winner: str) -> None:
    own = [Route("all", "/**", scopes=("own:scope",)), Route("mine", "/voice/mine", scopes=("own:scope",))]
    closed = Route("closed", "/voice/**", public=True, own=Own.NOTHING)
    theirs = [Route("voice:speech", "/voice/speech", scopes=("audio:speech",)), closed]
    assert found(RouteTable(own, theirs, mounts=["/voice"]), "GET", path) == winner


def test_a_route_of_a_person_for_the_mount_itself_beats_the_preset() -> None:
    own = [Route("mine", "/Voice/**", methods=frozenset({"GET"}), scopes=("own:scope",))]
    doors = RouteTable(own, [Route("voice:speech", "/Voice/speech")], mounts=["/Voice"])
    assert found(doors, "GET", "/Voice/speech") == "mine"
    assert found(doors, "POST", "/Voice/speech") == "method_not_allowed"


def test_the_table_holds_the_routes_of_both_layers_but_no_closed_door() -> None:
    closed = Route("closed", "/llm/**", public=True, own=Own.NOTHING)
    doors = RouteTable(MINE, [*THEIRS, closed])
    assert doors.routes == (*MINE, *THEIRS)
    assert found(doors, "GET", "/llm/x") == "closed"


def test_a_tie_among_the_routes_of_presets_is_an_error_and_one_across_the_layers_is_none() -> None:
    RouteTable(MINE, [Route("p", "/api/tags")])
    with pytest.raises(RouteError, match="ties with route 'ai:tags'"):
        RouteTable([], [*THEIRS, Route("b:tags", "/api/tags")])


def test_a_refusal_is_told_as_its_route_speaks_or_as_is_spoken_at_its_path() -> None:
    theirs = [Route("ai:chat", "/api/chat", dialect=(("/api", Dialect.OLLAMA),))]
    doors = RouteTable(MINE, theirs, dialect=(("/v1", Dialect.OPENAI),))
    asked = [
        ("ai:chat", "/api/chat"),
        ("mine", "/v1/x"),
        (None, "/v1/x"),
        ("gone", "/v1"),
        (None, "/api/chat"),
    ]
    assert [doors.dialect(*each) for each in asked] == ["ollama", "combined", "openai", "openai", "combined"]
