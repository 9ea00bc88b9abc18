"""Guarantees of gateway/cli/credentials/change.py: a value comes on stdin, and what changes is confirmed."""

import json
from pathlib import Path

import pytest

from gateway.cli.credentials import change
from tests.support.vaults import VALUE
from tests.unit.cli.command_line import CommandLine


def test_a_credential_is_set_from_stdin_and_told_by_its_ends(house: CommandLine) -> None:
    result = house("credentials", "set", "openai", stdin=f"{VALUE}\n")
    assert result.exit_code == 0
    assert result.stderr == "Set openai (sk-r…def). Lent to main from now on.\n"
    assert VALUE not in result.output


def test_one_that_no_upstream_names_says_how_to_name_it(house: CommandLine) -> None:
    result = house("credentials", "set", "other", stdin="sk-1", surroundings=None)
    assert "say `credential: vault:other` there" in result.stderr


def test_programs_get_the_record(house: CommandLine) -> None:
    result = house("credentials", "set", "openai", "-o", "json", stdin=VALUE)
    assert json.loads(result.stdout)["state"] == "ok"
    removed = house("credentials", "remove", "openai", "--yes", "-o", "json")
    assert json.loads(removed.stdout)["name"] == "openai"


def test_one_in_argv_is_refused_and_not_repeated(house: CommandLine) -> None:
    result = house("credentials", "set", "openai", VALUE)
    assert result.exit_code == 2
    assert "never an argument" in result.stderr
    assert VALUE not in result.output


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("openai", "", 2, "Nothing was given"),
        ("Open AI", "sk-1", 1, "name must be named with lower-case letters"),
        ("openai", "Bearer sk-1", 1, "value must be the credential alone"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    house: CommandLine, name: str, value: str, code: int, said: str
) -> None:
    result = house("credentials", "set", name, stdin=value)
    assert (result.exit_code, said in result.stderr) == (code, True)


def test_while_the_vault_is_locked_nothing_is_set_and_the_mend_is_told(
    house: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "vault.key").unlink()
    result = house("credentials", "set", "openai", stdin=VALUE)
    assert result.exit_code == 1
    assert "vault is locked: the file that vault.key_file names is missing" in result.stderr


def test_without_yes_a_script_removes_nothing(house: CommandLine) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    result = house("credentials", "remove", "openai")
    assert (result.exit_code, "Add --yes" in result.stderr) == (2, True)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
@pytest.mark.parametrize(("name", "asks"), [("openai", "It closes main."), ("other", "Remove other (****)?")])
def test_a_person_is_asked_and_told_what_it_closes(
    house: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, asks: str, answer: str, code: int
) -> None:
    house("credentials", "set", name, stdin=VALUE if name == "openai" else "sk-1")
    monkeypatch.setattr(change, "can_ask", lambda: True)
    result = house("credentials", "remove", name, stdin=answer)
    assert (result.exit_code, asks in result.stderr) == (code, True)
    assert (name in house("credentials", "list").stdout) is bool(code)


@pytest.mark.parametrize(("name", "said"), [("openai", "Closed now: main."), ("other", "No upstream")])
def test_what_a_removal_closes_is_told(house: CommandLine, name: str, said: str) -> None:
    house("credentials", "set", name, stdin=VALUE)
    assert said in house("credentials", "remove", name, "--yes").stderr


def test_one_that_is_not_there_is_not_found(house: CommandLine) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    assert house("credentials", "remove", "other", "--yes").exit_code == 3


def test_one_that_was_set_and_is_refused_at_once_says_so(house: CommandLine, tmp_path: Path) -> None:
    """The key may be replaced between two commands: what is told is how it stands."""
    house("credentials", "set", "openai", stdin=VALUE)
    (tmp_path / "vault.key").unlink()
    told = json.loads(house("credentials", "list", "-o", "json").stdout)
    assert [each["state"] for each in told] == ["locked"]
