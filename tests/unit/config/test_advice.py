"""What is lawful but probably not meant is said, and stops nothing."""

import pytest
import yaml

from gateway.config.advice import advice
from gateway.config.parts import parts_of
from tests.unit.config.conftest import WHOLE, Read


def warnings(read: Read, text: str) -> list[str]:
    return [str(warning) for warning in read(text).warnings]


def test_a_plain_configuration_needs_no_advice(read: Read) -> None:
    assert warnings(read, WHOLE) == []


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            'server: {trusted_proxies: [10.0.0.0/8, "::/0"]}',
            (
                "config.yaml:1:40: server.trusted_proxies[1]: "
                "believes X-Forwarded-For from everybody, so anybody can claim any address"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a, preset: ollama}}\n"
                "routes: [{id: r, path: /api/**, upstream: ai, scopes: []}]"
            ),
            (
                "config.yaml:2:24: routes[0].path: also opens what preset ollama keeps for models:manage "
                "and admin, like /api/pull: leave such paths to the preset, or ask for admin here"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a}, idle: {url: http://b}}\n"
                "routes: [{id: r, path: /, upstream: ai, public: true}]"
            ),
            "config.yaml:1:40: upstreams.idle: no route leads here",
        ),
        (
            (
                "upstreams: {ai: {url: http://a, credential: sk-literal}}\n"
                "routes: [{id: r, path: /, upstream: ai, scopes: []}]"
            ),
            (
                "config.yaml:1:45: upstreams.ai.credential: stands in the file in plain text; "
                "${VAR} or the vault keeps it out"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a, credential: 'vault:ai'}}\n"
                "routes: [{id: r, path: /, upstream: ai, public: true}]"
            ),
            (
                "config.yaml:2:49: routes[0].public: "
                "lets everybody use the upstream's credential: it takes no key"
            ),
        ),
        (
            "server: {admin: 10.0.0.1:8081, tls: {cert_file: a, key_file: b}}",
            (
                "config.yaml:1:17: server.admin: can be reached from elsewhere in clear text, while callers "
                "speak HTTPS; server.tls.admin: on gives it the same certificate"
            ),
        ),
        (
            "server: {admin: 0.0.0.0:8081}",
            (
                "config.yaml:1:17: server.admin: listens on every network and asks for no key; "
                "127.0.0.1:8081 keeps it on this machine"
            ),
        ),
        (
            'server: {admin: "[::]:9"}',
            (
                "config.yaml:1:17: server.admin: listens on every network and asks for no key; "
                "127.0.0.1:9 keeps it on this machine"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a}}\n"
                "routes: [{id: r, path: /, upstream: ai, public: true, methods: [POST, GETT, QUERY]}]"
            ),
            (
                "config.yaml:2:71: routes[0].methods[1]: 'GETT' is no method that HTTP knows; "
                "did you mean 'GET'?"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a}}\nroutes: [{id: r, path: /, upstream: ai, scopes: [], "
                "anonymous: {from: [10.0.0.0/8, 0.0.0.0/0]}}]"
            ),
            (
                "config.yaml:2:84: routes[0].anonymous.from[1]: "
                "lets everybody in without a key; public: true says so plainly"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a}}\nroutes: [{id: r, path: /, upstream: ai, scopes: [], "
                "anonymous: {from: [10.0.0.0/8]}, cors: on}]"
            ),
            (
                "config.yaml:2:92: routes[0].cors: lets every page that is open in a browser on those "
                "networks in without a key; a list of origins lets in those you know"
            ),
        ),
    ],
    ids=[
        "trust",
        "preset",
        "unused",
        "secret",
        "lent",
        "admin-tls",
        "admin",
        "admin-ipv6",
        "method",
        "everybody",
        "every-page",
    ],
)
def test_advice_is_given_at_its_place(read: Read, text: str, warning: str) -> None:
    assert warnings(read, text) == [warning]


@pytest.mark.parametrize(
    "routes",
    [
        "[{id: r, path: /, upstream: b, public: true}]",
        "[{id: r, path: /, upstream: ai, public: maybe}]",
        "[nonsense]",
        "[]",
    ],
)
def test_advice_that_a_broken_part_could_make_untrue_is_kept_back(routes: str) -> None:
    upstreams = {"ai": {"url": "http://a"}}
    assert [*advice(parts_of({"upstreams": upstreams, "routes": yaml.safe_load(routes)}))] == []


def test_a_method_that_came_through_a_variable_is_not_shown(read: Read) -> None:
    text = WHOLE.replace("scopes: [chat:write]}", 'scopes: [chat:write], methods: ["${M}"]}')
    (warning,) = read(text, {"M": "HUNTER2"}).warnings
    assert "'${M}' is no method" in str(warning)
