"""Guarantees of gateway/config/applied.py: what a person wrote wins, and no path belongs to two presets."""

from typing import Any

import pytest

from gateway.config.applied import (
    conflicts,
    dialects_at,
    dialects_of,
    guarded,
    preset_routes,
    scopes_of,
    spoken,
    with_preset,
)
from gateway.config.presets import preset_of
from gateway.config.route_sections import RouteSettings
from gateway.config.upstream_sections import UpstreamSettings
from gateway.core.cors import ANY_ORIGIN
from gateway.core.dialect import Dialect, spoken_at
from gateway.core.refusal import Deny
from gateway.core.routes import Own, Route, RouteTable
from tests.unit.core.samples import target


def upstream(preset: str | None = "ollama", **more: Any) -> UpstreamSettings:
    return UpstreamSettings.model_validate({"url": "http://127.0.0.1:1", "preset": preset, **more})


def test_without_a_preset_nothing_is_said() -> None:
    plain = {"ai": upstream(None)}
    assert with_preset(plain["ai"]) is plain["ai"]
    assert (list(preset_routes(plain)), scopes_of(plain), spoken(plain), list(conflicts(plain))) == (
        [],
        {},
        (),
        [],
    )
    assert dialects_of(plain["ai"]) == ()
    assert guarded(plain["ai"], RouteSettings(id="r", path="/**", upstream="ai", scopes=())) == []


def test_a_preset_speaks_where_the_person_did_not() -> None:
    told = with_preset(upstream())
    assert (told.host, told.origin, told.forwarded_headers) == ("upstream", "strip", "append")
    assert told.url == "http://127.0.0.1:1"


@pytest.mark.parametrize("name", ["upstream", "preserve", "gate.example"])
def test_what_a_person_wrote_beats_the_preset_also_where_it_is_the_general_default(name: str) -> None:
    told = with_preset(upstream(host=name, origin="preserve", timeouts={"first_byte": "600s"}))
    assert (told.host, told.origin, told.timeouts.first_byte_s) == (name, "preserve", 600)


def test_timeouts_are_merged_one_by_one() -> None:
    patient = with_preset(upstream("elevenlabs", timeouts={"idle": "1s"})).timeouts
    assert (patient.connect_s, patient.first_byte_s, patient.idle_s) == (10, 300, 1)


def test_a_presets_scopes_join_with_their_descriptions() -> None:
    assert (
        scopes_of({"a": upstream(), "b": upstream("generic"), "c": upstream(None)})
        == preset_of("ollama").scopes
    )


def test_routes_are_named_after_their_upstream_and_speak_as_the_preset_does() -> None:
    routes = {route.id: route for route in preset_routes({"ai": upstream()})}
    assert routes["ai:chat"].path == "/api/chat"
    assert routes["ai:chat"].dialect == dialects_of(upstream()) == spoken({"ai": upstream()})
    assert ("/api", Dialect.OLLAMA) in routes["ai:chat"].dialect
    assert len(routes) == len(preset_of("ollama").endpoints)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("ollama", "ollama", "/"),
        ("openai", "ollama", "/v1/models"),
        ("ollama", "generic", "/"),
        ("elevenlabs", "ollama", "/v1/models"),
        ("voxta", "ollama", None),
    ],
)
def test_two_presets_do_not_share_a_path(first: str, second: str, shared: str | None) -> None:
    found = list(conflicts({"one": upstream(first), "two": upstream(second)}))
    assert [finding.loc for finding in found] == ([("upstreams", "two", "preset")] if shared else [])
    if shared:
        assert found[0].message.startswith("its preset and that of upstream 'one' both claim /")
        assert found[0].message.endswith("give one of them a mount:, like mount: /two")


@pytest.mark.parametrize(
    ("route", "opens"),
    [
        ({"path": "/**", "scopes": ()}, True),
        ({"path": "/api/**", "scopes": ("chat:write",)}, True),
        ({"path": "/api/**", "public": True}, True),
        ({"path": "/api/**", "scopes": ("admin",)}, False),
        ({"path": "/api/chat", "scopes": ()}, False),
        ({"path": "/api/pull", "scopes": ()}, False),
        ({"path": "/other/**", "scopes": ()}, False),
    ],
)
def test_a_wide_route_of_a_person_is_seen_to_open_what_is_dangerous(
    route: dict[str, Any], opens: bool
) -> None:
    found = guarded(upstream(), RouteSettings(id="r", upstream="ai", **route))
    assert ("/api/pull" in found) is opens


# --- Mounts -------------------------------------------------------------------------------------------


