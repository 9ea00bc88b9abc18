"""Guarantees of gateway/cli/keys/edit.py: what was named changes, the rest stays, and both are told."""

import json

import pytest

from tests.unit.cli.command_line import NOW, CommandLine

DAY = 86_400.0


@pytest.fixture
def made(line: CommandLine) -> CommandLine:
    words = ("--scope", "chat:write", "--owner", "ann", "--note", "kitchen", "--allow-from", "10.0.0.0/8")
    line.make("one", *words)
    return line


def test_what_changed_is_said_from_what_to_what(made: CommandLine) -> None:
    result = made(
        "keys", "edit", "one", "--name", "two", "--scope", "models:read,chat:*", "--expires", "never"
    )
    assert (result.exit_code, result.stdout) == (0, "")
    preview = made.record("two").preview
    assert result.stderr.splitlines() == [
        f'Changed "two" ({preview}):',
        "  Name: one → two",
        "  Scopes: chat:write → chat:* models:read",
        "  Expires: 2027-04-15T08:00:00Z (in 90 days) → never",
    ]


def test_what_is_not_named_stays(made: CommandLine) -> None:
    before = made.record("one")
    assert made("keys", "edit", "one", "--owner", "bob").exit_code == 0
    key = made.record("one")
    assert (key.owner, key.note, key.scopes, key.allow_from) == (
        "bob",
        "kitchen",
        before.scopes,
        before.allow_from,
    )
    assert (key.digest, key.expires_at) == (before.digest, before.expires_at)


@pytest.mark.parametrize(
    ("words", "line_told"),
    [
        pytest.param(["--no-scopes"], "  Scopes: chat:write → none", id="scopes"),
        pytest.param(["--anywhere"], "  Allowed from: 10.0.0.0/8 → anywhere", id="networks"),
        pytest.param(["--owner", ""], "  Owner: ann → none", id="owner"),
        pytest.param(["--note", ""], "  Note: kitchen → none", id="note"),
    ],
)
def test_there_is_a_way_to_empty_what_can_be_empty(
    made: CommandLine, words: list[str], line_told: str
) -> None:
    assert line_told in made("keys", "edit", "one", *words).stderr.splitlines()


def test_networks_replace_those_that_were_there(made: CommandLine) -> None:
    made("keys", "edit", "one", "--allow-from", "192.168.1.0/24, fd00::/8", "--allow-from", "::1")
    assert [str(each) for each in made.record("one").allow_from] == ["192.168.1.0/24", "fd00::/8", "::1/128"]


def test_a_nearer_end_is_the_old_secrets_too(made: CommandLine) -> None:
    made("keys", "rotate", "one", "--overlap", "7d")
    told = made("keys", "edit", "one", "--expires", "2d").stderr
    assert "Old secret works until: 2027-01-22T08:00:00Z (in 7 days) → 2027-01-17T08:00:00Z" in told
    assert made.record("one").previous_secret_valid_until == NOW + 2 * DAY


def test_an_edit_to_what_is_already_so_says_that(made: CommandLine) -> None:
    before = made.record("one")
    assert "nothing was changed" in made("keys", "edit", "one", "--owner", "ann").stderr
    assert made.record("one") == before


def test_json_is_the_record_after_the_edit(made: CommandLine) -> None:
    result = made("keys", "edit", "one", "--note", "cellar", "-o", "json")
    assert (json.loads(result.stdout)["note"], result.stderr) == ("cellar", "")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param([], 2, "Say what to change", id="nothing"),
        pytest.param(["--scope", "chat:write", "--no-scopes"], 2, "contradict", id="scopes-and-none"),
        pytest.param(["--allow-from", "::1", "--anywhere"], 2, "contradict", id="networks-and-anywhere"),
        pytest.param(["--scope", "chat:wrote"], 2, "did you mean chat:write?", id="scope"),
        pytest.param(["--allow-from", "10.0.0.1/8"], 2, "write 10.0.0.0/8", id="network"),
        pytest.param(["--expires", "2020-01-01"], 2, "lies in the past", id="expiry"),
        pytest.param(["--name", ""], 2, "needs a name", id="name"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_mend_and_changes_nothing(
    made: CommandLine, words: list[str], code: int, told: str
) -> None:
    before = made.record("one")
    result = made("keys", "edit", "one", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert made.record("one") == before


def test_a_revoked_key_is_no_longer_edited_and_that_is_no_mistake_in_the_words(made: CommandLine) -> None:
    made("keys", "revoke", "one", "--yes")
    result = made("keys", "edit", "one", "--owner", "bob")
    assert result.exit_code == 1
    assert "create a new key" in result.stderr


def test_a_name_that_is_a_key_is_refused_and_not_repeated(made: CommandLine) -> None:
    secret = made.make("two")
    result = made("keys", "edit", "one", "--name", secret)
    assert result.exit_code == 2
    assert secret[3:] not in result.output


def test_a_key_that_is_not_there_is_exit_code_3(line: CommandLine) -> None:
    assert line("keys", "edit", "nobody", "--owner", "bob").exit_code == 3


def test_that_it_may_lead_a_path_is_allowed_and_taken_back(made: CommandLine) -> None:
    assert "In paths: none → may stand in an address" in made("keys", "edit", "one", "--in-path").stderr
    assert made.record("one").in_path
    assert made("keys", "edit", "one", "--note", "x").exit_code == 0
    assert made.record("one").in_path
    assert made("keys", "edit", "one", "--no-in-path").exit_code == 0
    assert not made.record("one").in_path
