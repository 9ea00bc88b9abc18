"""Guarantees of gateway/config/loops.py: a gateway is never its own upstream, however either is written."""

import pytest

from gateway.config.fields import read_address
from gateway.config.loops import loops
from tests.unit.config.conftest import Problems, Read

ROUND = "is the gateway's own {} listener, so a request would go round in circles: name the server behind it"


def told(url: str, proxy: str, admin: str = "192.168.1.5:81") -> list[str]:
    listeners = {"proxy": read_address(proxy), "admin": read_address(admin)}
    return [finding.message for finding in loops(listeners, {("upstreams", "ai", "url"): url})]


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:8080", "127.0.0.1:8080"),
        ("http://LOCALHOST.:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "localhost:8080"),
        ("http://[::1]:8080", "localhost:8080"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "[::1]:8080"),
        ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"),
        ("http://0.0.0.0:8080", "127.0.0.1:8080"),
        ("http://[::]:8080", "[::1]:8080"),
        ("http://127.0.0.1:8080", "0.0.0.0:8080"),
        ("http://127.8.8.8:8080", "0.0.0.0:8080"),
        ("http://localhost:8080", "0.0.0.0:8080"),
        ("http://0.0.0.0:8080", "0.0.0.0:8080"),
        ("http://[::1]:8080", "[::]:8080"),
        ("http://127.0.0.1:8080", "[::]:8080"),
        ("http://Gate.local:8080", "gate.local:8080"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://127.0.0.1", "127.0.0.1:443"),
    ],
)
def test_an_upstream_that_is_the_gateway_itself_is_found(url: str, proxy: str) -> None:
    assert told(url, proxy) == [ROUND.format("proxy")]


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://127.0.0.1:8081", "127.0.0.1:8080"),
        ("http://127.0.0.2:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "0.0.0.0:8080"),
        ("http://192.168.1.20:8080", "0.0.0.0:8080"),
        ("http://ollama:8080", "0.0.0.0:8080"),
        ("http://ollama:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:443", "127.0.0.1:80"),
        ("http://127.0.0.1:8080", "127.0.0.1:0"),
        ("unix:///run/app.sock", "127.0.0.1:80"),
    ],
)
def test_another_server_is_left_alone(url: str, proxy: str) -> None:
    assert told(url, proxy) == []


def test_the_admin_listener_is_no_upstream_either() -> None:
    assert told("http://192.168.1.5:81", "127.0.0.1:8080") == [ROUND.format("admin")]


LOOP = """\
scopes: {}
upstreams:
  ai: {url: "http://localhost:8080"}
routes: [{id: all, path: /**, upstream: ai, scopes: []}]
"""


def test_a_loop_is_a_problem_at_the_upstreams_place(problems: Problems) -> None:
    assert problems(LOOP) == [f"config.yaml:3:13: upstreams.ai.url: {ROUND.format('proxy')}"]


def test_a_loop_is_told_beside_other_problems(problems: Problems) -> None:
    found = problems(LOOP.replace("scopes: {}", "server: {prxy: x}"))
    assert [line.partition(": ")[0] for line in found] == ["config.yaml:1:10", "config.yaml:3:13"]


def test_a_listener_that_cannot_be_read_makes_no_false_loop(problems: Problems) -> None:
    (found,) = problems(LOOP.replace("scopes: {}", "server: {proxy: nowhere}"))
    assert found.startswith("config.yaml:1:17: server.proxy: ")


def test_a_flag_that_makes_the_loop_is_named(problems: Problems) -> None:
    flags = {"upstream": "http://127.0.0.1:9"}
    assert problems(LOOP, {}, flags | {"server.proxy": "127.0.0.1:9"}) == [
        f"--upstream: {ROUND.format('proxy')}"
    ]


def test_a_moved_listener_breaks_the_loop(read: Read) -> None:
    assert read(LOOP, {}, {"server.proxy": "127.0.0.1:9"}).warnings == ()
