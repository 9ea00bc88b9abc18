"""Guarantees of gateway/cli/keys/change.py: acts do what they say, nothing irrevocable happens unasked."""

import json

import pytest

from gateway.keeper.keyring import Keyring
from tests.unit.cli.command_line import NOW, CommandLine


@pytest.fixture
def made(line: CommandLine) -> CommandLine:
    line.make("one")
    return line


def test_disable_and_enable_need_no_question(made: CommandLine) -> None:
    assert made("keys", "disable", "one").exit_code == 0
    assert made.record("one").disabled_at == NOW
    assert made("keys", "enable", "one").exit_code == 0
    assert made.record("one").disabled_at is None


@pytest.mark.parametrize("act", ["disable", "enable", "revoke"])
def test_an_act_is_told_on_stderr_and_is_no_data(made: CommandLine, act: str) -> None:
    result = made("keys", act, "one", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f'{act.capitalize()}d "one" ({made.record("one").preview})' in result.stderr


@pytest.mark.parametrize(
    ("act", "status"), [("disable", "disabled"), ("enable", "active"), ("revoke", "revoked")]
)
def test_json_is_the_record_after_the_act(made: CommandLine, act: str, status: str) -> None:
    result = made("keys", act, "one", "-y", "-o", "json")
    assert json.loads(result.stdout)["status"] == status
    assert result.stderr == ""


def test_an_expired_key_that_is_enabled_is_told_to_stay_expired(line: CommandLine) -> None:
    line.make("one", "--expires", "2h")
    line("keys", "disable", "one")
    assert "expired" not in line("keys", "enable", "one").stderr
    line.clock.at += 3 * 3600
    told = line("keys", "enable", "one")
    assert told.exit_code == 0
    assert "It stays refused: it expired 1 h ago." in told.stderr


@pytest.mark.parametrize("act", ["revoke", "delete"])
def test_off_a_terminal_what_cannot_be_undone_needs_yes(made: CommandLine, act: str) -> None:
    result = made("keys", act, "one", stdin="y\n")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert made.record("one").revoked_at is None


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_a_no_changes_nothing_and_is_a_failure(made: CommandLine, terminal: None, answer: str) -> None:
    result = made("keys", "revoke", "one", stdin=answer)
    assert result.exit_code == 1
    assert "Nothing was changed." in result.stderr
    assert made.record("one").revoked_at is None


def test_a_question_that_is_interrupted_changes_nothing(made: CommandLine, terminal: None) -> None:
    result = made("keys", "revoke", "one", stdin="")
    assert result.exit_code == 130
    assert made.record("one").revoked_at is None


def test_the_question_names_the_key_and_its_last_use_and_a_yes_is_obeyed(
    made: CommandLine, terminal: None
) -> None:
    made.use("one", 180, "10.0.0.1")
    result = made("keys", "revoke", "one", stdin="y\n")
    assert result.exit_code == 0
    assert f'Revoke "one" ({made.record("one").preview}), last used 3 min ago?' in result.stderr
    assert made.record("one").revoked_at == NOW


def test_the_key_that_was_named_in_the_question_is_the_one_that_ends(
    made: CommandLine, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def revoke(desk: Keyring, id_or_name: str) -> object:
        asked.append(id_or_name)
        return await desk.resolve(id_or_name)

    monkeypatch.setattr(Keyring, "revoke", revoke)
    made("keys", "revoke", "one", stdin="y\n")
    assert asked == [made.record("one").id]


def test_a_question_about_nobody_is_not_asked(line: CommandLine, terminal: None) -> None:
    result = line("keys", "revoke", "nobody", stdin="y\n")
    assert result.exit_code == 3
    assert "Revoke" not in result.stderr


def test_only_a_revoked_key_can_be_deleted(made: CommandLine) -> None:
    refused = made("keys", "delete", "one", "--yes")
    assert refused.exit_code == 1
    assert "revoke it first" in refused.stderr
    made("keys", "revoke", "one", "--yes")
    assert made("keys", "delete", "one", "--yes").exit_code == 0
    assert made("keys", "show", "one").exit_code == 3


@pytest.mark.parametrize("act", ["disable", "enable", "revoke", "delete"])
def test_an_act_on_nobody_is_exit_code_3(line: CommandLine, act: str) -> None:
    assert line("keys", act, "nobody", "--yes").exit_code == 3
