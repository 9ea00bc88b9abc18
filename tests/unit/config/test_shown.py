"""What people see of a configuration: their units, no secret, every origin."""

import pytest

from gateway.config.model import Settings
from gateway.config.problems import Origin
from gateway.config.shown import leaf_locs, origins_of, shown
from gateway.config.tree import Node, from_plain

HERE = Origin("c.yaml", 1, 1)


def test_values_are_shown_in_the_units_of_people() -> None:
    settings = Settings.model_validate(
        {
            "server": {"proxy": "[::1]:80", "trusted_proxies": ["10.0.0.0/8"]},
            "keys": {"default_expiry": "never"},
            "limits": {"body": "2048B", "idle": "120s"},
        }
    )
    values = shown(settings, from_plain({}, HERE))
    assert values["server"] == {
        "proxy": "[::1]:80",
        "names": [],
        "admin": "127.0.0.1:8081",
        "plane": "lean",
        "admin_names": [],
        "trusted_proxies": ["10.0.0.0/8"],
        "tls": {
            "cert_file": None,
            "key_file": None,
            "client_ca_file": None,
            "client_cert": "required",
            "min_version": "1.2",
            "admin": False,
        },
        "watch_config": False,
    }
    assert values["keys"]["default_expiry"] == "never"
    assert (values["limits"]["body"], values["limits"]["idle"]) == ("2KiB", "2m")
    assert list(values) == list(Settings.model_fields)


def test_a_route_shows_only_what_it_says() -> None:
    written = {"id": "r", "path": "/", "upstream": "a", "public": True}
    settings = Settings.model_validate({"upstreams": {"a": {"url": "http://a"}}, "routes": [written]})
    assert shown(settings, from_plain({}, HERE))["routes"] == [written]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("see http://u:p@host/", "see http://****@host/"),
        ("http://token@host", "http://****@host"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_a_password_in_a_url_is_masked_wherever_it_stands(text: str, seen: str) -> None:
    settings = Settings.model_validate({"scopes": {"a:b": text}})
    assert shown(settings, from_plain({}, HERE))["scopes"] == {"a:b": seen}


def test_an_expanded_value_is_shown_as_it_was_written() -> None:
    tree = from_plain({"server": {"trusted_proxies": ["10.0.0.0/8", "127.0.0.1"]}}, HERE)
    settings = Settings.model_validate(tree.plain())
    tree.content["server"].content["trusted_proxies"].content[1] = Node(HERE, "127.0.0.1", written="${P}")
    assert shown(settings, tree)["server"]["trusted_proxies"] == ["10.0.0.0/8", "${P}"]


def test_every_value_has_an_origin() -> None:
    tree = from_plain({"store": {"url": "memory:"}, "scopes": {"a:b": "x"}}, HERE)
    origins = origins_of(Settings.model_validate(tree.plain()), tree)
    assert origins["store.url"] == origins["scopes.a:b"] == "c.yaml:1:1"
    assert {path for path, origin in origins.items() if origin != "default"} == {"store.url", "scopes.a:b"}
    assert len(origins) == 35


def test_a_list_of_scalars_is_one_value_and_a_list_of_mappings_is_many() -> None:
    value = {"a": {"b": 1, "c": []}, "d": [{"e": 1}, {"f": ["x", "y"]}]}
    assert list(leaf_locs(value)) == [("a", "b"), ("a", "c"), ("d", 0, "e"), ("d", 1, "f")]


SHOWN = {
    "sk-literal": "****",
    "vault:openai": "vault:openai",
    None: None,
}


@pytest.mark.parametrize(("written", "seen"), SHOWN.items(), ids=str)
def test_a_credential_is_never_shown_and_its_name_is(written: str | None, seen: str | None) -> None:
    tree = from_plain({"upstreams": {"a": {"url": "http://a", "credential": written}}}, HERE)
    settings = Settings.model_validate(tree.plain())
    assert shown(settings, tree)["upstreams"]["a"]["credential"] == seen


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("${OPENAI}", "${OPENAI}"),
        ("${file:/run/secrets/x}", "${file:/run/secrets/x}"),
        ("${OPENAI:-sk-literal}", "${OPENAI:-****}"),
        ("sk-lite${REST}", "${REST}"),
    ],
)
def test_of_an_expanded_secret_nothing_but_where_it_comes_from_is_shown(written: str, seen: str) -> None:
    tree = from_plain({"upstreams": {"a": {"url": "http://a", "credential": "sk-literal"}}}, HERE)
    tree.content["upstreams"].content["a"].content["credential"].written = written
    assert shown(Settings.model_validate(tree.plain()), tree)["upstreams"]["a"]["credential"] == seen


def test_the_vaults_key_is_never_shown() -> None:
    tree = from_plain({"vault": {"key": "A" * 43 + "="}}, HERE)
    assert shown(Settings.model_validate(tree.plain()), tree)["vault"] == {"key_file": None, "key": "****"}


def test_what_a_preset_says_is_shown_with_its_origin_and_what_was_written_with_its_own() -> None:
    written = {"upstreams": {"a": {"url": "http://a", "preset": "elevenlabs", "timeouts": {"idle": "1s"}}}}
    settings, tree = Settings.model_validate(written), from_plain(written, HERE)
    upstream = shown(settings, tree)["upstreams"]["a"]
    assert (upstream["origin"], upstream["credential_in"]) == ("strip", "xi-api-key")
    assert upstream["timeouts"] == {"connect": "10s", "first_byte": "5m", "idle": "1s"}
    origins = origins_of(settings, tree)
    told = [
        origins[f"upstreams.a.{word}"] for word in ("origin", "timeouts.connect", "timeouts.idle", "mount")
    ]
    assert told == ["preset elevenlabs", "preset elevenlabs", "c.yaml:1:1", "default"]
