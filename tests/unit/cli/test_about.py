"""Guarantees of gateway/cli/about.py: the version is told, and the completion scripts complete."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from tests.unit.cli.command_line import CommandLine


def test_the_version_is_one_word_behind_the_name(line: CommandLine) -> None:
    result = line("version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"keyhatch {gateway.__version__}\n", "")


def test_the_version_as_json_names_the_python_too(line: CommandLine) -> None:
    assert json.loads(line("version", "-o", "json").stdout)["version"] == gateway.__version__


def test_the_option_version_says_the_same_without_an_installed_distribution(line: CommandLine) -> None:
    assert line("--version").stdout == f"keyhatch, version {gateway.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_on_stdout_alone(line: CommandLine, shell: str) -> None:
    result = line("completion", shell)
    assert result.exit_code == 0
    assert "_KEYHATCH_COMPLETE" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(line: CommandLine, shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed here")
    script = tmp_path / "keyhatch"
    script.write_text(line("completion", shell).stdout)
    done = subprocess.run([program, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_shell_is_a_usage_error_that_names_the_known_ones(line: CommandLine) -> None:
    result = line("completion", "tcsh")
    assert result.exit_code == 2
    assert all(shell in result.stderr for shell in ("bash", "zsh", "fish"))


def test_words_are_completed() -> None:
    environ = {
        **os.environ,
        "_KEYHATCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "keyhatch keys re",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-m", "gateway"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["plain,revoke"]
