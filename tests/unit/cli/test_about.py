"""Guarantees of gateway/cli/about.py: the version is told, and the completion scripts complete."""

import json
import subprocess
from pathlib import Path

import pytest

import gateway
from gateway.cli.root import root
from tests.support.programs import program
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
    script = tmp_path / "keyhatch"
    script.write_text(line("completion", shell).stdout)
    done = subprocess.run([program(shell), "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_shell_is_a_usage_error_that_names_the_known_ones(line: CommandLine) -> None:
    result = line("completion", "tcsh")
    assert result.exit_code == 2
    assert all(shell in result.stderr for shell in ("bash", "zsh", "fish"))


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        pytest.param("keyhatch keys re", ["plain,revoke"], id="a-verb"),
        pytest.param("keyhatch keys list --sta", ["plain,--status"], id="an-option"),
        pytest.param("keyhatch keys list --status ex", ["plain,expiring", "plain,expired"], id="a-choice"),
        pytest.param("keyhatch check --config co", ["file,co"], id="a-file"),
    ],
)
def test_words_are_completed(
    words: str, completed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_KEYHATCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        root.main([])
    assert capsys.readouterr().out.split() == completed
