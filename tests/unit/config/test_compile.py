"""What the floors below are given is what was configured."""

from gateway.config.compile import limits, routes, table
from gateway.config.model import Settings
from gateway.core.routes import Route, RouteTable
from gateway.wire.request_head import Limits
from tests.unit.core.samples import target


def test_routes_keep_their_order_and_make_a_table() -> None:
    settings = Settings.model_validate(
        {
            "upstreams": {"ai": {"url": "http://a"}},
            "routes": [
                {"id": "b", "path": "/b", "upstream": "ai", "scopes": []},
                {"id": "a", "path": "/a", "upstream": "ai", "public": True},
            ],
        }
    )
    compiled = routes(settings)
    assert compiled == (Route("b", "/b", upstream="ai"), Route("a", "/a", upstream="ai", public=True))
    assert RouteTable(compiled).routes == compiled


def test_a_wide_route_and_a_mounted_preset_live_together() -> None:
    written = {
        "upstreams": {
            "app": {"url": "http://a"},
            "voice": {"url": "http://b", "preset": "kokoro", "mount": "/voice"},
        },
        "routes": [{"id": "all", "path": "/**", "upstream": "app", "scopes": []}],
    }
    doors = table(Settings.model_validate(written))
    found = [doors.match("POST", target(path)) for path in ("/voice/v1/audio/speech", "/v1/audio/speech")]
    assert [each.upstream for each in found if isinstance(each, Route)] == ["voice", "app"]


def test_the_table_knows_the_names_that_were_configured_and_those_that_need_not_be() -> None:
    named = table(Settings.model_validate({"server": {"names": ["AI.example.com"]}})).hosts
    for host, is_ours in (("ai.example.com:80", True), ("nas.local", True), ("keys.example.com", False)):
        assert (host in named) is is_ours
    assert "ai.example.com" not in table(Settings()).hosts


def test_limits_reach_the_wire_in_bytes_and_seconds() -> None:
    written = {
        "head": "2KiB",
        "fields": "7",
        "target": "1KiB",
        "body": "3MiB",
        "head_timeout": "4s",
        "idle": "5m",
    }
    assert limits(Settings.model_validate({"limits": written})) == Limits(
        2_048, 7, 1_024, 3_145_728, 4.0, 300.0
    )


def test_the_default_limits_are_those_of_the_wire() -> None:
    assert limits(Settings()) == Limits()
