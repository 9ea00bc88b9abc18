"""Guarantees of gateway/cli/admin.py: whoever runs the host comes in again, and says so."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.admin_key import ADMIN
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyEdit, Rotation
from tests.unit.cli.command_line import NOW, CommandLine


@pytest.fixture
def old(line: CommandLine) -> str:
    """The admin key that a first start made."""
    return asyncio.run(line.desk.create(ADMIN))[1].reveal()


def reset(line: CommandLine) -> str:
    result = line("admin", "reset", "--yes", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.strip()


def opens(line: CommandLine, secret: str) -> ApiKey | None:
    found = asyncio.run(line.desk.verify(secret))
    return found.key if found.reason is None else None


def test_the_admin_key_gets_a_new_secret_and_the_old_one_ends_at_once(line: CommandLine, old: str) -> None:
    before = line.record("admin")
    new = reset(line)
    key = opens(line, new)
    assert key is not None
    assert (key.id, key.scopes, opens(line, old)) == (before.id, before.scopes, None)


def test_within_an_overlap_all_older_secrets_end(line: CommandLine, old: str) -> None:
    _, second = asyncio.run(line.desk.rotate(line.record("admin").id, Rotation(overlap_s=60.0)))
    new = reset(line)
    assert opens(line, new) is not None
    assert (opens(line, old), opens(line, second.reveal())) == (None, None)


def test_a_disabled_one_is_switched_on(line: CommandLine, old: str) -> None:
    asyncio.run(line.desk.disable(line.record("admin").id))
    assert opens(line, reset(line)) is not None
    assert opens(line, old) is None


@pytest.mark.parametrize("end", ["revoked", "deleted", "expired", "renamed"])
def test_where_it_is_gone_a_new_one_is_made(line: CommandLine, old: str, end: str) -> None:
    before = line.record("admin")
    if end == "renamed":
        asyncio.run(line.desk.edit(before.id, KeyEdit(name="another")))
    elif end == "expired":
        asyncio.run(line.desk.edit(before.id, KeyEdit(expires_at=NOW + 1)))
        line.clock.at += 1
    else:
        asyncio.run(line.desk.revoke(before.id))
    if end == "deleted":
        asyncio.run(line.desk.delete(before.id))
    key = opens(line, reset(line))
    assert key is not None
    assert key.id != before.id
    assert (key.name, key.scopes, key.expires_at) == ("admin", frozenset({"keyhatch:admin"}), None)
    assert (opens(line, old) is not None) == (end == "renamed")


def test_other_keys_stay_as_they_are(line: CommandLine, old: str) -> None:
    other = line.make("admin", "--scope", "keyhatch:admin")
    reset(line)
    assert opens(line, other) is not None
    assert opens(line, old) is None


def test_a_key_that_only_looks_like_it_is_left_as_it_is(line: CommandLine) -> None:
    """A manager may call a key anything. One like that must not come out of here as the admin's."""
    draft = replace(ADMIN, scopes=("keyhatch:write",))
    imitation, secret = asyncio.run(line.desk.create(draft))
    asyncio.run(line.desk.disable(imitation.id))
    key = opens(line, reset(line))
    assert key is not None
    assert (key.id != imitation.id, key.scopes) == (True, frozenset({"keyhatch:admin"}))
    assert opens(line, secret.reveal()) is None
    assert asyncio.run(line.desk.resolve(imitation.id)).disabled_at is not None


def test_of_two_that_may_be_it_the_older_is_meant(line: CommandLine, old: str) -> None:
    first = line.record("admin").id
    line.clock.at += 1
    _, second = asyncio.run(line.desk.create(ADMIN))
    key = opens(line, reset(line))
    assert key is not None
    assert key.id == first
    assert opens(line, second.reveal()) is not None


def test_off_a_terminal_nothing_happens_without_yes(line: CommandLine, old: str) -> None:
    result = line("admin", "reset")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Add --yes" in result.stderr
    assert opens(line, old) is not None


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_on_a_terminal_it_asks_and_no_is_no(line: CommandLine, old: str, terminal: None, answer: str) -> None:
    result = line("admin", "reset", stdin=answer)
    assert result.exit_code != 0
    assert "ends at once. Go on?" in result.stderr
    assert result.stdout == ""
    assert opens(line, old) is not None


def test_on_a_terminal_yes_is_yes(line: CommandLine, old: str, terminal: None) -> None:
    result = line("admin", "reset", stdin="y\n")
    assert result.exit_code == 0
    assert opens(line, result.stdout.strip()) is not None
    assert opens(line, old) is None


def test_the_secret_is_data_and_the_rest_is_prose(line: CommandLine, old: str) -> None:
    result = line("admin", "reset", "-y")
    key = line.record("admin")
    assert opens(line, result.stdout.strip()) == key
    assert result.stdout.strip() not in result.stderr
    assert key.id in result.stderr
    assert "Keep it now" in result.stderr


def test_as_json_it_is_the_record_and_its_secret(line: CommandLine, old: str) -> None:
    told = json.loads(line("admin", "reset", "-y", "-o", "json").stdout)
    key = opens(line, told["key"])
    assert key is not None
    assert (told["id"], told["name"]) == (key.id, "admin")
    assert line("admin", "reset", "-y", "-q", "-o", "json").exit_code == 2
    assert opens(line, told["key"]) is not None


def test_a_file_with_an_older_secret_is_named(line: CommandLine, old: str) -> None:
    assert "admin.key" not in line("admin", "reset", "-y").stderr
    file = Path.cwd() / "admin.key"
    file.write_text(old)
    assert f"{file} holds an older one: delete it." in line("admin", "reset", "-y").stderr
    assert line("admin", "reset", "-y", "-q").stderr == ""
    assert file.read_text() == old


def test_what_was_done_stands_in_the_record(line: CommandLine, old: str) -> None:
    reset(line)
    assert [entry.act for entry in asyncio.run(line.desk.audit())] == ["create", "rotate"]
