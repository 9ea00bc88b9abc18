"""Guarantees of gateway/cli/keys/rotate.py: nobody is stranded unasked, and what happened is said."""

import json

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.expiry import MOMENT_MAX
from tests.unit.cli.command_line import NOW, CommandLine

DAY = 86_400.0


@pytest.mark.parametrize("overlap", ["soon", "never", "2031-01-01", "-1h", "24", "9999999999d"])
def test_an_overlap_that_cannot_be_is_answered_with_what_can_be(line: CommandLine, overlap: str) -> None:
    secret = line.make("one")
    result = line("keys", "rotate", "one", "--overlap", overlap)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--overlap" in result.stderr
    assert "90m, 24h or 7d, or 0s" in result.stderr
    assert line.record("one").digest == digest_of(secret)


def test_a_second_rotation_within_the_overlap_says_which_secret_it_ends(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one", "--overlap", "24h")
    line.clock.at += 2 * 3600
    result = line("keys", "rotate", "one", "-q", "--yes")
    assert (result.exit_code, result.stdout[:3]) == (0, "kh_")
    assert result.stderr.startswith("Warning: ")
    assert "was rotated 2 h ago" in result.stderr
    assert "still worked for 22 h, has ended now" in result.stderr


def test_a_second_rotation_after_the_overlap_has_nothing_to_say(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one", "--overlap", "1h")
    line.clock.at += 3600
    assert line("keys", "rotate", "one", "-q").stderr == ""


def test_on_a_terminal_a_second_rotation_within_the_overlap_asks(line: CommandLine, terminal: None) -> None:
    line.make("one")
    line("keys", "rotate", "one")
    before = line.record("one")
    refused = line("keys", "rotate", "one", stdin="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "ends the secret before it, which still works for 24 h" in refused.stderr
    assert line.record("one") == before
    assert line("keys", "rotate", "one", stdin="y\n").exit_code == 0
    assert line("keys", "rotate", "one", "--yes").exit_code == 0
    assert line.record("one").digest != before.digest


def test_rotate_prints_the_new_secret_and_tells_how_long_the_old_one_works(line: CommandLine) -> None:
    old = line.make("one")
    result = line("keys", "rotate", "one", "--overlap", "2h")
    key = line.record("one")
    assert digest_of(result.stdout.strip()) == key.digest != digest_of(old)
    assert key.previous_secret_valid_until == NOW + 7200
    assert "The old secret still works for 2 h." in result.stderr


def test_rotate_leaves_a_day_by_default(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one")
    assert line.record("one").previous_secret_valid_until == NOW + DAY


def test_rotate_without_overlap_ends_the_old_secret_at_once(line: CommandLine) -> None:
    line.make("one")
    assert "The old secret has stopped working." in line("keys", "rotate", "one", "--overlap", "0s").stderr


def test_rotate_never_promises_more_than_the_keys_own_end(line: CommandLine) -> None:
    line.make("one", "--expires", "1h")
    assert "The old secret still works for 1 h." in line("keys", "rotate", "one").stderr


@pytest.mark.parametrize("options", [["-q"], ["-o", "json"], ["--yes", "-q"]])
def test_rotate_is_silent_where_it_was_asked_to(line: CommandLine, options: list[str]) -> None:
    line.make("one")
    result = line("keys", "rotate", "one", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "kh_" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["-q", "-o", "json"],
        ["--overlap", "never"],
        ["--undo", "--finish"],
        ["--undo", "--overlap", "1h"],
        ["--finish", "--until-first-use"],
        ["--finish", "-q"],
    ],
    ids=" ".join,
)
def test_what_contradicts_itself_is_refused_before_anything_happens(
    line: CommandLine, words: list[str]
) -> None:
    line.make("one")
    before = line.record("one")
    result = line("keys", "rotate", "one", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert line.record("one") == before


@pytest.mark.parametrize("act", [[], ["--undo"], ["--finish"]])
def test_a_key_that_is_not_there_is_exit_code_3(line: CommandLine, act: list[str]) -> None:
    assert line("keys", "rotate", "nobody", *act).exit_code == 3


def test_off_a_terminal_a_second_rotation_within_the_overlap_needs_yes(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one")
    before = line.record("one")
    line.use_previous("one", 180, "10.0.0.9")
    refused = line("keys", "rotate", "one", stdin="y\n")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "which still works for 24 h and was last used 3 min ago from 10.0.0.9" in refused.stderr
    assert all(mend in refused.stderr for mend in ("--yes", "--finish", "--undo"))
    assert line.record("one").digest == before.digest
    assert line("keys", "rotate", "one", "-q", "--yes").exit_code == 0
    assert line.record("one").previous_digest == before.digest


@pytest.mark.parametrize("now", ["now", "0s", " now "])
def test_an_overlap_may_be_no_time_at_all(line: CommandLine, now: str) -> None:
    line.make("one")
    assert line("keys", "rotate", "one", "--overlap", now).exit_code == 0
    assert line.record("one").previous_secret_valid_until == NOW


def test_until_first_use_alone_has_no_other_end_than_the_keys_own(line: CommandLine) -> None:
    line.make("one", "--expires", "never")
    line.make("two")
    told = line("keys", "rotate", "one", "--until-first-use").stderr
    assert "The old secret still works until the new one is used for the first time." in told
    assert "trying it is its first use" in told
    assert line.record("one").previous_until_first_use
    assert line.record("one").previous_secret_valid_until == MOMENT_MAX
    line("keys", "rotate", "two", "--until-first-use")
    assert line.record("two").previous_secret_valid_until == line.record("two").expires_at


def test_until_first_use_beside_an_overlap_is_whichever_comes_first(line: CommandLine) -> None:
    line.make("one")
    told = line("keys", "rotate", "one", "--until-first-use", "--overlap", "7d").stderr
    assert "still works for 7 days, or until the new one is used for the first time" in told
    key = line.record("one")
    assert (key.previous_until_first_use, key.previous_secret_valid_until) == (True, NOW + 7 * DAY)


def test_one_that_waits_for_its_first_use_is_replaced_by_yes_alone(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one", "--until-first-use")
    refused = line("keys", "rotate", "one")
    assert refused.exit_code == 2
    assert "still works until the new one is used for the first time and was not used since" in refused.stderr
    told = line("keys", "rotate", "one", "--yes").stderr
    assert "the secret before it, which still worked, has ended now" in told


def test_undo_makes_the_old_secret_the_keys_own_and_prints_no_secret(line: CommandLine) -> None:
    old = line.make("one")
    preview = line.record("one").preview
    line("keys", "rotate", "one")
    result = line("keys", "rotate", "one", "--undo")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f'Undid the rotation of "one" ({preview})' in result.stderr
    assert line.record("one").digest == digest_of(old)
    again = line("keys", "rotate", "one", "--undo")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "no rotation to undo" in again.stderr


def test_finish_ends_the_old_secret_and_says_when_it_was_last_used(line: CommandLine) -> None:
    line.make("one")
    line("keys", "rotate", "one")
    result = line("keys", "rotate", "one", "--finish")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the old secret has ended. It was not used since." in result.stderr
    assert not line.record("one").overlap_runs(NOW)
    again = line("keys", "rotate", "one", "--finish")
    assert (again.exit_code, "nothing to finish" in again.stderr) == (0, True)


@pytest.mark.parametrize("act", ["--undo", "--finish"])
def test_json_of_what_became_of_a_rotation_is_the_record(line: CommandLine, act: str) -> None:
    line.make("one")
    line("keys", "rotate", "one")
    result = line("keys", "rotate", "one", act, "-o", "json")
    assert result.stderr == ""
    assert json.loads(result.stdout) == json.loads(line("keys", "show", "one", "-o", "json").stdout)
