"""Guarantees of gateway/cli/keys/moving.py: strings and exports become keys, and none is shown."""

import io
import json
import stat
from pathlib import Path

import pytest

from gateway.cli.keys import moving
from tests.unit.cli.command_line import NOW, CommandLine

GOOD = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
OTHER = "d7a56d3cfcf9a44dc716691acdaba1b8"


def test_strings_on_stdin_become_keys_that_pass(line: CommandLine) -> None:
    result = line(
        *("keys", "import", "-", "--format", "lines", "--scope", "chat:write,models:read", "--owner", "ann"),
        *("--expires", "30d", "--note", "from before"),
        stdin=f"old app,{GOOD}\n{OTHER}\n",
    )
    assert result.exit_code == 0
    assert "Imported 2 keys." in result.stderr
    key = line.record("old app")
    assert result.stdout.splitlines()[0] == f"{key.id}\told app\tsk-q…DsPe"
    assert (key.owner, key.note, key.expires_at) == ("ann", "from before", NOW + 30 * 86_400)
    assert key.scopes == {"chat:write", "models:read"}
    assert key.created_by.startswith("cli")
    assert line("keys", "verify", stdin=GOOD).exit_code == 0
    assert line.record("imported-2").preview == "d7a5…a1b8"
    assert GOOD not in result.output


def test_an_env_file_gives_the_names_that_are_asked_for(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"PORT=8080\nAPP_KEY={GOOD}\n")
    result = line("keys", "import", str(file), "--format", "env", "--only", "*_KEY", "-o", "json")
    told = json.loads(result.stdout)
    assert [each["name"] for each in told["imported"]] == ["APP_KEY"]
    assert (told["skipped"], told["dry_run"]) == (0, False)


def test_a_dry_run_writes_nothing(line: CommandLine) -> None:
    result = line("keys", "import", "-", "--format", "lines", "--dry-run", stdin=GOOD)
    assert "Would import 1 key. Nothing was written." in result.stderr
    assert line("keys", "list").stdout == ""


def test_what_is_here_already_may_be_passed_over(line: CommandLine) -> None:
    asked = ("keys", "import", "-", "--format", "lines")
    assert line(*asked, stdin=GOOD).exit_code == 0
    again = line(*asked, stdin=GOOD)
    assert (again.exit_code, "line 1: its secret is key_" in again.stderr) == (2, True)
    skipped = line(*asked, "--skip-existing", stdin=GOOD)
    assert (skipped.exit_code, skipped.stdout) == (0, "")
    assert "Imported 0 keys, passed over 1 that were here already." in skipped.stderr


def test_weak_strings_are_refused_by_their_lines_and_not_shown(line: CommandLine) -> None:
    result = line(
        "keys", "import", "-", "--format", "lines", stdin=f"a,sk-1234\n{GOOD}\nPassword123Password123"
    )
    assert result.exit_code == 2
    assert "line 1: it has 7 characters" in result.stderr
    assert "line 3: it can be guessed" in result.stderr
    assert line("keys", "list").stdout == ""
    for text in ("sk-1234", "Password123", GOOD):
        assert text not in result.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--format", "env"], "say which names to take"),
        (["--format", "lines", "--only", "*"], "say --format env too"),
        (["--only", "*"], "An export has scopes"),
        (["--scope", "a:b"], "An export has scopes"),
        (["--owner", "ann"], "An export has scopes"),
        ([], "This is no export"),
        (["--format", "lines", "--expires", "yesterday"], "--expires"),
        (["--format", "lines", "--scope", "keyhatch:admin"], "never manages keys"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(line: CommandLine, arguments: list[str], why: str) -> None:
    result = line("keys", "import", "-", *arguments, stdin=GOOD)
    assert result.exit_code == 2
    assert why in result.stderr
    assert GOOD not in result.output


def test_a_secret_is_never_an_argument(line: CommandLine) -> None:
    secret = line.make("one")
    result = line("keys", "import", secret, "--format", "lines")
    assert result.exit_code == 2
    assert secret not in result.output


def test_a_file_too_large_is_not_read(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "FILE_BYTES_MAX", 10)
    result = line("keys", "import", "-", "--format", "lines", stdin=GOOD)
    assert (result.exit_code, "larger than" in result.stderr) == (2, True)


def test_a_file_that_is_not_there_is_told(line: CommandLine, tmp_path: Path) -> None:
    result = line("keys", "import", str(tmp_path / "none"), "--format", "lines")
    assert result.exit_code == 1
    assert "none: No such file" in result.stderr


def test_without_a_stdin_there_is_nothing_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert moving._read("-") == b""


def test_an_export_in_a_file_of_its_owner_becomes_the_same_keys_elsewhere(
    line: CommandLine, tmp_path: Path
) -> None:
    secret = line.make("one", "--scope", "chat:write")
    line("keys", "import", "-", "--format", "lines", stdin=f"old,{GOOD}")
    file = tmp_path / "keys.jsonl"
    result = line("keys", "export", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Exported 2 keys." in result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret[3:] not in file.read_text()
    other = CommandLine()
    taken = other("keys", "import", str(file))
    assert taken.exit_code == 0, taken.stderr
    assert other.record("one") == line.record("one")
    assert other("keys", "verify", stdin=secret).exit_code == 0
    assert other("keys", "verify", stdin=GOOD).exit_code == 0
    assert other("keys", "export").stdout == file.read_text()


def test_a_file_that_is_there_is_not_written_over(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    file.write_text("mine")
    result = line("keys", "export", str(file))
    assert (result.exit_code, file.read_text()) == (1, "mine")
    assert "is there already" in result.stderr


def test_an_export_that_fails_leaves_no_file(
    line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving, "_write", full)
    assert line("keys", "export", str(tmp_path / "keys.jsonl")).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_more_than_can_be_imported_at_once_is_said(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "KEYS_MAX", 0)
    line.make("one")
    result = line("keys", "export", "-")
    assert "Exported 1 key." in result.stderr
    assert "takes 0 keys at most" in result.stderr


def test_on_a_terminal_imported_keys_are_a_table(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "on_terminal", lambda: True)
    result = line("keys", "import", "-", "--format", "lines", stdin=f"old,{GOOD}")
    assert result.stdout.splitlines()[0].split() == ["ID", "NAME", "KEY"]


def test_an_export_is_copied_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_COPY_BYTES", 3)
    spool, to = io.BytesIO(b'{"id":1}\n'), io.BytesIO()
    moving._write(to, spool, 1)
    assert to.getvalue().splitlines()[1] == b'{"id":1}'


def test_each_line_that_cannot_be_taken_is_told_on_a_line_of_its_own(line: CommandLine) -> None:
    weak = "".join(f"name{number},secret{number}\n" for number in range(25))
    told = line("keys", "import", "-", "--format", "lines", stdin=weak)
    first, *problems = told.stderr.splitlines()
    assert (told.exit_code, first) == (2, "Error: Nothing was imported.")
    assert [each.startswith(f"  line {number + 1}: ") for number, each in enumerate(problems[:20])] == [
        True
    ] * 20
    assert problems[20] == "  and 5 lines more."