def table(**upstreams: UpstreamSettings) -> RouteTable:
    return RouteTable([], preset_routes(upstreams), spoken(upstreams))


def found(routes: RouteTable, path: str, method: str = "GET") -> str:
    match = routes.match(method, target(path))
    return match.reason.value if isinstance(match, Deny) else match.id


def test_below_its_mount_a_preset_is_what_it_is_at_the_root() -> None:
    routes = table(ai=upstream(mount="/llm"))
    assert found(routes, "/llm/api/tags") == "ai:tags"
    assert found(routes, "/api/tags") == "no_route"
    tags = next(route for route in routes.routes if route.id == "ai:tags")
    assert (tags.path, tags.strip_prefix) == ("/llm/api/tags", "/llm")
    assert [routes.dialect(None, path) for path in ("/llm/api/x", "/api/x")] == ["ollama", "combined"]


def test_what_a_mounted_preset_does_not_know_goes_nowhere_else() -> None:
    routes = table(ai=upstream(mount="/llm"), all=upstream("generic"))
    assert list(conflicts({"ai": upstream(mount="/llm"), "all": upstream("generic")})) == []
    assert found(routes, "/x") == "all:all"
    closed = routes.match("GET", target("/llm/api/nothing"))
    assert isinstance(closed, Route)
    assert closed.own is Own.NOTHING
    assert "ai:" not in {route.id for route in routes.routes}


def test_a_mounted_preset_that_takes_everything_needs_no_closed_door() -> None:
    assert found(table(all=upstream("generic", mount="/x")), "/x/any/thing") == "all:all"


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ({"mount": "/a"}, {"mount": "/b"}, False),
        ({}, {"mount": "/b"}, False),
        ({"mount": "/a"}, {"mount": "/a"}, True),
        ({"preset": "generic"}, {"mount": "/b"}, False),
        ({"mount": "/a"}, {"preset": "generic"}, False),
        ({"preset": "generic", "mount": "/a/b"}, {"preset": "generic", "mount": "/a"}, False),
        ({"preset": "generic"}, {"preset": "generic"}, True),
    ],
)
def test_mounts_keep_presets_apart(one: dict[str, Any], other: dict[str, Any], is_shared: bool) -> None:
    shared = list(conflicts({"one": upstream(**one), "other": upstream(**other)}))
    assert bool(shared) is is_shared


def test_a_mount_without_a_preset_or_on_the_gateways_own_path_is_told() -> None:
    found = [*conflicts({"a": upstream(None, mount="/a")}), *conflicts({"b": upstream(mount="/.keyhatch")})]
    assert [finding.loc for finding in found] == [("upstreams", "a", "mount"), ("upstreams", "b", "mount")]
    assert "no preset is named" in found[0].message
    assert found[1].message == "/.keyhatch/ belongs to the gateway"


@pytest.mark.parametrize(
    ("strip", "add", "path", "dialect"),
    [
        ("", "", "/api/x", "ollama"),
        ("", "", "/v1/messages", "anthropic"),
        ("/llm", "", "/llm/api/x", "ollama"),
        ("/llm", "", "/api/x", "combined"),
        ("", "/api", "/chat", "ollama"),
        ("", "/v1", "/messages", "anthropic"),
        ("", "/v1", "/models", "openai"),
        ("/ai", "/v1", "/ai/messages", "anthropic"),
        ("/ai", "/other", "/ai/x", "combined"),
    ],
)
def test_a_persons_route_speaks_as_the_paths_that_it_forwards(
    strip: str, add: str, path: str, dialect: str
) -> None:
    route = Route("r", f"{strip}/**", "ai", strip_prefix=strip, add_prefix=add)
    assert spoken_at(path, dialects_at(route, upstream())) == dialect


def test_what_is_spoken_everywhere_is_spoken_behind_any_prefix() -> None:
    route = Route("r", "/ai/**", "ai", strip_prefix="/ai", add_prefix="/v1")
    assert spoken_at("/ai/x", dialects_at(route, upstream("openai"))) == "openai"
    assert spoken_at("/x", dialects_at(route, upstream("openai"))) == "combined"


def test_pages_may_call_a_presets_routes_where_that_was_said() -> None:
    shut, opened = (next(preset_routes({"ai": upstream(cors=said)})) for said in ("off", "on"))
    assert (shut.cors, opened.cors) == (None, ANY_ORIGIN)
    told = list(conflicts({"ai": upstream(None, cors="on")}))
    assert [finding.loc for finding in told] == [("upstreams", "ai", "cors")]
