"""Guarantees of gateway/service/compile.py: what was configured is what is served, to the unit."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.model import Settings
from gateway.core.request import Target, read_target
from gateway.core.routes import Route
from gateway.service.compile import ground_of, lent_anew, table_of
from gateway.wire.upstream import Upstream
from tests.support.authority import Authority

TIMEOUTS = {"connect": "250ms", "first_byte": "2m", "idle": "1h"}


def settings(**sections: Any) -> Settings:
    written = {
        "upstreams": {"main": {"url": "http://127.0.0.1:11434"}},
        "routes": [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}],
        **sections,
    }
    return Settings.model_validate(written)


def upstream(url: str, **more: Any) -> Upstream:
    return ground_of(settings(upstreams={"main": {"url": url, **more}})).upstreams["main"]


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        pytest.param("http://127.0.0.1:11434", "http", "127.0.0.1", 11434, id="address"),
        pytest.param("http://ollama", "http", "ollama", 80, id="http-port"),
        pytest.param("https://api.example.com", "https", "api.example.com", 443, id="https-port"),
        pytest.param("http://[::1]:8188", "http", "::1", 8188, id="ipv6"),
        pytest.param("http://[::1]", "http", "::1", 80, id="ipv6-without-port"),
        pytest.param("http://localhost:8000/", "http", "localhost", 8000, id="slash"),
    ],
)
def test_an_upstream_is_where_its_url_says(url: str, scheme: str, host: str, port: int) -> None:
    made = upstream(url)
    assert (made.name, made.scheme, made.host, made.port) == ("main", scheme, host, port)


@pytest.mark.parametrize(
    ("preset", "told"), [("openai", False), ("gemini", False), ("ollama", True), (None, True)]
)
def test_who_calls_is_told_in_the_house_and_to_no_provider(preset: str | None, told: bool) -> None:
    assert upstream("http://ollama", preset=preset).tells_who is told


def test_an_upstream_has_its_own_patience() -> None:
    made = upstream("http://ollama", timeouts=TIMEOUTS)
    assert (made.timeout_connect_s, made.timeout_first_byte_s, made.timeout_idle_s) == (0.25, 120, 3600)


def test_an_upstream_without_timeouts_has_the_documented_ones() -> None:
    made = upstream("http://ollama")
    assert (made.timeout_connect_s, made.timeout_first_byte_s, made.timeout_idle_s) == (5, 600, 300)


def test_an_upstream_is_called_and_told_what_its_policies_say() -> None:
    made = upstream("http://ollama", host="localhost:11434", origin="strip", forwarded_headers=False)
    assert (made.host_policy, made.origin_policy, made.forwarded) == ("localhost:11434", "strip", "off")
    plain = upstream("http://ollama")
    assert (plain.host_policy, plain.origin_policy, plain.forwarded) == ("upstream", "preserve", "append")


def test_the_ground_holds_every_upstream_limit_and_trusted_proxy() -> None:
    ground = ground_of(
        settings(
            server={"trusted_proxies": ["10.0.0.0/8", "fd00::/8"]},
            limits={"head": "16KiB", "fields": 50, "body": "1MiB", "head_timeout": "3s", "idle": "9s"},
            upstreams={"main": {"url": "http://one"}, "voice": {"url": "http://two:8000"}},
        )
    )
    assert {name: made.host for name, made in ground.upstreams.items()} == {"main": "one", "voice": "two"}
    assert [str(network) for network in ground.trusted] == ["10.0.0.0/8", "fd00::/8"]
    assert (ground.limits.head_bytes_max, ground.limits.fields_max) == (16_384, 50)
    assert (ground.limits.body_bytes_max, ground.limits.head_timeout_s) == (1_048_576, 3)
    assert ground.limits.idle_timeout_s == 9


def test_the_table_holds_every_route_and_the_most_specific_wins() -> None:
    routes = [
        {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
        {"id": "models", "path": "/v1/models", "upstream": "main", "public": True},
    ]
    table = table_of(settings(routes=routes))
    target = read_target(b"/v1/models")
    assert isinstance(target, Target)
    found = table.match("GET", target)
    assert isinstance(found, Route)
    assert found.id == "models"
    assert {route.id for route in table.routes} == {"all", "models"}


def test_what_upstreams_are_lent_changes_without_a_look_at_their_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    main = {"url": "https://ollama", "credential": "vault:openai", "tls": {"ca_file": authority.ca_file.name}}
    written = settings(upstreams={"main": main})
    before = ground_of(written, lambda _: "sk-before", tmp_path)
    authority.ca_file.unlink()
    after = lent_anew(before, written, lambda _: "sk-after")
    assert after.upstreams["main"].tls is before.upstreams["main"].tls
    assert after.upstreams["main"].injection != before.upstreams["main"].injection
    assert after.limits is before.limits
