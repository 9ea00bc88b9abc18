"""A route says who may pass, in a form that cannot be read two ways."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.config.route_sections import RouteSettings
from gateway.core.cors import Cors
from gateway.core.routes import Anonymous, Route
from tests.unit.config.test_sections import refusals


def routes() -> Iterator[Any]:
    """What may be written and what the core makes of it."""
    door = {"from": ["10.0.0.0/8"], "scopes": ["a:*"]}
    yield pytest.param({}, Route("r", "/p", upstream="u"), id="bare")
    yield pytest.param({"public": "true"}, Route("r", "/p", upstream="u", public=True), id="public")
    yield pytest.param(
        {"methods": ["GET", "POST"], "scopes": ["a:b", "a:c"], "any_of": ["b:c"]},
        Route(
            "r",
            "/p",
            upstream="u",
            methods=frozenset({"GET", "POST"}),
            scopes=("a:b", "a:c"),
            any_of=("b:c",),
        ),
        id="keyed",
    )
    yield pytest.param(
        {"scopes": ["a:b"], "anonymous": door},
        Route(
            "r",
            "/p",
            upstream="u",
            scopes=("a:b",),
            anonymous=Anonymous((ip_network("10.0.0.0/8"),), frozenset({"a:*"})),
        ),
        id="anonymous",
    )
    yield pytest.param(
        {"path": "/llm/**", "strip_prefix": "/llm", "add_prefix": "/api"},
        Route("r", "/llm/**", upstream="u", strip_prefix="/llm", add_prefix="/api"),
        id="moved",
    )
    yield pytest.param(
        {"cors": ["https://a.example"]},
        Route("r", "/p", upstream="u", cors=Cors(frozenset({"https://a.example"}))),
        id="shared",
    )
    yield pytest.param(
        {"encoded_slash": "allow"}, Route("r", "/p", upstream="u", encoded_slash=True), id="slashes"
    )


@pytest.mark.parametrize(("written", "route"), list(routes()))
def test_a_route_becomes_what_the_core_judges(written: dict[str, Any], route: Route) -> None:
    settings = RouteSettings.model_validate({"id": "r", "path": "/p", "upstream": "u", **written})
    assert settings.compiled() == route


@pytest.mark.parametrize("key", ["methods", "scopes", "any_of", "anonymous", "strip_prefix", "add_prefix"])
def test_a_route_refuses_keys_with_nothing_behind_them(key: str) -> None:
    assert refusals(RouteSettings, {"id": "r", "path": "/p", "upstream": "u", key: None}) == [
        "has no value: give it one, or remove the key"
    ]


@pytest.mark.parametrize("written", [{"methods": []}, {"any_of": []}, {"anonymous": {"from": []}}], ids=str)
def test_an_empty_list_is_refused_where_it_would_mean_nobody_or_everybody(written: dict[str, Any]) -> None:
    assert refusals(RouteSettings, {"id": "r", "path": "/p", "upstream": "u", **written}) == ["too_short"]
