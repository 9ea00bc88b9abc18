"""Guarantees of gateway/config/in_part.py: store and listener are found where the rest cannot be used."""

from pathlib import Path

import pytest

from gateway.config.fields import Address
from gateway.config.in_part import find_admin, find_store
from gateway.config.problems import ConfigError


@pytest.mark.parametrize(
    ("text", "environ", "flags", "store"),
    [
        ("server: [", {}, {}, "etc/keyhatch.db"),
        ("routes: 5\nstore: {url: 'sqlite:///a.db'}\n", {}, {}, "etc/a.db"),
        ("store: {url: '${NOT_THERE}'}\n", {}, {}, None),
        ("store: {url: nonsense}\n", {}, {}, None),
        ("store: {url: 'memory:'}\n", {}, {}, None),
        ("server: [", {"KEYHATCH_STORE__URL": "sqlite:///b.db"}, {}, "b.db"),
        ("x: y", {"KEYHATCH_STORE__URL": "sqlite:///b.db"}, {"store.url": "sqlite:////c.db"}, "/c.db"),
    ],
)
def test_a_store_is_found_although_other_parts_are_broken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    environ: dict[str, str],
    flags: dict[str, str],
    store: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    config = Path("etc/config.yaml")
    config.parent.mkdir()
    config.write_text(text)
    assert find_store(config, environ, flags) == (None if store is None else Path(store))


def test_without_a_file_the_store_lies_here() -> None:
    assert find_store(None, {}, {}) == Path("keyhatch.db")


@pytest.mark.parametrize(
    ("text", "environ", "flags", "admin"),
    [
        ("routes: 5\nupstreams: no\n", {}, {}, ("127.0.0.1:8081", False)),
        ("server: 5\n", {}, {}, ("127.0.0.1:8081", False)),
        ("server: {admin: '${AT}', tls: {admin: yes}}\n", {"AT": "[::]:1"}, {}, ("[::]:1", True)),
        ("{}", {"KEYHATCH_SERVER__ADMIN": "0.0.0.0:2", "KEYHATCH_TYPO": "x"}, {}, ("0.0.0.0:2", False)),
        ("{}", {"KEYHATCH_SERVER__ADMIN": "0.0.0.0:2"}, {"server.admin": "a:3"}, ("a:3", False)),
    ],
)
def test_the_admin_listener_is_found_although_other_parts_are_broken(
    tmp_path: Path, text: str, environ: dict[str, str], flags: dict[str, str], admin: tuple[str, bool]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    address, tls = find_admin(config, environ, flags)
    assert (str(address), tls) == admin


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server: [", "1:10: is not YAML"),
        (
            "server: {admin: '${NOT_THERE}', proxy: '${NOR_THAT}'}\n",
            "1:17: server.admin: the variable NOT_THERE",
        ),
        ("server: {admin: 8081}\n", "1:17: server.admin: must be HOST:PORT"),
        ("server: {tls: {admin: perhaps}}\n", "1:23: server.tls.admin: must be on or off"),
    ],
)
def test_where_the_admin_listener_cannot_be_told_it_is_said_why(
    tmp_path: Path, text: str, problem: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError) as refused:
        find_admin(config, {}, {})
    (told,) = map(str, refused.value.problems)
    assert problem in told


def test_a_file_that_should_tell_where_and_cannot_be_read_is_told() -> None:
    with pytest.raises(ConfigError) as refused:
        find_admin(None, {"KEYHATCH_SERVER__ADMIN_FILE": "/gone"}, {})
    assert "KEYHATCH_SERVER__ADMIN_FILE: there is no file '/gone'" in map(str, refused.value.problems)


def test_without_a_file_the_admin_listener_is_at_its_default() -> None:
    assert find_admin(None, {}, {}) == (Address("127.0.0.1", 8081), False)
