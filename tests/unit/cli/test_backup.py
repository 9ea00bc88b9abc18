"""Guarantees of gateway/cli/backup.py: a backup says what it holds, and goes nowhere it should not."""

import json
from pathlib import Path

from gateway.cli.surroundings import Surroundings
from tests.unit.cli.command_line import CommandLine
from tests.unit.store.stores import keys_of, make


def real(line: CommandLine, *words: str, **environ: str) -> tuple[int, str, str]:
    """Run a command over the store in the working directory."""
    done = line(*words, surroundings=Surroundings(clock=line.clock, environ=environ))
    return done.exit_code, done.stdout, done.stderr


def test_people_are_told_what_it_holds(line: CommandLine) -> None:
    make(Path("keyhatch.db"), "one")
    assert real(line, "backup", "copy.db") == (
        0,
        "",
        "Backed up to copy.db: 1 key, 1 entry of the audit. Checked, and whole.\n",
    )
    assert keys_of(Path("copy.db")) == keys_of(Path("keyhatch.db"))


def test_programs_are_told_where_the_audit_ends(line: CommandLine) -> None:
    make(Path("keyhatch.db"), "one", "two")
    code, out, err = real(line, "backup", "copy.db", "-o", "json")
    told = json.loads(out)
    assert (code, err, told["file"], told["keys"], told["audit_entries"]) == (0, "", "copy.db", 2, 2)
    noted = told["audit_end"]
    assert real(line, "audit", "verify", "--noted", noted)[:2] == (0, f"{noted}\n")


def test_a_taken_name_takes_force(line: CommandLine) -> None:
    make(Path("keyhatch.db"), "one")
    Path("copy.db").write_text("precious")
    code, _, err = real(line, "backup", "copy.db")
    assert (code, "--force" in err, Path("copy.db").read_text()) == (1, True, "precious")
    assert real(line, "backup", "copy.db", "--force")[0] == 0


def test_there_is_no_backup_of_nothing_of_memory_or_to_a_pipe(line: CommandLine) -> None:
    assert real(line, "backup", "copy.db")[0] == 3
    assert real(line, "backup", "-")[0] == 2
    code, _, err = real(line, "backup", "copy.db", KEYHATCH_STORE__URL="memory:")
    assert (code, "in memory" in err) == (2, True)
    assert list(Path().iterdir()) == []
