"""A command line in an empty folder, on a terminal or off it."""

from pathlib import Path

import click.testing
import pytest

from tests.unit.cli.command_line import CommandLine


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """All three streams are a terminal of 120 columns."""
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _stream: True)
    monkeypatch.setenv("COLUMNS", "120")
