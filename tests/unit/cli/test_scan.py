"""Guarantees of gateway/cli/scan.py: live keys are named and never shown, and the exit code tells of them."""

import json
from pathlib import Path

import pytest

from gateway.cli import scan
from gateway.core.keys import compose_secret
from gateway.keeper.ports import StoreUnavailable
from tests.unit.cli.command_line import CommandLine

STRANGER = compose_secret("kh", bytes(32)).reveal()


def test_a_live_key_is_told_with_its_place_and_name(line: CommandLine, tmp_path: Path) -> None:
    secret = line.make("one")
    (tmp_path / "a.txt").write_text(f"x\nkey={secret}\n")
    result = line("scan", str(tmp_path))
    assert result.exit_code == 1
    key = line.record("one")
    assert result.stdout == f"{tmp_path}/a.txt:2:5\t{key.preview}\tactive\t{key.id}\tone\n"
    assert "Searched 1 file: found 1 key, 1 live." in result.stderr
    assert secret[3:] not in result.output


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (["keys", "revoke", "one", "--yes"], "revoked"),
        (["keys", "disable", "one"], "disabled"),
        (["keys", "rotate", "one", "--overlap", "0s", "-q"], "rotated"),
    ],
)
def test_a_dead_key_is_told_and_is_no_alarm(line: CommandLine, act: list[str], status: str) -> None:
    secret = line.make("one")
    line(*act)
    result = line("scan", "-", stdin=secret)
    assert result.exit_code == 0
    assert result.stdout.split("\t")[2] == status


def test_a_key_of_nobody_is_unknown_and_one_that_is_mistyped_is_none(line: CommandLine) -> None:
    result = line("scan", "-", stdin=f"{STRANGER} {STRANGER[:-1]}1")
    assert result.exit_code == 0
    assert result.stdout == f"-:1:1\t{STRANGER[:7]}…{STRANGER[-4:]}\tunknown\t\t\n"


def test_another_prefix_may_be_looked_for_too(line: CommandLine) -> None:
    other = compose_secret("acme", bytes(32)).reveal()
    assert line("scan", "-", stdin=other).stdout == ""
    assert "unknown" in line("scan", "-", "--prefix", "acme", stdin=other).stdout
    assert line("scan", "-", "--prefix", "A.*", stdin=other).exit_code == 2


def test_as_json_every_find_is_told(line: CommandLine) -> None:
    secret = line.make("one")
    result = line("scan", "-", "-o", "json", stdin=f"{secret}\n{STRANGER}")
    live, unknown = json.loads(result.stdout)
    assert (live["live"], live["status"], live["name"], live["line"]) == (True, "active", "one", 1)
    assert (unknown["live"], unknown["status"], unknown["id"], unknown["line"]) == (False, "unknown", None, 2)
    assert secret[3:] not in result.output
    assert line("scan", "-", "-o", "json", stdin="").stdout == "[]\n"


def test_many_are_asked_about_in_batches_and_each_key_once(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = line.desk.verify_digests

    async def counted(digests: list[bytes]) -> object:
        asked.append(len(digests))
        return await real(digests)

    monkeypatch.setattr(line.desk, "verify_digests", counted)
    monkeypatch.setattr(scan, "DIGESTS_MAX", 3)
    secret = line.make("one")
    result = line("scan", "-", stdin=f"{secret}\n" * 7)
    assert len(result.stdout.splitlines()) == 7
    assert asked == [1, 1, 1]


def test_what_cannot_be_read_is_told_and_is_neither_yes_nor_no(line: CommandLine, tmp_path: Path) -> None:
    result = line("scan", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "none was not read: No such file or directory." in result.stderr
    secret = line.make("one")
    assert line("scan", str(tmp_path / "none"), "-", stdin=secret).exit_code == 1


def test_a_file_that_fails_is_told(
    line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> list[object]:
        raise OSError(5, "Input/output error")

    (tmp_path / "a").write_text("")
    monkeypatch.setattr(scan, "keys_in_file", fails)
    result = line("scan", str(tmp_path))
    assert (result.exit_code, "a was not read: Input/output error." in result.stderr) == (2, True)


def test_where_nobody_can_be_asked_the_exit_code_is_two(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def gone(_: object) -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(line.desk, "verify_digests", gone)
    result = line("scan", "-", stdin=STRANGER)
    assert (result.exit_code, "the disk is gone" in result.stderr) == (2, True)
    monkeypatch.chdir(tmp_path)
    alone = CommandLine()
    alone.desk = None  # type: ignore[assignment]
    result = alone("scan", "-", stdin=STRANGER)
    assert (result.exit_code, "there is no store" in result.stderr) == (2, True)
    assert alone("scan", "-", stdin="nothing").exit_code == 0


def test_a_key_is_never_an_argument(line: CommandLine) -> None:
    result = line("scan", STRANGER)
    assert (result.exit_code, STRANGER in result.output) == (2, False)


def test_without_a_stdin_there_is_nothing_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert list(scan._Search(("kh",)).of("-")) == []
