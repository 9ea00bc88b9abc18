"""Silence opens no door, typos close none, and each broken rule is told once at its place."""

from typing import Any

import pytest

from gateway.config.route_sections import RouteSettings
from gateway.config.rules import Draft, broken_rules

CATALOGUE = ("chat:write", "models:read")
UPSTREAMS = ("ai", "voice")


def draft(index: int = 0, broken: frozenset[str] = frozenset(), **written: Any) -> Draft:
    """A route that is sound unless it says otherwise."""
    sound = {"id": f"r{index}", "path": f"/{index}", "upstream": "ai"}
    return Draft(index, RouteSettings.model_validate(sound | written), broken)


def told(*drafts: Draft) -> list[str]:
    """What the rules say, with the place before it and the hint behind it."""
    findings = broken_rules(drafts, CATALOGUE, UPSTREAMS)
    return [f"{finding.loc} {finding.message} {finding.hint}".rstrip() for finding in findings]


@pytest.mark.parametrize(
    "written",
    [
        {"public": True},
        {"scopes": []},
        {"scopes": ["chat:write", "models:read"]},
        {"any_of": ["chat:write"]},
        {"scopes": [], "any_of": ["chat:write"]},
        {"scopes": ["chat:write"], "anonymous": {"from": ["::1"], "scopes": ["chat:*"]}},
        {"any_of": ["chat:write"], "anonymous": {"from": ["::1"], "scopes": ["*"]}},
        {"scopes": [], "anonymous": {"from": ["::1"]}},
    ],
    ids=str,
)
def test_a_route_that_says_who_may_pass_is_lawful(written: dict[str, Any]) -> None:
    assert told(draft(**written)) == []


NOBODY = "says not who may pass: add scopes: [...] ([] for any valid key), any_of: [...] or public: true"
BOTH = "a public route takes neither scopes, any_of nor anonymous"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, f"('routes', 0) {NOBODY}"),
        ({"public": False}, f"('routes', 0) {NOBODY}"),
        ({"public": True, "scopes": []}, f"('routes', 0, 'public') {BOTH}"),
        ({"public": True, "any_of": ["chat:write"]}, f"('routes', 0, 'public') {BOTH}"),
        ({"public": True, "anonymous": {"from": ["::1"]}}, f"('routes', 0, 'public') {BOTH}"),
        ({"anonymous": {"from": ["::1"], "scopes": ["chat:write"]}}, f"('routes', 0) {NOBODY}"),
        (
            {"scopes": ["chat:wrote"]},
            (
                "('routes', 0, 'scopes', 0) 'chat:wrote' is not in the catalogue (scopes:) "
                "did you mean 'chat:write'?"
            ),
        ),
        (
            {"any_of": ["chat:write", "zz:zz"]},
            "('routes', 0, 'any_of', 1) 'zz:zz' is not in the catalogue (scopes:)",
        ),
        (
            {"upstream": "voise", "public": True},
            "('routes', 0, 'upstream') there is no upstream 'voise' did you mean 'voice'?",
        ),
        ({"path": "v1", "public": True}, "('routes', 0, 'path') a path begins with '/'"),
        (
            {"path": "/.keyhatch/me", "public": True},
            "('routes', 0, 'path') /.keyhatch/ belongs to the gateway",
        ),
    ],
    ids=str,
)
def test_a_broken_rule_is_told_at_its_place(written: dict[str, Any], message: str) -> None:
    assert told(draft(**written)) == [message]


def test_a_grant_that_reaches_nothing_is_told() -> None:
    door = {"from": ["::1"], "scopes": ["chat:write", "chat:wr", "*:read", "zz:*"]}
    assert told(draft(scopes=["chat:write"], anonymous=door)) == [
        (
            "('routes', 0, 'anonymous', 'scopes', 1) 'chat:wr' reaches nothing in the catalogue (scopes:) "
            "did you mean 'chat:write'?"
        ),
        "('routes', 0, 'anonymous', 'scopes', 3) 'zz:*' reaches nothing in the catalogue (scopes:)",
    ]


@pytest.mark.parametrize(
    "keyed", [{"scopes": ["chat:write"]}, {"scopes": [], "any_of": ["chat:write"]}], ids=str
)
def test_an_anonymous_entry_that_lets_nobody_in_is_told(keyed: dict[str, Any]) -> None:
    door = {"from": ["::1"], "scopes": ["models:read"]}
    assert told(draft(anonymous=door, **keyed)) == [
        "('routes', 0, 'anonymous', 'scopes') lets nobody in: its scopes do not satisfy the route's own"
    ]


def test_ids_are_unique() -> None:
    drafts = [draft(index, id="same", public=True) for index in range(3)]
    assert told(*drafts) == [
        "('routes', 1, 'id') 'same' is already the id of routes[0]",
        "('routes', 2, 'id') 'same' is already the id of routes[0]",
    ]


def test_a_tie_is_told_once_for_each_later_route() -> None:
    drafts = [draft(index, path=path, public=True) for index, path in enumerate(["/a", "/A", "/a/", "/b"])]
    assert told(*drafts) == [
        "('routes', 1, 'path') ties with route 'r0': /A and /a",
        "('routes', 2, 'path') ties with route 'r0': /a/ and /a",
    ]


def test_a_tie_between_routes_of_one_id_is_told_by_position() -> None:
    drafts = [draft(index, id="same", path="/a", public=True) for index in range(2)]
    assert told(*drafts)[1:] == ["('routes', 1, 'path') ties with route 'routes[0]': /a and /a"]


@pytest.mark.parametrize(
    ("broken", "written"),
    [
        ({"upstream"}, {"upstream": "gone", "public": True}),
        ({"public"}, {}),
        ({"scopes"}, {}),
        ({"anonymous"}, {"public": True, "scopes": []}),
        ({"scopes"}, {"any_of": ["chat:write"], "anonymous": {"from": ["::1"]}}),
        ({"path"}, {"path": "v1", "public": True}),
    ],
    ids=str,
)
def test_a_rule_that_needs_a_broken_field_stays_silent(broken: set[str], written: dict[str, Any]) -> None:
    assert told(draft(broken=frozenset(broken), **written)) == []


def test_broken_ids_and_methods_make_no_false_duplicates_and_ties() -> None:
    same_id = [draft(index, frozenset({"id"}), id="stand-in", public=True) for index in range(2)]
    assert told(*same_id) == []
    same_path = [draft(index, frozenset({"methods"}), path="/a", public=True) for index in range(2)]
    assert told(*same_path) == []


@pytest.mark.parametrize(
    ("path", "prefix"), [("/llm/**", "/llm"), ("/llm", "/llm"), ("/a/b/c", "/a/b"), ("/llm/*/x", "/llm")]
)
def test_a_route_below_the_prefix_it_strips_is_lawful(path: str, prefix: str) -> None:
    assert told(draft(scopes=[], path=path, strip_prefix=prefix, add_prefix="/x")) == []


@pytest.mark.parametrize("path", ["/**", "/*/x", "/llmx/**", "/LLM/**", "/l"])
def test_a_prefix_that_the_path_does_not_begin_with_is_told_once_and_there(path: str) -> None:
    wrong = draft(scopes=[], path=path, strip_prefix="/llm")
    assert told(wrong) == [f"('routes', 0, 'strip_prefix') the route's path, {path}, does not lie under it"]
    assert told(draft(scopes=[], path=path, strip_prefix="/llm", broken=frozenset({"path"}))) == []
