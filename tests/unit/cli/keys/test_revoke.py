"""Guarantees of gateway/cli/keys/revoke.py: holding a key is enough to end it, and what ended is said.

How it asks and what it says of a key that was named stands in test_change.py, with the other acts.
"""

import json

import pytest

from gateway.core.keys import digest_of
from tests.unit.cli.command_line import NOW, CommandLine


@pytest.mark.parametrize("form", ["{}", "  Bearer {}\n"])
def test_whoever_holds_a_key_can_end_it(line: CommandLine, form: str) -> None:
    secret = line.make("one")
    result = line("keys", "revoke", "--by-value", stdin=form.format(secret))
    assert (result.exit_code, result.stdout) == (0, "")
    assert 'Revoked "one"' in result.stderr
    assert secret[3:] not in result.output
    assert line.record("one").revoked_at == NOW


def test_on_a_terminal_it_is_hidden_while_it_is_typed(line: CommandLine, terminal: None) -> None:
    secret = line.make("one")
    result = line("keys", "revoke", "--by-value", stdin=f"{secret}\n")
    assert secret[3:] not in result.output
    assert line.record("one").revoked_at == NOW


def test_the_old_secret_within_an_overlap_ends_alone(line: CommandLine) -> None:
    old = line.make("one")
    new = line("keys", "rotate", "one", "-q").stdout.strip()
    told = line("keys", "revoke", "--by-value", stdin=old).stderr
    assert 'Ended the secret that "one"' in told
    key = line.record("one")
    assert (key.revoked_at, key.digest, key.overlap_runs(NOW)) == (None, digest_of(new), False)


def test_json_is_the_record_after_it(line: CommandLine) -> None:
    result = line("keys", "revoke", "--by-value", "-o", "json", stdin=line.make("one"))
    assert (json.loads(result.stdout)["status"], result.stderr) == ("revoked", "")


@pytest.mark.parametrize("text", ["sk-proj-0123456789", "kh_" + "0" * 49, "hello"])
def test_what_opens_nothing_is_exit_code_3(line: CommandLine, text: str) -> None:
    line.make("one")
    result = line("keys", "revoke", "--by-value", stdin=text)
    assert (result.exit_code, result.stdout) == (3, "")
    assert text not in result.stderr
    assert line.record("one").revoked_at is None


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        pytest.param([], "", id="nobody"),
        pytest.param(["one", "--by-value"], "", id="both"),
        pytest.param(["--by-value"], " \n", id="nothing-on-stdin"),
    ],
)
def test_what_does_not_say_which_key_is_refused(line: CommandLine, words: list[str], stdin: str) -> None:
    line.make("one")
    assert line("keys", "revoke", *words, stdin=stdin).exit_code == 2
    assert line.record("one").revoked_at is None


def test_a_key_as_an_argument_is_refused_and_not_repeated(line: CommandLine) -> None:
    secret = line.make("one")
    result = line("keys", "revoke", secret, "--yes")
    assert result.exit_code == 2
    assert secret[3:] not in result.output


@pytest.mark.parametrize("by_value", [False, True])
def test_one_that_was_revoked_before_is_told_since_when(line: CommandLine, *, by_value: bool) -> None:
    secret = line.make("one")
    line("keys", "revoke", "one", "--yes")
    line.clock.at += 3600
    again = (
        line("keys", "revoke", "--by-value", stdin=secret)
        if by_value
        else line("keys", "revoke", "one", "-y")
    )
    assert again.exit_code == 0
    assert "was revoked on 2027-01-15T08:00:00Z already: nothing was changed" in again.stderr
