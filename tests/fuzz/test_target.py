"""Properties of a target and of the route it finds.

1. No bytes make `read_target` raise; what it accepts it accepts as it came, byte for byte, and again.
2. Deny if any variant would be denied: whatever path some lenient upstream may read in the bytes, the route
   granted for them asks at least as much as the route of that path would.
   That holds too where routes allow encoded slashes, and those pass only where every such path allows them.
3. The whole mutation grid of the guarded path obeys the second property, before every table.
4. The query changes nothing.
"""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.refusal import Deny, Reason
from gateway.core.request import Target, read_target
from gateway.core.routes import FORWARDED_METHODS, OWN_ROUTES, Route, RouteTable
from tests.fuzz.inputs import named_corpus
from tests.fuzz.naive_reader import SHUT, every_reading, plain_match, strictness
from tests.fuzz.path_grid import ADVISORIES, grid

MANY = settings(max_examples=max(200, settings().max_examples))

PUBLIC = Route("public", "/public/**", public=True)
ADMIN = Route("admin", "/admin/**", scopes=("admin:all",))
REST = Route("rest", "/**")
TABLES = {
    "with-catch-all": (PUBLIC, ADMIN, REST),
    "without-catch-all": (PUBLIC, ADMIN),
    "public-catch-all": (Route("all", "/**", public=True), ADMIN),
    "one-guarded-path": (PUBLIC, Route("keys", "/admin/keys", scopes=("admin:all",)), REST),
    "guarded-by-star": (PUBLIC, Route("any", "/*/keys", scopes=("admin:all",)), REST),
    "guarded-by-method": (
        PUBLIC,
        Route("write", "/admin/**", methods=frozenset({"POST"}), scopes=("admin:all",)),
        REST,
    ),
}
COMPILED = {name: RouteTable(routes) for name, routes in TABLES.items()}
WITH_SLASHES = {
    name: RouteTable(replace(route, encoded_slash=True) for route in routes)
    for name, routes in TABLES.items()
}

FRAGMENTS = [
    *(
        "/",
        "/",
        "/",
        "//",
        ".",
        "..",
        "...",
        "admin",
        "public",
        "keys",
        "ADMIN",
        "a",
        "x",
        ";",
        ";x=y",
        "*",
        "**",
    ),
    *(
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%3b",
        "%3f",
        "%23",
        "%25",
        "%2525",
        "2e",
        "61",
        "2561",
        "%61dmin",
        "%20",
        "%09",
    ),
    *(
        "%00",
        "%0a",
        "%7f",
        "%c0%af",
        "%c0%ae",
        "%ff",
        "%c2%a0",
        "%c4%b1",
        "%c4%b0",
        "%cc%81",
        "%ef%bc%8e",
        "%e2%80%a5",
    ),
    *(
        "%ef%bc%8f",
        "%ef%bc%bc",
        "%ef%bc%85",
        "%ef%bc%9b",
        "%ef%bc%9f",
        "%ef%bc%83",
        "%ef%bd%81dmin",
        "%e2%80%8b",
    ),
    *(
        "?",
        "#",
        "\\",
        "%",
        "%zz",
        " ",
        "\t",
        "\0",
        "ı",
        "é",
        ".keyhatch",
        "health",
        "me",
        "api..",
        "~",
        "@",
        ":",
    ),
]
paths = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map(lambda parts: "/" + "".join(parts))
raw_targets = st.one_of(paths.map(str.encode), st.binary(max_size=40), st.text(max_size=20).map(str.encode))
methods = st.sampled_from([*sorted(FORWARDED_METHODS), "get", "X", "TRACE"])


@pytest.mark.parametrize("raw", named_corpus("targets"))
def test_the_corpus_obeys_the_first_two_properties(raw: bytes) -> None:
    check_as_it_came(raw)
    softer = [doors for table in TABLES if (doors := softer_doors(table, "GET", raw.decode("latin-1")))]
    assert softer == []


@MANY
@given(raw_targets)
def test_no_bytes_make_it_raise_and_what_is_accepted_is_accepted_as_it_came(raw: bytes) -> None:
    check_as_it_came(raw)


def check_as_it_came(raw: bytes) -> None:
    """The first property."""
    target = read_target(raw)
    if isinstance(target, Deny):
        assert target.reason is Reason.TARGET_AMBIGUOUS
        assert target.facts["rule"]
        return
    assert target.raw == raw
    assert target.path.encode("ascii") + raw[len(target.path) :] == raw
    assert raw[len(target.path) :] in {b"", b"?" + target.query}
    assert read_target(target.raw) == target
    assert target.readings


@MANY
@given(paths, st.sampled_from(sorted(COMPILED)), methods)
def test_what_is_granted_is_guarded_at_least_as_strictly_in_every_reading(
    path: str, table: str, method: str
) -> None:
    assert softer_doors(table, method, path) == []


