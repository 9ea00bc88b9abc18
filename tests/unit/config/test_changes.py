"""Guarantees of gateway/config/changes.py: what differs is told by name, and never by value."""

from typing import Any

import pytest

from gateway.config.changes import changed
from gateway.config.model import Settings

BEFORE: dict[str, Any] = {
    "scopes": {"a:b": "one"},
    "upstreams": {"ai": {"url": "http://a"}},
    "routes": [{"id": "r", "path": "/", "upstream": "ai", "public": True}],
}


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ({}, ()),
        ({"keys": {"last_used_flush": "2s", "prefix": "ab"}}, ("keys.prefix", "keys.last_used_flush")),
        ({"scopes": {"a:b": "two", "c:d": ""}}, ("scopes.a:b", "scopes.c:d")),
        ({"upstreams": {"ai": {"url": "http://b"}}}, ("upstreams.ai.url",)),
        (
            {"upstreams": {"ai": {"url": "http://a"}, "more": {"url": "http://c"}}},
            ("upstreams.more",),
        ),
        ({"routes": [{"id": "s", "path": "/", "upstream": "ai", "public": True}]}, ("routes",)),
        ({"limits": {"head": "16KiB"}, "logging": {"level": "debug"}}, ("logging.level", "limits.head")),
    ],
)
def test_names_are_told_in_the_order_of_the_file(written: dict[str, Any], names: tuple[str, ...]) -> None:
    before, after = (Settings.model_validate(each) for each in (BEFORE, {**BEFORE, **written}))
    assert changed(before, after) == names
    assert len(changed(after, before)) == len(names)
