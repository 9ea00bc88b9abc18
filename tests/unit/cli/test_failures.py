"""Guarantees of gateway/cli/failures.py: expected trouble has an exit code and a sentence."""

import sys
from pathlib import Path

import click
import pytest

from gateway.cli.failures import EXPECTED, ExitCode, tell
from gateway.config.problems import ConfigError, Problem
from gateway.keeper.desk import KeyringError, NameAmbiguous, NotAllowed, RuleBroken
from gateway.keeper.ports import KeyNotFound, StoreUnavailable

SECRET = "kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU"
PROBLEMS = (
    Problem("config.yaml", 3, 10, "server.proxy", "must be HOST:PORT"),
    Problem("--admin", None, None, "", "no"),
)


@pytest.mark.parametrize(
    ("trouble", "code", "told"),
    [
        pytest.param(click.Abort(), 130, "", id="interrupted"),
        pytest.param(click.UsageError("no such option"), 2, "Error: No such option.\n", id="usage"),
        pytest.param(
            click.ClickException("nothing was changed"), 1, "Error: Nothing was changed.\n", id="failed"
        ),
        pytest.param(
            KeyNotFound("no key has this name"), 3, "Error: No key has this name.\n", id="not-found"
        ),
        pytest.param(
            KeyNotFound(),
            3,
            "Error: There is no such key: keyhatch keys list --status all shows them.\n",
            id="not-found-without-words",
        ),
        pytest.param(NotAllowed("ask as root"), 4, "Error: Ask as root.\n", id="not-allowed"),
        pytest.param(NameAmbiguous("two keys"), 1, "Error: Two keys.\n", id="ambiguous"),
        pytest.param(RuleBroken("no such scope"), 1, "Error: No such scope.\n", id="rule"),
        pytest.param(KeyringError("no"), 1, "Error: No.\n", id="desk"),
        pytest.param(StoreUnavailable("the disk is full"), 1, "Error: The disk is full.\n", id="store"),
        pytest.param(
            ConfigError(PROBLEMS),
            2,
            "Error: config.yaml:3:10: server.proxy: must be HOST:PORT\nError: --admin: no\n",
            id="configuration",
        ),
        pytest.param(
            PermissionError(13, "Permission denied", "k.db"),
            1,
            "Error: k.db: Permission denied.\n",
            id="file",
        ),
        pytest.param(OSError(98, "address in use"), 1, "Error: Address in use.\n", id="no-file"),
        pytest.param(OSError("odd"), 1, "Error: Odd.\n", id="no-number"),
    ],
)
def test_trouble_has_an_exit_code_and_a_sentence(
    trouble: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(trouble, EXPECTED)
    assert tell(trouble) == code
    assert capsys.readouterr() == ("", told)


def test_a_usage_error_points_to_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(click.Command("list"), info_name="keyhatch keys list")
    assert tell(click.UsageError("no", context)) == ExitCode.USAGE
    assert capsys.readouterr().err == "Error: No.\nTry 'keyhatch keys list --help' for help.\n"


def test_a_reader_that_left_is_no_reason_to_fail_again_at_the_last_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert tell(BrokenPipeError()) == ExitCode.FAILED
        out.write("nobody reads this")
    assert (tmp_path / "out").read_text() == ""


def test_a_secret_that_was_typed_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    tell(click.UsageError(f"got unexpected extra argument ({SECRET})"))
    assert SECRET[3:] not in capsys.readouterr().err
