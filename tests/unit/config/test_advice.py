"""What is lawful but probably not meant is said, and stops nothing."""

from pathlib import Path

import pytest
import yaml

from gateway.config.advice import advice
from gateway.config.load import load
from gateway.config.parts import parts_of
from gateway.config.problems import ConfigError
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
                "upstreams: {ai: {url: http://a}, voice: {url: http://b, preset: kokoro, mount: /voice}}\n"
                "routes: [{id: r, path: /voice/**, upstream: ai, scopes: []}]"
            ),
            (
                "config.yaml:2:24: routes[0].path: takes /voice too, so the preset of upstream 'voice' is "
                "never asked: routes come before presets: give this one a narrower path"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a}, voice: {url: http://b, preset: kokoro}}\n"
                "routes: [{id: r, path: /**, upstream: ai, scopes: []}]"
            ),
            (
                "config.yaml:2:24: routes[0].path: takes / too, so the preset of upstream 'voice' is "
                "never asked: routes come before presets: give this one a narrower path"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a, credential: 'vault:ai'}}\n"
                "routes: [{id: r, path: /x, upstream: ai, scopes: []}]"
            ),
            (
                "config.yaml:1:45: upstreams.ai.credential: is in the vault, which has no key to open it "
                "with: make one with `keyhatch credentials new-key vault.key` and say "
                "vault: {key_file: vault.key}"
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
                "upstreams: {ai: {url: http://a, credential: '${KEY:-sk-1}'}}\n"
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
                "config.yaml:1:17: server.admin: listens on every network, and its /metrics asks for no key; "
                "127.0.0.1:8081 keeps it on this machine"
            ),
        ),
        (
            'server: {admin: "[::]:9"}',
            (
                "config.yaml:1:17: server.admin: listens on every network, and its /metrics asks for no key; "
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
        "mounted-preset",
        "other-preset",
        "no-vault-key",
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


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/v1/**", "/voice"),
        ("/voice/x/**", "/voice"),
        ("/voi/**", "/voice"),
        ("/**", None),
        ("/**", "/voice"),
        ("/voice", "/voice"),
    ],
)
def test_a_route_that_leaves_a_preset_something_or_is_its_own_is_no_news(
    path: str, mount: str | None
) -> None:
    upstreams = {"voice": {"url": "http://b", "preset": "generic", "mount": mount}}
    routes = [{"id": "r", "path": path, "upstream": "voice", "scopes": []}]
    assert [*advice(parts_of({"upstreams": upstreams, "routes": routes}))] == []


def test_a_route_without_a_sound_path_takes_nothing() -> None:
    upstreams = {"voice": {"url": "http://b", "preset": "kokoro", "mount": "/voice"}}
    routes = [{"id": "r", "path": 7, "upstream": "voice", "scopes": []}]
    assert [*advice(parts_of({"upstreams": upstreams, "routes": routes}))] == []


def test_a_vault_is_told_of_while_its_key_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"vault: {{key_file: gone.key}}\n{WHOLE}")
    (warning,) = load(path, {}, {}).warnings
    assert str(warning) == (
        f"{path}:1:19: vault.key_file: there is no such file, so the vault is locked until it is there: "
        "bring it, or make a first one with `keyhatch credentials new-key gone.key`"
    )
    (tmp_path / "gone.key").write_text("whatever it holds")
    assert load(path, {}, {}).warnings == ()


def test_a_mistyped_preset_is_the_only_thing_that_is_said_of_its_mount(read: Read) -> None:
    text = "upstreams: {ai: {url: http://a, preset: olama, mount: /llm, cors: on}}"
    with pytest.raises(ConfigError) as refused:
        read(text)
    (problem,) = refused.value.problems
    assert "did you mean 'ollama'?" in str(problem)
