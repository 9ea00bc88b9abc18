"""Guarantees of gateway/cli/keys/read.py: lists and records for people and for programs, never a secret."""

import json

import pytest

from tests.unit.cli.command_line import CommandLine

ON_THE_WIRE = [
    "id",
    "name",
    "preview",
    "owner",
    "note",
    "scopes",
    "allow_from",
    "in_path",
    "status",
    "created_at",
    "created_by",
    "expires_at",
    "last_used_at",
    "last_used_from",
    "use_count",
    "disabled_at",
    "revoked_at",
    "rotated_at",
    "previous_secret_valid_until",
    "previous_until_first_use",
    "previous_secret_last_used_at",
    "previous_secret_last_used_from",
]


SCOPES = ["--scope", "chat:write,models:read", "--expires", "5d"]


def names(line: CommandLine, *options: str) -> list[str]:
    result = line("keys", "list", "-o", "json", *options)
    assert result.exit_code == 0, result.stderr
    return [key["name"] for key in json.loads(result.stdout)]


@pytest.fixture
def full(line: CommandLine) -> CommandLine:
    """One key of every status, the newest last."""
    for number, name in enumerate(["active", "expiring", "expired", "disabled", "revoked"]):
        line.clock.at += number
        line.make(name, "--expires", {"expiring": "5d", "expired": "2s"}.get(name, "90d"), "--owner", name[0])
    line("keys", "disable", "disabled")
    line("keys", "revoke", "revoked", "--yes")
    line.clock.at += 3
    return line


def test_revoked_keys_are_left_out_unless_asked_for(full: CommandLine) -> None:
    assert names(full) == ["disabled", "expired", "expiring", "active"]
    assert names(full, "--status", "all") == ["revoked", "disabled", "expired", "expiring", "active"]


@pytest.mark.parametrize("status", ["active", "expiring", "expired", "disabled", "revoked"])
def test_each_status_can_be_asked_for(full: CommandLine, status: str) -> None:
    assert names(full, "--status", status) == [status]


def test_an_owner_can_be_asked_for(full: CommandLine) -> None:
    assert names(full, "--owner", "d") == ["disabled"]


def test_keys_that_nobody_used_for_a_while_can_be_asked_for(line: CommandLine) -> None:
    for name in ("never", "long ago", "lately"):
        line.make(name, "--owner", name[0], "--expires", "never")
    line.clock.at += 40 * 86_400
    line.make("new")
    line.use("long ago", 30 * 86_400 + 1, "::1")
    line.use("lately", 30 * 86_400, "::1")
    assert names(line, "--unused-for", "30d") == ["long ago", "never"]
    assert names(line, "--unused-for", "720h", "--owner", "n") == ["never"]
    assert names(line, "--unused-for", "0s") == ["new", "lately", "long ago", "never"]
    assert names(line, "--unused-for", "999999d") == []
    assert "No key is like that." in line("keys", "list", "--unused-for", "90d").stderr


@pytest.mark.parametrize("wrong", ["30", "never", "2027-01-31", "-1d", "9999999d", ""])
def test_what_is_no_time_is_a_usage_error(line: CommandLine, wrong: str) -> None:
    result = line("keys", "list", "--unused-for", wrong)
    assert (result.exit_code, "90m, 24h or 30d" in result.stderr) == (2, True)


def test_an_unknown_status_is_a_usage_error(line: CommandLine) -> None:
    assert line("keys", "list", "--status", "dead").exit_code == 2


