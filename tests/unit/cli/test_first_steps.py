"""Guarantees of gateway/cli/first_steps.py: the command to paste reaches the store that is served."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.first_steps import create_command, first_steps, sources
from gateway.config.load import Loaded, load
from tests.support.tls_caller import write_pair

AT = "http://127.0.0.1:8080"
ROUTE = {"id": "r", "upstream": "a"}


def loaded(path: str | None = None, flags: dict[str, str] | None = None, **written: Any) -> Loaded:
    given = {
        "upstreams": {"a": {"url": "http://a"}},
        "routes": [ROUTE | {"path": "/**", "scopes": []}],
        **written,
    }
    if path is not None:
        Path(path).write_text(str(given))
    return load(None if path is None else Path(path), {}, flags or {}, given=None if path else given)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_the_store_is_named_in_full(folder: Path) -> None:
    words = shlex.split(create_command(loaded(), "keyhatch"))
    assert words == [
        "keyhatch",
        "keys",
        "create",
        "-q",
        "My first key",
        "--store",
        f"sqlite:///{folder}/keyhatch.db",
    ]


def test_with_a_file_that_is_named_and_finds_the_store(folder: Path) -> None:
    words = shlex.split(create_command(loaded("c.yaml"), "keyhatch"))
    assert words[5:] == ["--config", f"{folder}/c.yaml"]


def test_a_store_that_a_flag_named_is_named_beside_the_file(folder: Path) -> None:
    words = shlex.split(create_command(loaded("my c.yaml", {"store.url": "sqlite:///other.db"}), "keyhatch"))
    assert words[5:] == ["--config", f"{folder}/my c.yaml", "--store", f"sqlite:///{folder}/other.db"]


def test_the_first_key_may_do_what_the_routes_ask_for() -> None:
    routes = [ROUTE | {"path": "/v1", "scopes": ["a:b"]}]
    assert "--scope '*'" in create_command(loaded(scopes={"a:b": ""}, routes=routes), "keyhatch")
    assert "--scope" not in create_command(loaded(scopes={"a:b": ""}), "keyhatch")


def test_what_is_pasted_makes_a_key_and_shows_a_401_and_a_200() -> None:
    text = first_steps(AT, loaded(), "python -m gateway")
    assert "export KEY=$(python -m gateway keys create " in text
    assert f"  curl -i {AT}/.keyhatch/me\n" in text
    assert f'  curl -i -H "Authorization: Bearer $KEY" {AT}/.keyhatch/me\n' in text
    assert f'  curl -i -H "Authorization: Bearer $KEY" {AT}/\n' in text


@pytest.mark.parametrize(
    ("routes", "path"),
    [
        ([{"path": "/v1/**"}, {"path": "/v1/models", "methods": ["GET"]}], "/v1/models"),
        ([{"path": "/v1/chat", "methods": ["POST"]}, {"path": "/**"}], "/"),
        ([{"path": "/v1/**"}, {"path": "/v1/chat", "methods": ["POST"]}], None),
    ],
)
def test_the_server_is_tried_where_a_route_leads_to_it(
    routes: list[dict[str, Any]], path: str | None
) -> None:
    written = [ROUTE | {"scopes": [], "id": f"r{number}"} | route for number, route in enumerate(routes)]
    curls = [
        line.split()[-1]
        for line in first_steps(AT, loaded(routes=written), "k").splitlines()
        if "curl" in line
    ]
    assert curls[2:] == ([] if path is None else [AT + path])


def test_the_sources_are_named_in_full(folder: Path) -> None:
    assert sources(loaded("c.yaml")) == f"configuration {folder}/c.yaml, store {folder}/keyhatch.db"
    assert sources(loaded(flags={"store.url": "memory:"})) == "configuration without a file, store in memory"


def test_before_a_known_server_a_key_is_made_for_what_is_not_dangerous() -> None:
    known = {"ai": {"url": "http://127.0.0.1:11434", "preset": "ollama"}}
    command = create_command(loaded(routes=[], upstreams=known), "keyhatch")
    assert "--scope models:read --scope chat:write" in command
    assert "admin" not in command
    assert "models:manage" not in command
    assert f"{AT}/v1/models\n" in first_steps(AT, loaded(routes=[], upstreams=known), "k")


@pytest.mark.parametrize(
    ("name", "path"),
    [("openai", "/v1/models"), ("generic", "/"), ("voxta", "/api/profile"), ("xtts", "/get_models_list")],
)
def test_a_known_server_is_tried_where_it_tells_what_there_is(name: str, path: str) -> None:
    preset: dict[str, Any] = {
        "routes": [],
        "upstreams": {"ai": {"url": "http://127.0.0.1:1", "preset": name}},
    }
    assert f"{AT}{path}\n" in first_steps(AT, loaded(**preset), "k")


@pytest.mark.parametrize(
    ("more", "told"),
    [({}, "HTTPS for callers"), ({"admin": True}, "HTTPS for callers and admin")],
)
def test_where_https_is_spoken_is_said(folder: Path, more: dict[str, bool], told: str) -> None:
    write_pair(folder)
    tls = {"cert_file": "gate.crt", "key_file": "gate.key", **more}
    assert sources(loaded("c.yaml", server={"tls": tls})).endswith(f"keyhatch.db, {told}")
