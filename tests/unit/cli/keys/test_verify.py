"""Guarantees of gateway/cli/keys/verify.py: a key comes on stdin, its fate is told in words."""

import json
import sys

import pytest

from gateway.cli.keys import verify
from gateway.core.refusal import Reason
from tests.unit.cli.command_line import CommandLine


def test_a_living_key_passes_and_is_named(line: CommandLine) -> None:
    secret = line.make("one", "--scope", "chat:write")
    result = line("keys", "verify", stdin=secret + "\n")
    assert result.exit_code == 0
    assert result.stdout.startswith("verdict\twould pass\n")
    assert "name\tone\n" in result.stdout
    assert secret[3:] not in result.output


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (["keys", "revoke", "one", "--yes"], Reason.KEY_REVOKED),
        (["keys", "disable", "one"], Reason.KEY_DISABLED),
        (["keys", "rotate", "one", "--overlap", "0s", "-q"], Reason.KEY_ROTATED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_dead_key_is_refused_with_its_reason_and_record(
    line: CommandLine, act: list[str], reason: Reason
) -> None:
    secret = line.make("one")
    line(*act)
    result = line("keys", "verify", stdin=secret)
    assert result.exit_code == 4
    assert f"would be refused: {reason.value}\n" in result.stdout
    assert "name\tone\n" in result.stdout


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        pytest.param("sk-ant-api03-x", Reason.CREDENTIAL_FOREIGN, "an Anthropic key", id="foreign"),
        pytest.param("kh_short", Reason.CREDENTIAL_MALFORMED, "it has 8 characters", id="truncated"),
        pytest.param(
            "kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU",
            Reason.KEY_UNKNOWN,
            "not issued",
            id="unknown",
        ),
        pytest.param("\N{SNOWMAN}", Reason.CREDENTIAL_FOREIGN, "another kind", id="no-key-at-all"),
        pytest.param(b"\xff\xfe\x00", Reason.CREDENTIAL_FOREIGN, "another kind", id="no-text-at-all"),
    ],
)
def test_any_other_text_is_refused_and_explained(
    line: CommandLine, text: str | bytes, reason: Reason, said: str
) -> None:
    result = line("keys", "verify", "-o", "json", stdin=text)
    told = json.loads(result.stdout)
    assert result.exit_code == 4
    assert (told["passes"], told["reason"], told["key"]) == (False, reason.value, None)
    assert said in told["message"]


def test_json_of_a_living_key_holds_its_record(line: CommandLine) -> None:
    told = json.loads(line("keys", "verify", "-o", "json", stdin=line.make("one")).stdout)
    assert (told["passes"], told["reason"], told["message"], told["shape"]) == (
        True,
        None,
        None,
        "well_formed",
    )
    assert told["key"]["name"] == "one"


def test_a_key_for_some_networks_is_told_to_pass_only_from_there(line: CommandLine) -> None:
    secret = line.make("one", "--allow-from", "10.0.0.0/8,::1")
    result = line("keys", "verify", stdin=secret)
    assert result.exit_code == 0
    assert "verdict\twould pass from 10.0.0.0/8 ::1/128 and from nowhere else\n" in result.stdout
    told = json.loads(line("keys", "verify", "-o", "json", stdin=secret).stdout)
    assert (told["passes"], told["reason"]) == (True, None)
    assert told["message"] == "It passes from 10.0.0.0/8 ::1/128 and from nowhere else."
    assert told["key"]["allow_from"] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("stdin", ["", "\n", " \t\n"])
def test_nothing_given_is_a_usage_error(line: CommandLine, stdin: str) -> None:
    result = line("keys", "verify", stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_closed_stdin_is_nothing_given(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert verify.read_key() == ""


def test_on_a_terminal_it_asks_and_does_not_show_what_is_typed(line: CommandLine, terminal: None) -> None:
    secret = line.make("one")
    result = line("keys", "verify", stdin=f"{secret}\n")
    assert result.exit_code == 0
    assert "Key" in result.stderr
    assert secret[3:] not in result.output


def test_a_key_as_an_argument_is_refused_and_not_repeated(line: CommandLine) -> None:
    secret = line.make("one")
    result = line("keys", "verify", secret)
    assert result.exit_code == 2
    assert "history" in result.stderr
    assert secret[3:] not in result.output