def test_an_empty_list_is_no_data_and_a_word_on_stderr(line: CommandLine) -> None:
    result = line("keys", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "keyhatch keys create" in result.stderr
    assert "No key is like that." in line("keys", "list", "--owner", "nobody").stderr
    assert line("keys", "list", "-o", "json").stdout == "[]\n"


def test_piped_rows_are_separated_by_tabs_without_a_head(line: CommandLine) -> None:
    line.make("VaM Plugin", "--scope", "chat:write", "--scope", "models:read", "--owner", "anna")
    key = line.record("VaM Plugin")
    assert line("keys", "list").stdout.rstrip("\n").split("\t") == [
        key.id,
        "VaM Plugin",
        key.preview,
        "chat:write models:read",
        "anna",
        "2027-01-15T08:00:00Z",
        "",
        "2027-04-15T08:00:00Z",
        "active",
    ]


def test_a_terminal_gets_a_table_with_moments_as_people_say_them(full: CommandLine, terminal: None) -> None:
    full.use("active", 180, "192.168.1.20")
    head, *rows = full("keys", "list", "--status", "all").stdout.splitlines()
    assert head.split() == ["NAME", "KEY", "SCOPES", "OWNER", "CREATED", "LAST", "USED", "EXPIRES", "STATUS"]
    assert "3 min ago from 192.168.1.20" in rows[-1]
    assert "in 90 days" in rows[-1]
    assert all(row.index("never") == rows[0].index("never") for row in rows[:-1])


@pytest.mark.parametrize(
    ("columns", "spared"),
    [("60", {"CREATED", "ID"}), ("80", {"CREATED", "ID"}), ("100", {"CREATED"}), ("150", set())],
)
def test_names_previews_and_statuses_are_whole_on_every_terminal(
    line: CommandLine, terminal: None, monkeypatch: pytest.MonkeyPatch, columns: str, spared: set[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    name = "Inventory Integration"
    made = [json.loads(line("keys", "create", name, *SCOPES, "-o", "json").stdout) for _ in range(2)]
    line.use_id(made[0]["id"], 180, "2001:db8:1234:5678:1234:5678:1234:5678")
    shown = line("keys", "list").stdout
    assert {title for title in ("CREATED", "ID") if title not in shown.splitlines()[0].split()} == spared
    for key in made:
        (row,) = [row for row in shown.splitlines() if key["preview"] in row]
        assert all(word in row for word in (name, "expiring", "in 5 days"))
        assert (key["id"] in row) is ("ID" not in spared)


def test_owners_are_a_column_only_where_there_are_any(line: CommandLine, terminal: None) -> None:
    line.make("one")
    assert "OWNER" not in line("keys", "list").stdout


def test_ids_are_a_column_where_names_repeat(line: CommandLine, terminal: None) -> None:
    line.make("one")
    assert "ID" not in line("keys", "list").stdout
    line.make("one")
    assert line("keys", "list").stdout.splitlines()[0].split()[-1] == "ID"


def test_a_status_is_coloured_on_a_terminal_and_not_with_no_color(
    line: CommandLine, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.make("one")
    assert "\x1b[32mactive" in line("keys", "list", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in line("keys", "list", color=True).stdout


def test_show_tells_everything_but_the_secret(line: CommandLine) -> None:
    secret = line.make("one", "--note", "for tests", "--allow-from", "10.0.0.0/8", "--expires", "never")
    line.use("one", 60, "::1")
    key = line.record("one")
    shown = line("keys", "show", "one").stdout
    fields = dict(row.split("\t") for row in shown.splitlines())
    assert fields == {
        "id": key.id,
        "name": "one",
        "key": key.preview,
        "status": "active",
        "scopes": "none",
        "note": "for tests",
        "allowed from": "10.0.0.0/8",
        "created": "2027-01-15T08:00:00Z",
        "created by": key.created_by,
        "expires": "never",
        "last used": "2027-01-15T07:59:00Z",
        "last used from": "::1",
        "uses": "1",
    }
    assert secret[3:] not in shown


def test_show_says_moments_in_both_ways_on_a_terminal(line: CommandLine, terminal: None) -> None:
    line.make("one")
    assert "2027-04-15T08:00:00Z (in 90 days)" in line("keys", "show", "one").stdout


def test_show_takes_an_id_and_speaks_json_in_the_words_of_the_management_api(line: CommandLine) -> None:
    line.make("one")
    record = json.loads(line("keys", "show", line.record("one").id, "-o", "json").stdout)
    assert list(record) == ON_THE_WIRE


def test_a_key_that_is_not_there_is_exit_code_3(line: CommandLine) -> None:
    result = line("keys", "show", "nobody")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "keys list" in result.stderr


def test_a_name_that_two_keys_have_is_refused_with_their_ids(line: CommandLine) -> None:
    line.make("one")
    line.make("one")
    result = line("keys", "show", "one")
    assert result.exit_code == 1
    assert all(row.split("\t")[0] in result.stderr for row in line("keys", "list").stdout.splitlines())
