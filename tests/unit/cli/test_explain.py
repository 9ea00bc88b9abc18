"""Guarantees of gateway/cli/explain.py: it tells what the gateway would do, never another story."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.wire.story import ALLOWED, NEEDS_KEY, REFUSED
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import GOOD


@pytest.fixture
def configured(line: CommandLine) -> CommandLine:
    Path("config.yaml").write_text(GOOD)
    line.make("chatter", "--scope", "chat:write", "--allow-from", "10.0.0.0/8")
    return line


def story(line: CommandLine, *words: str) -> tuple[int, Any]:
    result = line("explain", *words, "-o", "json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    ("words", "code", "outcome", "route", "reason"),
    [
        pytest.param("GET /v1/models", 0, NEEDS_KEY, "models", None, id="needs-a-key"),
        pytest.param("get /v1/models", 0, NEEDS_KEY, "models", None, id="methods-may-be-small"),
        pytest.param("GET /", 0, ALLOWED, "welcome", None, id="public"),
        pytest.param("GET / --key-id chatter", 0, ALLOWED, "welcome", None, id="public-with-a-key"),
        pytest.param("POST /v1/chat --key-id chatter", 0, ALLOWED, "chat", None, id="key-that-may"),
        pytest.param("POST /v1/chat?a=b --key-id chatter", 0, ALLOWED, "chat", None, id="query-is-no-matter"),
        pytest.param("GET /any --key-id chatter", 0, ALLOWED, "any-key", None, id="any-valid-key"),
        pytest.param(
            "GET /v1/models --key-id chatter", 4, REFUSED, "models", "scope_missing", id="scope-missing"
        ),
        pytest.param("GET /either --key-id chatter", 4, REFUSED, "either", "scope_missing", id="any-of"),
        pytest.param(
            "POST /v1/chat --key-id chatter --from 192.168.0.1",
            4,
            REFUSED,
            "chat",
            "address_not_allowed",
            id="address",
        ),
        pytest.param(
            "POST /v1/chat --key-id chatter --from 10.1.2.3", 0, ALLOWED, "chat", None, id="right-address"
        ),
        pytest.param("GET /home/x", 0, NEEDS_KEY, "at-home", None, id="anonymous-from-nowhere"),
        pytest.param("GET /home/x --from 127.0.0.1", 0, ALLOWED, "at-home", None, id="anonymous"),
        pytest.param(
            "GET /home/x --from 8.8.8.8", 0, NEEDS_KEY, "at-home", None, id="not-anonymous-from-afar"
        ),
        pytest.param("POST /v1/models", 4, REFUSED, "models", "method_not_allowed", id="method"),
        pytest.param("GET /nowhere", 4, REFUSED, None, "no_route", id="no-route"),
        pytest.param("GET /v1//models", 4, REFUSED, None, "target_ambiguous", id="ambiguous"),
        pytest.param("GET v1/models", 4, REFUSED, None, "target_ambiguous", id="no-slash"),
        pytest.param("GET /.keyhatch/me", 0, NEEDS_KEY, "keyhatch-me", None, id="own"),
        pytest.param(
            "GET /.keyhatch/me --key-id chatter", 0, ALLOWED, "keyhatch-me", None, id="own-with-key"
        ),
        pytest.param("GET /.keyhatch/x", 4, REFUSED, None, "no_route", id="own-nothing"),
        pytest.param(
            "GET /.keyhatch/x --key-id chatter", 4, REFUSED, None, "no_route", id="own-nothing-with-key"
        ),
    ],
)
def test_the_story_and_its_exit_code(
    configured: CommandLine, words: str, code: int, outcome: str, route: str | None, reason: str | None
) -> None:
    got, told = story(configured, *words.split(" "))
    assert (got, told["outcome"], told["reason"]) == (code, outcome, reason)
    assert (told["route"] or {}).get("id") == route
    assert (told["message"] is None) == (reason is None)


def test_a_revoked_key_is_refused(configured: CommandLine) -> None:
    configured("keys", "revoke", "chatter", "--yes")
    code, told = story(configured, "POST", "/v1/chat", "--key-id", "chatter")
    assert (code, told["reason"], told["key"]["status"]) == (4, "key_revoked", "revoked")


def test_people_are_told_the_route_what_it_needs_and_why(configured: CommandLine) -> None:
    result = configured("explain", "GET", "/v1/models", "--key-id", "chatter")
    fields = dict(row.split("\t") for row in result.stdout.splitlines())
    assert fields["verdict"] == "refused: scope_missing"
    assert "Needed here: models:read. The key has: chat:write" in fields["why"]
    assert fields["route"] == "models (/v1/models)"
    assert fields["methods"] == "GET"
    assert fields["upstream"] == "local-ai"
    assert fields["needs"] == "a key with models:read"
    assert fields["key works only from"] == "10.0.0.0/8 (say --from ADDRESS to judge that too)"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("path", "needs"),
    [
        ("/", "nothing: it is public"),
        ("/any", "any valid key"),
        ("/either", "a key with chat:write and one of models:read"),
    ],
)
def test_what_a_route_needs_is_said_in_words(configured: CommandLine, path: str, needs: str) -> None:
    assert f"needs\t{needs}\n" in configured("explain", "GET", path).stdout


def test_who_needs_no_key_is_said(configured: CommandLine) -> None:
    told = configured("explain", "GET", "/home/x").stdout
    assert "no key needed from\t127.0.0.0/8 (counts as chat:write)\n" in told
    by = "an IP address, a name without a dot, or one of server.names"
    assert f"without a key call it by\t{by}\n" in told
    assert "methods\tall\n" in told


def test_without_a_route_only_the_refusal_is_told(configured: CommandLine) -> None:
    told = configured("explain", "GET", "/nowhere").stdout
    fields = dict(row.split("\t") for row in told.splitlines())
    assert list(fields) == ["request", "verdict", "why"]


def test_a_key_whose_address_was_judged_needs_no_reservation(configured: CommandLine) -> None:
    told = configured("explain", "POST", "/v1/chat", "--key-id", "chatter", "--from", "10.1.2.3").stdout
    assert "verdict\tallowed\n" in told
    assert "key works only from" not in told


def test_a_key_that_is_not_there_is_exit_code_3(configured: CommandLine) -> None:
    assert configured("explain", "GET", "/", "--key-id", "nobody").exit_code == 3


def test_an_address_that_is_none_is_a_usage_error(configured: CommandLine) -> None:
    assert configured("explain", "GET", "/", "--from", "home").exit_code == 2


def test_without_any_upstream_it_says_that_flags_of_serve_are_not_known_here(line: CommandLine) -> None:
    result = line("explain", "GET", "/v1/models")
    assert result.exit_code == 4
    assert "KEYHATCH_UPSTREAM" in result.stderr
    line.environ.update(KEYHATCH_UPSTREAM="http://127.0.0.1:11434", KEYHATCH_PRESET="ollama")
    result = line("explain", "GET", "/v1/models")
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_routes_of_presets_are_explained_like_any_other(line: CommandLine) -> None:
    Path("config.yaml").write_text("upstreams: {ai: {url: http://a, preset: ollama}}\n")
    code, told = story(line, "POST", "/api/pull")
    assert (code, told["route"]["id"], told["route"]["scopes"]) == (0, "ai:pull", ["models:manage"])
    assert story(line, "GET", "/api/nothing")[1]["reason"] == "no_route"


@pytest.mark.parametrize(
    ("prefixes", "told"),
    [
        ("strip_prefix: /llm, add_prefix: /api", "without /llm, behind /api"),
        ("strip_prefix: /llm", "without /llm"),
        ("add_prefix: /api", "behind /api"),
    ],
)
def test_how_a_path_is_forwarded_that_is_moved_is_said(line: CommandLine, prefixes: str, told: str) -> None:
    route = f"{{id: llm, path: /llm/**, upstream: ai, public: true, {prefixes}}}"
    Path("config.yaml").write_text(f"upstreams: {{ai: {{url: 'http://127.0.0.1:9'}}}}\nroutes: [{route}]\n")
    assert f"forwarded\t{told}\n" in line("explain", "GET", "/llm/x").stdout
