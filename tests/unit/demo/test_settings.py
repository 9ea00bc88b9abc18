"""Guarantees of gateway/demo/settings.py: the demo's configuration covers the demo, and guards it."""

from typing import Any

from gateway.core.routes import Route, RouteTable
from gateway.core.scopes import is_scope
from gateway.demo import demo_settings


def demo_routes() -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = demo_settings("http://127.0.0.1:1")["routes"]
    return routes


def test_the_routes_compile_without_a_tie() -> None:
    RouteTable(Route(route["id"], route["path"], route["upstream"]) for route in demo_routes())


def test_only_the_hello_is_public_and_every_other_route_says_what_it_needs() -> None:
    assert [route["path"] for route in demo_routes() if route.get("public")] == ["/"]
    assert all("scopes" in route for route in demo_routes() if not route.get("public"))


def test_every_scope_is_in_the_catalogue_and_used_by_a_route() -> None:
    catalogue = demo_settings("http://127.0.0.1:1")["scopes"]
    assert {scope for route in demo_routes() for scope in route.get("scopes", [])} == set(catalogue)
    assert all(is_scope(scope) for scope in catalogue)


def test_every_route_leads_to_the_given_upstream() -> None:
    settings = demo_settings("http://127.0.0.1:9")
    assert settings["upstreams"] == {"demo": {"url": "http://127.0.0.1:9"}}
    assert {route["upstream"] for route in demo_routes()} == {"demo"}
