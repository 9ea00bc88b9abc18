"""Guarantees of gateway/cli/root.py: which commands there are, and how an invocation ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway.cli.root import root
from gateway.keeper.ports import StoreUnavailable
from tests.unit.cli.command_line import CommandLine

KEYHATCH = [sys.executable, "-m", "gateway"]
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
PROMISED = {
    "backup",
    "restore",
    "doctor",
    "health",
    "serve",
    "reload",
    "tls",
    "check",
    "config",
    "keys",
    "credentials",
    "admin",
    "scan",
    "audit",
    "explain",
    "presets",
    "sign",
    "upstreams",
    "version",
    "completion",
}


def test_the_commands_are_the_promised_ones_and_each_loads() -> None:
    context = click.Context(root)
    assert set(root.list_commands(context)) == PROMISED
    assert all(isinstance(root.get_command(context, name), click.Command) for name in PROMISED)
    assert root.get_command(context, "back") is None


def test_on_a_terminal_of_80_columns_no_line_of_the_help_is_cut(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = line("--help").stdout.partition("Commands:")[2]
    assert "completion" in told
    assert "..." not in told


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(line: CommandLine) -> None:
    result = line("key", "list")
    assert result.exit_code == 2
    assert "'keys'" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("words", [(), ("keys",), ("config",)])
def test_a_noun_alone_shows_its_help_on_stderr_as_a_usage_error(
    line: CommandLine, words: tuple[str, ...]
) -> None:
    result = line(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: keyhatch")
    assert result.stdout == ""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_that_was_asked_for_is_data(line: CommandLine, option: str) -> None:
    result = line(option)
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(name in result.stdout for name in PROMISED)


def test_what_nobody_expects_keeps_its_traceback(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(line.desk, "list_keys", broken)
    with pytest.raises(ZeroDivisionError):
        line("keys", "list")


def test_a_store_that_fails_is_a_sentence(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise StoreUnavailable("keyhatch.db is damaged: put back a copy")

    monkeypatch.setattr(line.desk, "list_keys", broken)
    result = line("keys", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: keyhatch.db is damaged: put back a copy.\n"


def test_ctrl_c_at_a_prompt_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    keyboard, stdin = os.openpty()
    # A suite that runs in the background inherits a SIGINT that is ignored, and so would the command.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *KEYHATCH, "keys", "verify"],
        cwd=tmp_path,
        env=ENVIRON,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no controlling terminal: the prompt is on our pipe
    )
    with process:
        assert process.stderr is not None
        prompt = process.stderr.read(len("Key"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    os.close(keyboard)
    os.close(stdin)
    assert (process.returncode, out, prompt) == (130, b"", b"Key")
    assert b"Traceback" not in err


@pytest.mark.parametrize("words", [["version"], ["config", "show", "-o", "json"], ["keys", "verify"]])
def test_closed_streams_are_no_reason_for_a_traceback(words: list[str], tmp_path: Path) -> None:
    command = " ".join([*KEYHATCH, *words, "<&- >&-"])
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=ENVIRON, stderr=subprocess.PIPE, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if words[0] == "keys" else 0)


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [*KEYHATCH, "version"]
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRON, stdout=write_end, stderr=subprocess.PIPE, check=False
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, b"")