def softer_doors(table: str, method: str, raw: str, *, slashes: bool = False) -> list[str]:
    """The readings of a granted target whose own route asks for more than the one granted."""
    target = read_target(raw.encode(), slashes=slashes)
    if isinstance(target, Deny):
        return []
    granted = (WITH_SLASHES if slashes else COMPILED)[table].match(method, target)
    if isinstance(granted, Deny):
        return []
    doors = (*OWN_ROUTES, *TABLES[table])
    asked = {
        reading: strictness(plain_match(doors, method, reading)) for reading in every_reading(target.path)
    }
    return [reading for reading, level in asked.items() if level > strictness(granted)]


@MANY
@given(paths, st.sampled_from(sorted(COMPILED)), methods)
def test_so_it_is_where_every_route_allows_encoded_slashes(path: str, table: str, method: str) -> None:
    assert softer_doors(table, method, path, slashes=True) == []


@MANY
@given(paths, st.sampled_from(sorted(COMPILED)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_an_encoded_slash_passes_only_where_every_reading_finds_a_route_that_allows_it(
    path: str, table: str, allow: list[bool]
) -> None:
    routes = [replace(route, encoded_slash=yes) for route, yes in zip(TABLES[table], allow, strict=False)]
    target = read_target(path.encode(), slashes=True)
    if isinstance(target, Deny) or not target.has_slash:
        assert isinstance(target, Deny) or "%2f" not in path.lower()
        return
    granted = RouteTable(routes).match("GET", target)
    if not isinstance(granted, Deny):
        doors = [plain_match((*OWN_ROUTES, *routes), "GET", each) for each in every_reading(target.path)]
        assert granted.encoded_slash
        assert all(isinstance(door, str) or door.encoded_slash for door in doors)


@pytest.mark.parametrize("slashes", [False, True], ids=["refused", "allowed"])
@pytest.mark.parametrize("table", TABLES)
def test_no_spelling_in_the_grid_finds_a_softer_door(table: str, slashes: bool) -> None:
    softer = {raw: doors for raw in grid() if (doors := softer_doors(table, "GET", raw, slashes=slashes))}
    assert softer == {}


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND", "get", "GeT", "X", "TRACE", "CONNECT"]
)
def test_no_method_opens_what_another_guards(method: str) -> None:
    softer = [
        (table, raw, doors)
        for table, raw in itertools.product(TABLES, ADVISORIES)
        if (doors := softer_doors(table, method, raw))
    ]
    assert softer == []


@pytest.mark.parametrize("raw", ADVISORIES)
def test_no_spelling_from_an_advisory_finds_a_softer_door(raw: str) -> None:
    assert [doors for table in TABLES if (doors := softer_doors(table, "POST", raw))] == []


def test_the_grid_holds_what_it_promises() -> None:
    spelled = list(grid())
    assert len(spelled) > 30_000
    targets = [target for raw in spelled if isinstance(target := read_target(raw.encode()), Target)]
    granted = [COMPILED["with-catch-all"].match("GET", target) for target in targets]
    ids = {route.id for route in granted if isinstance(route, Route)}
    assert ids == {"public", "admin", "rest"}  # some pass, so the properties above are not empty
    assert any(isinstance(route, Deny) for route in granted)


@given(
    paths,
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30),
)
def test_the_query_changes_nothing(path: str, query: str) -> None:
    alone = read_target(path.partition("?")[0].encode())
    asked = read_target((path.partition("?")[0] + "?" + query).encode())
    if isinstance(alone, Deny):
        assert asked == alone
    else:
        assert isinstance(asked, Target)
        assert (asked.path, asked.readings) == (alone.path, alone.readings)


@pytest.mark.parametrize(
    ("path", "reading"),
    [
        ("/public/%2e%2e/admin", "/admin"),
        ("/public/%252e%252e/admin", "/admin"),
        ("/admin;x/keys", "/admin/keys"),
        ("/ADMIN%5ckeys", "/admin/keys"),
        ("/a%3f/b", "/a"),
        ("/public/..%3b/admin", "/admin"),
        ("//admin", "/admin"),
        ("/admin.%20/", "/admin"),
    ],
)
def test_the_naive_reader_is_as_lenient_as_it_says(path: str, reading: str) -> None:
    assert reading in every_reading(path)


def test_the_naive_matcher_knows_shut_from_open() -> None:
    assert strictness(plain_match([ADMIN], "GET", "/public")) == SHUT
    assert strictness(plain_match([ADMIN], "X", "/admin")) == SHUT
    assert [strictness(route) for route in (PUBLIC, REST, ADMIN)] == [0, 1, 2]
