"""Guarantees of gateway/cli/sign.py: the address goes to stdout, words to stderr, and no secret anywhere."""

import json

import pytest

from tests.unit.cli.command_line import NOW, CommandLine


@pytest.fixture
def made(line: CommandLine) -> CommandLine:
    line.make("radio", "--expires", "never")
    return line


def test_it_prints_the_address_alone_and_says_when_it_ends(made: CommandLine) -> None:
    result = made("sign", "/audio/a.mp3?voice=anna", "--key", "radio")
    assert result.exit_code == 0
    key = made.record("radio")
    assert result.stdout.startswith(f"/audio/a.mp3?voice=anna&kh_key={key.id}&kh_expires={int(NOW) + 300}&")
    assert result.stderr == "It ends in 5 min. Until then whoever has it needs no key.\n"


def test_json_has_the_address_its_key_and_its_end(made: CommandLine) -> None:
    result = made("sign", "https://gate.example/a", "--key", "radio", "--expires", "30s", "-o", "json")
    told = json.loads(result.stdout)
    assert told.pop("address").startswith("https://gate.example/a?kh_key=")
    assert told == {"key_id": made.record("radio").id, "expires_at": "2027-01-15T08:00:30Z"}
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("a", "--key", "radio"), 2, "must begin with '/'"),
        (("/a", "--key", "radio", "--expires", "2h"), 2, "from 1 to 3600 seconds"),
        (("/a", "--key", "radio", "--expires", "never"), 2, "always ends"),
        (("/a", "--key", "radio", "--expires", "soon"), 2, "cannot read the expiry"),
        (("/a", "--key", "nobody"), 3, "No key has the id or name"),
        (("/a",), 2, "--key"),
    ],
)
def test_what_cannot_be_signed_says_why(
    made: CommandLine, words: tuple[str, ...], code: int, why: str
) -> None:
    result = made("sign", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert why in result.stderr


def test_without_a_vaults_key_it_says_how_to_make_one(made: CommandLine) -> None:
    made.signing = None
    result = made("sign", "/a", "--key", "radio")
    assert result.exit_code == 1
    assert "vault.key_file" in result.stderr


def test_a_key_that_does_not_work_is_a_failure_and_no_wrong_usage(made: CommandLine) -> None:
    assert made("keys", "disable", "radio").exit_code == 0
    result = made("sign", "/a", "--key", "radio")
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_key_in_the_path_is_refused_and_not_repeated(made: CommandLine) -> None:
    secret = made.make("other")
    result = made("sign", f"/k/{secret}/a", "--key", "radio")
    assert result.exit_code == 2
    assert secret not in result.stderr
