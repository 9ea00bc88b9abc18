"""Guarantees of gateway/cli/keys/make.py: a secret is printed once, on stdout alone."""

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest

from gateway.core.keys import digest_of
from tests.unit.cli.command_line import NOW, CommandLine

DAY = 86_400.0


def test_create_prints_the_secret_alone_on_stdout_and_never_on_stderr(line: CommandLine) -> None:
    result = line("keys", "create", "VaM Plugin", "--scope", "chat:write")
    secret = result.stdout.strip()
    assert result.exit_code == 0
    assert result.stdout == f"{secret}\n"
    assert digest_of(secret) == line.record("VaM Plugin").digest
    assert secret[3:] not in result.stderr


def test_create_says_what_was_made_and_how_to_try_it(line: CommandLine) -> None:
    told = line("keys", "create", "VaM Plugin", "--scope", "chat:write").stderr
    key = line.record("VaM Plugin")
    assert (
        f'Made "VaM Plugin" ({key.preview}), id {key.id}. It may: chat:write. It expires in 90 days.' in told
    )
    assert "cannot be shown again" in told
    assert "http://127.0.0.1:8080/.keyhatch/me" in told


def test_quiet_prints_the_secret_and_nothing_else_anywhere(line: CommandLine) -> None:
    result = line("keys", "create", "one", "-q")
    assert result.stderr == ""
    assert digest_of(result.stdout.strip()) == line.record("one").digest


def test_json_is_the_record_with_the_secret_and_nothing_is_said(line: CommandLine) -> None:
    result = line("keys", "create", "one", "-o", "json")
    told = json.loads(result.stdout)
    secret = told.pop("key")
    assert result.stderr == ""
    assert digest_of(secret) == line.record("one").digest
    assert told == json.loads(line("keys", "show", "one", "-o", "json").stdout)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        pytest.param([], NOW + 90 * DAY, id="default"),
        pytest.param(["--expires", "2s"], NOW + 2, id="seconds"),
        pytest.param(["--expires", "90d"], NOW + 90 * DAY, id="days"),
        pytest.param(["--expires", "2027-01-31"], 1_801_439_999, id="date"),
        pytest.param(["--expires", "never"], None, id="never"),
    ],
)
def test_a_key_ends_when_it_was_asked_to(line: CommandLine, written: list[str], moment: float | None) -> None:
    line.make("one", *written)
    assert line.record("one").expires_at == moment


def test_create_keeps_all_that_was_said(line: CommandLine) -> None:
    line.make("one", "--owner", "anna", "--note", "hi", "--scope", "chat:*", "--scope", "models:read")
    key = line.record("one")
    assert not key.in_path
    line.make("two", "--in-path")
    assert line.record("two").in_path
    assert (key.owner, key.note, key.scopes) == ("anna", "hi", frozenset({"chat:*", "models:read"}))
    assert key.created_by.startswith("cli")


def test_several_values_may_be_divided_by_commas(line: CommandLine) -> None:
    line.make(
        "one",
        "--scope",
        "chat:write, models:read",
        "--allow-from",
        "10.0.0.0/8,::1",
        "--allow-from",
        "127.0.0.1",
    )
    key = line.record("one")
    assert key.scopes == {"chat:write", "models:read"}
    assert key.allow_from == tuple(map(ip_network, ("10.0.0.0/8", "::1", "127.0.0.1")))


def test_a_key_that_never_expires_and_holds_no_scope_is_told_so(line: CommandLine) -> None:
    told = line("keys", "create", "one", "--expires", "never").stderr
    assert "It may: nothing that needs a scope. It never expires." in told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["keys", "create"], 2, id="no-name"),
        pytest.param(["keys", "create", "one", "--expires", "soon"], 2, id="expiry"),
        pytest.param(["keys", "create", "one", "--expires", "2020-01-01"], 2, id="expiry-past"),
        pytest.param(["keys", "create", "one", "--expires", "0s"], 2, id="expiry-now"),
        pytest.param(["keys", "create", "one", "--scope", "chat:wrote"], 2, id="scope"),
        pytest.param(["keys", "create", "one", "--allow-from", "10.0.0.1/8"], 2, id="network"),
        pytest.param(["keys", "create", ""], 2, id="empty-name"),
        pytest.param(["keys", "create", " one"], 2, id="name"),
        pytest.param(["keys", "create", "one", "-q", "-o", "json"], 2, id="two-forms"),
        pytest.param(["keys", "rotate", "one", "-q", "-o", "json"], 2, id="rotate-two-forms"),
        pytest.param(["keys", "rotate", "one", "--overlap", "never"], 2, id="overlap-never"),
        pytest.param(["keys", "rotate", "one", "--overlap", "long"], 2, id="overlap-unreadable"),
        pytest.param(["keys", "rotate", "one"], 3, id="rotate-nobody"),
    ],
)
def test_what_cannot_be_made_prints_no_secret(line: CommandLine, words: list[str], code: int) -> None:
    result = line(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("Error: ")


def test_two_ways_to_print_are_refused_before_anything_is_made(line: CommandLine) -> None:
    assert "-q and -o json" in line("keys", "create", "one", "-q", "-o", "json").stderr
    assert line("keys", "list", "-o", "json").stdout == "[]\n"
    secret = line.make("one")
    line("keys", "rotate", "one", "-q", "-o", "json")
    assert line.record("one").digest == digest_of(secret)


def test_a_name_that_another_key_has_is_taken_and_that_is_said(line: CommandLine) -> None:
    line.make("one")
    line("keys", "revoke", "one", "--yes")
    result = line("keys", "create", "one")
    assert result.exit_code == 0
    assert 'Another key is called "one" too' in result.stderr
    assert "by its id" in result.stderr
    assert "Another key" not in line("keys", "create", "two").stderr
    quiet = line("keys", "create", "two", "-q")
    assert 'Another key is called "two" too' in quiet.stderr
    assert quiet.stdout.startswith("kh_")
    assert line("keys", "create", "three", "-q").stderr == ""


def test_more_keys_than_an_owner_may_have_is_a_failure_and_no_wrong_usage(line: CommandLine) -> None:
    line.desk.rules = replace(line.desk.rules, max_active_per_owner=1)
    line.make("one", "--owner", "ann")
    line.make("two")
    made = line("keys", "create", "three", "--owner", "ann")
    edited = line("keys", "edit", "two", "--owner", "ann")
    imported = line(
        "keys",
        "import",
        "-",
        "--format",
        "lines",
        "--owner",
        "ann",
        stdin="t,9fK2xQ7pLm4Wz8Rt3Vb6Yc1Nd5Hs0Jg\n",
    )
    assert [made.exit_code, edited.exit_code, imported.exit_code] == [1, 1, 1]
    assert made.stderr == edited.stderr


def test_a_name_that_is_a_key_is_refused_and_not_repeated(line: CommandLine) -> None:
    secret = line.make("one")
    result = line("keys", "create", secret)
    assert result.exit_code == 2
    assert secret[3:] not in result.output
