"""Guarantees of gateway/cli/restore.py: nothing is replaced unasked, and what that undoes is said before."""

import json
from pathlib import Path

import pytest

from gateway.cli.restore import NAMED_MAX
from gateway.cli.surroundings import Surroundings
from gateway.keeper.desk import KeyDraft
from gateway.keeper.keyring import Keyring
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.test_backup import real
from tests.unit.store.stores import keys_of, make, manage, meddle

STORE, FILE = Path("keyhatch.db"), Path("copy.db")


@pytest.fixture
def moved(line: CommandLine) -> CommandLine:
    """A store with a backup from which it differs: a key revoked since, a key made since."""
    make(STORE, "one", "leaked")
    assert real(line, "backup", "copy.db")[0] == 0
    manage(STORE, lambda desk: desk.revoke("leaked"))
    make(STORE, "new")
    return line


def test_off_a_terminal_it_takes_yes(moved: CommandLine) -> None:
    code, _, err = real(moved, "restore", "copy.db")
    assert (code, "--yes" in err) == (2, True)
    assert "new" in keys_of(STORE)


def test_what_ended_since_is_told_and_stays_so(moved: CommandLine) -> None:
    code, out, err = real(moved, "restore", "copy.db", "--yes")
    assert (code, out) == (0, "")
    assert "ended or changed since the backup, and stay so" in err
    assert '"leaked"' in err
    assert ": revoked since" in err
    assert "the backup does not know these keys" in err
    assert "kept as" in err
    after = keys_of(STORE)
    assert after.keys() == {"one", "leaked"}
    assert after["leaked"].revoked_at is not None


def test_to_let_it_live_again_has_to_be_said_and_is_warned_of(moved: CommandLine) -> None:
    code, _, err = real(moved, "restore", "copy.db", "--yes", "--as-it-was")
    assert code == 0
    assert "Warning: these keys live again" in err
    assert keys_of(STORE)["leaked"].revoked_at is None


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_it_asks_and_a_no_changes_nothing(moved: CommandLine) -> None:
    before = keys_of(STORE)
    done = moved("restore", "copy.db", surroundings=_bare(moved), stdin="n\n")
    assert done.exit_code == 1
    assert "2 keys, 2 entries of the audit) in the place of" in done.stderr
    assert keys_of(STORE) == before
    assert moved("restore", "copy.db", surroundings=_bare(moved), stdin="y\n").exit_code == 0
    assert keys_of(STORE) != before


def _bare(line: CommandLine) -> Surroundings:
    return Surroundings(clock=line.clock, environ={})


def test_programs_are_told_what_was_kept_where(moved: CommandLine) -> None:
    code, out, _ = real(moved, "restore", "copy.db", "--yes", "-o", "json")
    told = json.loads(out)
    assert (code, told["keys"]) == (0, 2)
    assert "new" in keys_of(Path(told["kept"]))
    other = real(moved, "restore", "copy.db", "--yes", "-o", "json", "--store", "sqlite:///other.db")
    assert json.loads(other[1])["kept"] is None


def test_a_damaged_store_is_replaced_with_a_warning(moved: CommandLine) -> None:
    STORE.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    code, _, err = real(moved, "restore", "copy.db", "--yes")
    assert code == 0
    assert "cannot be told what was revoked since the backup" in err
    assert real(moved, "restore", "copy.db", "--yes", "--store", "sqlite:///fresh.db")[0] == 0


def test_another_stores_audit_is_warned_of(moved: CommandLine) -> None:
    make(Path("other.db"), "stranger")
    code, _, err = real(moved, "restore", "copy.db", "--yes", "--store", "sqlite:///other.db")
    assert code == 0
    assert "is not the beginning of the one in place" in err


def test_a_long_list_ends(line: CommandLine) -> None:
    make(STORE)
    assert real(line, "backup", "copy.db")[0] == 0
    make(STORE, *(f"key {number}" for number in range(NAMED_MAX + 3)))
    assert "\n  and 3 more\n" in real(line, "restore", "copy.db", "--yes")[2]


def test_a_store_that_is_restored_once_more_undoes_nothing(moved: CommandLine) -> None:
    assert real(moved, "restore", "copy.db", "--yes", "--as-it-was")[0] == 0
    assert real(moved, "backup", "again.db")[0] == 0
    err = real(moved, "restore", "again.db", "--yes")[2]
    assert "since" not in err
    assert "Warning" not in err


def add_keys(file: Path, *scopes: str) -> None:
    async def act(desk: Keyring) -> None:
        for number, scope in enumerate(scopes):
            await desk.create(KeyDraft(name=f"evil {number}", scopes=(scope,)))

    manage(file, act)
    meddle(file, f"DELETE FROM audit WHERE number > (SELECT MAX(number) FROM audit) - {len(scopes)}")  # noqa: S608


def test_keys_that_were_put_into_a_backup_are_named_the_mightiest_first(moved: CommandLine) -> None:
    many = NAMED_MAX + 2
    add_keys(Path("copy.db"), "chat:write", *("keyhatch:admin",) * many)
    code, _, err = real(moved, "restore", "copy.db", "--yes")
    assert code == 0
    assert "which the store in place neither has nor ever deleted" in err
    assert "otherwise in the backup than its own audit tells" in err
    for number in range(1, many + 1):
        assert err.count(f'"evil {number}" ') == 2
    assert err.count("MANAGES KEYS: keyhatch:admin") == 2 * many
    assert "and 1 more" in err


def test_programs_are_told_what_a_backup_brings(moved: CommandLine) -> None:
    add_keys(Path("copy.db"), "keyhatch:admin")
    meddle(Path("copy.db"), "UPDATE keys SET owner = 'eve' WHERE name = 'one'")
    told = json.loads(real(moved, "restore", "copy.db", "--yes", "-o", "json")[1])
    [gained] = told["gained"]
    assert (gained["name"], gained["scopes"], gained["manages_keys"]) == ("evil 0", ["keyhatch:admin"], True)
    assert [key["name"] for key in told["differing"]] == ["one"]
    assert {key["name"] for key in told["unexplained"]} == {"one", "evil 0"}
    other = real(moved, "restore", "copy.db", "--yes", "-o", "json", "--store", "sqlite:///other.db")
    told = json.loads(other[1])
    assert (told["gained"], told["differing"], len(told["unexplained"])) == (None, None, 2)


def test_what_stands_in_a_backup_does_nothing_to_the_terminal(moved: CommandLine) -> None:
    add_keys(Path("copy.db"), "chat:write")
    meddle(Path("copy.db"), "UPDATE keys SET preview = char(27) || '[2J', name = char(27) || 'x'")
    assert "\x1b" not in real(moved, "restore", "copy.db", "--yes")[2]
