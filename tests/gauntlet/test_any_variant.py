"""Deny if any variant would be denied: for any rules and any path, whatever a lenient upstream may read.

For every way in which some upstream could read the path (raw, decoded once, twice, dots resolved, slashes
merged, parameters cut, in lower case, and any of these together), the reference evaluator is asked. If it
denies one of them, the gateway denies the request.
"""

from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.core.decision import Allow, NeedKey
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny
from gateway.core.request import RequestView, read_target
from gateway.core.routes import Route, RouteTable
from tests.fuzz.naive_reader import every_reading
from tests.fuzz.path_grid import ADVISORIES
from tests.gauntlet.reference import ALLOWED, WORDS, evaluate, grants, methods, rule_sets
from tests.support.plane_stand import EPOCH_S, KEY, key

MANY = settings(max_examples=max(200, settings().max_examples))
PIECES = (
    *(
        "/",
        "/",
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%252e",
        "%2f",
        "%5c",
        "\\",
        ";",
        ";a=b",
        "%3b",
        "%3f",
    ),
    *("%23", "%00", "%20", "%61dmin", "ADMIN", "Public", "%6beys", "%256beys", "%78", "%2578", "%c4%b1", "X"),
    *(";a=b", "ad", "min", "*", "%2a", ".x", "x.", "%09", "?q=/admin", "%25", "%ef%bd%98", "%e2%80%8b"),
)

paths = st.lists(st.sampled_from([*WORDS, *WORDS, *PIECES]), max_size=8).map(
    lambda parts: "/" + "".join(parts)
)
usual_paths = st.lists(st.sampled_from([*WORDS, "other"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def decided(rules: list[Route], method: str, path: str, held: frozenset[str]) -> str:
    """What the gateway says to a living key with these grants."""
    target = read_target(path.encode())
    if isinstance(target, Deny):
        return target.reason.value
    view = RequestView(method, target, ((b"x-api-key", KEY),), "127.0.0.1")
    decision = admit(view, RouteTable(rules), Ours("kh"))
    if isinstance(decision, NeedKey):
        decision = judge(decision, replace(key(), scopes=held), EPOCH_S)
    return ALLOWED if isinstance(decision, Allow) else decision.reason.value


@MANY
@given(rule_sets(), methods, st.lists(paths, min_size=8, max_size=8), grants)
def test_what_is_allowed_would_be_allowed_in_every_reading(
    rules: list[Route], method: str, spelled: list[str], held: frozenset[str]
) -> None:
    for path in (*spelled, ADVISORIES[len(spelled[0]) % len(ADVISORIES)]):
        if decided(rules, method, path, held) == ALLOWED:
            event("allowed")
            assert denied_readings(rules, method, path, held) == set()


def denied_readings(rules: list[Route], method: str, path: str, held: frozenset[str]) -> set[str]:
    """The readings that the reference evaluator would refuse."""
    readings = every_reading(path.partition("?")[0])
    return {each for each in readings if evaluate(rules, method, each, held) != ALLOWED}


@pytest.mark.parametrize(
    "path",
    ["/x/..;/admin/k", "/%61dmin/k", "/%2561dmin/k", "/x/../admin", "//admin/k", "/ADMIN", "/admin;a"],
)
def test_who_looks_at_the_raw_path_alone_is_found_out(path: str) -> None:
    rules = [Route("admin", "/admin/**", scopes=("a:write",)), Route("rest", "/**")]
    assert evaluate(rules, "GET", path, frozenset()) == ALLOWED
    assert denied_readings(rules, "GET", path, frozenset()) != set()
    assert decided(rules, "GET", path, frozenset()) == "target_ambiguous"


@MANY
@given(rule_sets(), methods, usual_paths, grants)
def test_a_path_with_one_reading_is_decided_as_documented(
    rules: list[Route], method: str, path: str, held: frozenset[str]
) -> None:
    assert decided(rules, method, path, held) == evaluate(rules, method, path, held)


@MANY
@given(rule_sets(), methods, usual_paths, grants, grants)
def test_more_scopes_never_open_less(
    rules: list[Route], method: str, path: str, held: frozenset[str], more: frozenset[str]
) -> None:
    if decided(rules, method, path, held) == ALLOWED:
        assert decided(rules, method, path, held | more) == ALLOWED


@MANY
@given(rule_sets(), usual_paths, grants)
def test_head_opens_what_get_opens(rules: list[Route], path: str, held: frozenset[str]) -> None:
    by_get = decided(rules, "GET", path, held)
    assert by_get in {decided(rules, "HEAD", path, held), "method_not_allowed"}
