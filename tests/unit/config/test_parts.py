"""Guarantees of gateway/config/parts.py: what is sound stays readable beside what is broken."""

from typing import Any

import pytest

from gateway.config.fields import Address
from gateway.config.parts import parts_of

UPSTREAM = {"url": "http://a"}


@pytest.mark.parametrize(
    ("server", "listeners"),
    [
        (None, {"proxy": "127.0.0.1:8080", "admin": "127.0.0.1:8081"}),
        ({"proxy": "h:1"}, {"proxy": "h:1", "admin": "127.0.0.1:8081"}),
        ({"proxy": "h:1", "admin": "h"}, {"proxy": "h:1"}),
        ({"proxy": "h:1", "admin": "h:1"}, {"proxy": "h:1", "admin": "h:1"}),
        ({"prxy": "h:1", "tls": {"cert_file": "x"}}, {"proxy": "127.0.0.1:8080", "admin": "127.0.0.1:8081"}),
        ("nonsense", {}),
    ],
    ids=str,
)
def test_listeners_are_those_that_can_be_read(server: Any, listeners: dict[str, str]) -> None:
    found: dict[str, Address] = dict(parts_of({"server": server}).listeners)
    assert {name: str(address) for name, address in found.items()} == listeners


def test_a_broken_key_leaves_the_rest_of_its_section() -> None:
    parts = parts_of(
        {
            "server": {"prxy": "x", "trusted_proxies": ["10.0.0.0/8"]},
            "upstreams": {
                "a": UPSTREAM | {"presett": "x"},
                "b": {"url": "nonsense"},
                "c": "nonsense",
                "d": UPSTREAM,
            },
            "routes": [{"id": "r", "path": "/", "upstream": "a", "scopes": [], "methods": "x"}, "nonsense"],
        }
    )
    assert [str(network) for network in parts.trusted_proxies] == ["10.0.0.0/8"]
    assert [*parts.upstreams] == ["a", "d"]
    assert [(draft.index, draft.route.upstream, draft.broken) for draft in parts.drafts] == [
        (0, "a", frozenset({"methods"}))
    ]
    assert not parts.is_whole


@pytest.mark.parametrize(
    "plain", [{}, {"server": None, "upstreams": None, "routes": None}, {"upstreams": [], "routes": {}}]
)
def test_nothing_has_no_parts(plain: dict[str, Any]) -> None:
    parts = parts_of(plain)
    assert (dict(parts.upstreams), parts.drafts, parts.trusted_proxies) == ({}, (), ())
