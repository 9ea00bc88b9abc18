"""Guarantees of gateway/cli/keys/desk.py: no key is an argument; asking where nothing is makes nothing."""

from pathlib import Path

import pytest

from gateway.cli.surroundings import Surroundings
from tests.unit.cli.command_line import CommandLine

WORDS = [
    pytest.param(["keys", act, "{}", "--yes"], id=act)
    for act in ("revoke", "disable", "enable", "delete", "rotate")
] + [
    pytest.param(["keys", "show", "{}"], id="show"),
    pytest.param(["keys", "create", "{}"], id="create"),
    pytest.param(["explain", "GET", "/", "--key-id", "{}"], id="explain"),
    pytest.param(["explain", "GET", "/?api_key={}"], id="explain-path"),
    pytest.param(["keys", "list", "{}"], id="where-nothing-is-expected"),
    pytest.param(["{}"], id="as-a-command"),
]


@pytest.mark.parametrize("words", WORDS)
def test_a_key_in_argv_is_refused_changes_nothing_and_is_not_repeated(
    line: CommandLine, words: list[str]
) -> None:
    secret = line.make("one")
    before = line.record("one")
    result = line(*(word.format(secret) for word in words))
    assert result.exit_code == 2
    assert secret[3:] not in result.output
    assert line.record("one") == before


@pytest.mark.parametrize(
    "command",
    [
        "keys list",
        "keys list -o json",
        "keys show laptop",
        "keys verify",
        "keys disable laptop",
        "keys revoke laptop --yes",
        "keys rotate laptop",
        "keys delete laptop --yes",
        "explain GET / --key-id laptop --config config.yaml",
    ],
)
@pytest.mark.parametrize("place", ["keys.db", "mistyped/folder/keys.db"])
def test_where_there_is_no_store_that_is_said_and_nothing_is_made(
    line: CommandLine, command: str, place: str
) -> None:
    Path("config.yaml").write_text("upstreams: {u: {url: http://127.0.0.1:9}}\n")
    result = line(
        *command.split(), "--store", f"sqlite:///{place}", stdin="kh_a", surroundings=Surroundings(environ={})
    )
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(
        f"Error: There is no store at {Path(place).absolute()}: `keyhatch keys create"
    )
    assert "--store sqlite:///FILE" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["config.yaml"]


def test_making_a_key_makes_one_folder_and_no_more(line: CommandLine) -> None:
    def create(place: str) -> int:
        url = f"sqlite:///{place}"
        return line(
            "keys", "create", "laptop", "--store", url, surroundings=Surroundings(environ={})
        ).exit_code

    assert create("one/keys.db") == 0
    assert create("two/folders/keys.db") == 1
    assert [path.name for path in Path().iterdir()] == ["one"]


LAST = [
    pytest.param(["revoke", "--yes"], id="revoke"),
    pytest.param(["disable"], id="disable"),
    pytest.param(["edit", "--no-scopes"], id="edit"),
    pytest.param(["edit", "--scope", "keyhatch:write", "-o", "json"], id="edit-json"),
]


@pytest.mark.parametrize("words", LAST)
def test_whoever_takes_the_last_manager_away_is_told(line: CommandLine, words: list[str]) -> None:
    line.make("boss", "--scope", "keyhatch:admin")
    line.make("deputy", "--scope", "keyhatch:admin")
    first = line("keys", words[0], "deputy", *words[1:])
    last = line("keys", words[0], "boss", *words[1:])
    assert (first.exit_code, last.exit_code) == (0, 0)
    assert "admin reset" not in first.stderr
    assert last.stderr.endswith("No key may manage the others; `keyhatch admin reset` makes one.\n")


def test_whoever_deletes_the_record_of_the_last_manager_is_told(line: CommandLine) -> None:
    line.make("boss", "--scope", "keyhatch:admin")
    line("keys", "revoke", "boss", "--yes")
    assert "admin reset" in line("keys", "delete", "boss", "--yes").stderr


def test_a_change_to_a_key_that_manages_nothing_lists_no_keys(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.make("one")
    monkeypatch.setattr(line.desk, "list_keys", None)
    assert "admin reset" not in line("keys", "revoke", "one", "--yes").stderr
