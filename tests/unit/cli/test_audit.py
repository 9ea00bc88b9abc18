"""Guarantees of gateway/cli/audit.py: what was done can be read, checked and kept elsewhere."""

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.audit import _row_for_people, _row_for_programs
from gateway.keeper.audit import GENESIS, AuditEntry, verify_chain
from gateway.keeper.desk import KeyDraft
from tests.unit.cli.command_line import CommandLine


@pytest.fixture
def busy(line: CommandLine) -> CommandLine:
    """A key that was made, switched off and on, and revoked; and one that was only made."""
    line.make("Laptop")
    line.make("Phone")
    for words in (["disable", "Laptop"], ["enable", "Laptop"], ["revoke", "Laptop", "--yes"]):
        assert line("keys", *words).exit_code == 0
    return line


def exported(line: CommandLine) -> list[dict[str, object]]:
    return [json.loads(text) for text in line("audit", "export").stdout.splitlines()]


def test_what_was_done_is_listed_newest_first(busy: CommandLine) -> None:
    rows = [row.split("\t") for row in busy("audit", "list").stdout.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [
        ("5", "revoke"),
        ("4", "enable"),
        ("3", "disable"),
        ("2", "create"),
        ("1", "create"),
    ]
    assert rows[0][6] == "revoked_at"
    assert rows[2][6] == "disabled_at"
    assert all(row[4].startswith("host") for row in rows)


def test_one_key_and_so_many_entries_can_be_asked_for(busy: CommandLine) -> None:
    entries = json.loads(busy("audit", "list", "-o", "json", "--limit", "2").stdout)
    assert [entry["number"] for entry in entries] == [5, 4]
    phone = json.loads(busy("keys", "show", "Phone", "-o", "json").stdout)["id"]
    [entry] = json.loads(busy("audit", "list", "-o", "json", "--key", phone).stdout)
    assert (entry["act"], entry["before"], entry["after"]["name"]) == ("create", None, "Phone")
    assert json.loads(busy("audit", "list", "-o", "json", "--key", "Phone").stdout) == [entry]
    nobody = busy("audit", "list", "--key", "key_0000000000000000")
    assert (nobody.exit_code, nobody.stdout) == (3, "")


def test_acts_and_who_did_them_can_be_asked_for(busy: CommandLine) -> None:
    asyncio.run(busy.desk.acting("key_1").create(KeyDraft(name="one")))

    def numbers(*words: str) -> list[int]:
        return [entry["number"] for entry in json.loads(busy("audit", "list", "-o", "json", *words).stdout)]

    assert numbers("--act", "create") == [6, 2, 1]
    assert numbers("--act", "create", "--limit", "2") == [6, 2]
    assert numbers("--actor", "key_1") == [6]
    assert numbers("--act", "create", "--key", "Laptop") == [1]
    assert numbers("--act", "revoke", "--actor", "key_1") == []
    nothing = busy("audit", "list", "--actor", "key_2")
    assert (nothing.stdout, "Nothing like that was done" in nothing.stderr) == ("", True)
    assert busy("audit", "list", "--act", "key.create").exit_code == 2


def test_a_long_list_is_read_in_pieces_and_no_further_than_asked_for(
    busy: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.audit.AT_ONCE", 2)
    for many in (1, 2, 3, 4, 5, 6):
        entries = json.loads(busy("audit", "list", "-o", "json", "--limit", str(many)).stdout)
        assert [entry["number"] for entry in entries] == [5, 4, 3, 2, 1][:many]


def test_what_was_done_with_a_key_that_was_deleted_is_found_by_its_id(busy: CommandLine) -> None:
    laptop = busy.record("Laptop").id
    busy("keys", "delete", "Laptop", "--yes")
    assert len(busy("audit", "list", "--key", laptop).stdout.splitlines()) == 5
    assert busy("audit", "list", "--key", "Laptop").exit_code == 3


def test_people_see_the_name_of_a_key_and_when_it_was(busy: CommandLine, terminal: None) -> None:
    phone, laptop = busy.record("Phone").id, busy.record("Laptop").id
    busy("keys", "delete", "Laptop", "--yes")
    told = busy("audit", "list").stdout
    assert all(word in told for word in ("2027-01-15T08:00:00Z", "Phone", laptop))
    assert phone not in told


def test_who_did_it_and_in_which_request_are_two_things(line: CommandLine) -> None:
    asyncio.run(line.desk.acting("key_1", "req_1").create(KeyDraft(name="one")))
    [row] = line("audit", "list").stdout.splitlines()
    assert row.split("\t")[4:6] == ["key_1", "req_1"]


def test_an_export_goes_to_a_new_file_that_only_its_owner_may_read(busy: CommandLine) -> None:
    file = Path("audit.jsonl")
    assert busy("audit", "export", str(file)).exit_code == 0
    assert [json.loads(each) for each in file.read_text().splitlines()] == exported(busy)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert busy("audit", "export", str(file)).exit_code == 1


def test_the_export_is_a_chain_that_anybody_can_check(busy: CommandLine) -> None:
    lines = exported(busy)
    entries = [
        AuditEntry(
            **{  # type: ignore[arg-type]
                **told,
                "previous": bytes.fromhex(str(told["previous"])),
                "hash": bytes.fromhex(str(told["hash"])),
            }
        )
        for told in lines
    ]
    number, end = verify_chain(entries)
    result = busy("audit", "verify")
    assert (result.exit_code, result.stdout) == (0, f"{number}:{end.hex()}\n")
    assert "whole: 5 entries" in result.stderr


def test_an_empty_record_is_whole(line: CommandLine) -> None:
    line.make("Laptop")
    assert line("audit", "verify").stdout.startswith("1:")
    assert GENESIS.hex() == exported(line)[0]["previous"]


def test_an_end_that_was_noted_must_still_be_there(busy: CommandLine) -> None:
    noted = busy("audit", "verify").stdout.strip()
    busy("keys", "disable", "Phone")
    assert busy("audit", "verify", "--noted", noted).exit_code == 0
    number, _, end = noted.partition(":")
    other = busy("audit", "verify", "--noted", f"{number}:{'0' * 64}")
    assert (other.exit_code, "another than the one that was noted" in other.stderr) == (1, True)
    cut = busy("audit", "verify", "--noted", f"9:{end}")
    assert (cut.exit_code, "ends at entry 6, and entry 9 was noted" in cut.stderr) == (1, True)


def test_a_noted_end_in_another_form_is_a_usage_error(busy: CommandLine) -> None:
    assert busy("audit", "verify", "--noted", "5").exit_code == 2


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(
            lambda entries: entries.__setitem__(2, replace(entries[2], actor="nobody")), id="changed"
        ),
        pytest.param(lambda entries: entries.pop(2), id="left-out"),
        pytest.param(lambda entries: entries.insert(2, entries[2]), id="put-in"),
    ],
)
def test_a_record_that_was_tampered_with_is_not_whole(
    busy: CommandLine, tamper: Callable[[list[AuditEntry]], object]
) -> None:
    tamper(busy.store._entries)
    result = busy("audit", "verify")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the record is not whole: entry" in result.stderr.lower()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"upstream": "ai", "target": "big"}, {"upstream": "ai", "target": "big"}, "ai/big"),
        (None, {"credential": "openai"}, "openai"),
        ({"credential": "openai"}, None, "openai"),
        (None, None, ""),
    ],
)
def test_a_credential_or_a_target_stands_where_a_key_would(
    before: dict[str, str] | None, after: dict[str, str] | None, told: str
) -> None:
    entry = AuditEntry(1, 1.8e9, "host:0", "drain", None, None, before, after, b"", b"")
    assert _row_for_people(entry, {})[3] == _row_for_programs(entry)[3] == told
