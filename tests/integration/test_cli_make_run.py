"""`make run UPSTREAM=URL` on a terminal: what it prints can be pasted anywhere, and Ctrl-C is no failure."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.sources import ROOT
from tests.support.lasting_upstream import LastingUpstream
from tests.support.programs import program
from tests.support.running_gateway import Home
from tests.support.terminal import Terminal


@pytest.fixture
def workshop(home: Home) -> Path:
    """The Makefile with an environment that is installed already: ours."""
    (home.folder / ".venv/bin").mkdir(parents=True)
    (home.folder / "requirements").mkdir()
    shutil.copy(ROOT / "Makefile", home.folder)
    (home.folder / "requirements/run.txt").touch()
    python = home.folder / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (home.folder / ".venv/run.installed").touch()
    return home.folder


def test_what_make_run_prints_works_in_another_folder_and_it_ends_without_an_error(
    home: Home, workshop: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make, _ = program("make"), program("curl")
    with LastingUpstream() as upstream:
        listeners = "--proxy 127.0.0.1:0 --admin 127.0.0.1:0"
        command = [make, "run", f"UPSTREAM={upstream.url}", f"ARGS={listeners}"]
        terminal = Terminal(command, workshop, home.environment())
        try:
            terminal.read_until("/\n\n")
            shown = "".join(re.findall(r"^  .*\n", terminal.text, re.MULTILINE))
            requests = shown.partition("  # your server")[0]
            clean = {name: value for name, value in home.environment().items() if name != "PYTHONPATH"}
            pasted = subprocess.run(
                ["sh", "-eu"],
                input=requests,
                capture_output=True,
                text=True,
                cwd=tmp_path_factory.mktemp("elsewhere"),
                env=clean,
                timeout=20,
                check=False,
            )
            assert pasted.returncode == 0, pasted.stderr
            assert re.findall(r"HTTP/1\.1 (\d+)", pasted.stdout) == ["401", "200"]
        finally:
            terminal.press(b"\x03")
            terminal.read_until(None)
            terminal.close()
    assert "stopped" in terminal.text
    assert "***" not in terminal.text
