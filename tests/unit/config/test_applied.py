"""Guarantees of gateway/config/applied.py: what a person wrote wins, and no path belongs to two presets."""

from typing import Any

import pytest

from gateway.config.applied import (
    conflicts,
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
from gateway.core.dialect import Dialect


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
