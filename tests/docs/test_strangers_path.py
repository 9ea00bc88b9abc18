"""Guarantees of README.md: with nothing but a copy of this repository one can follow it to its end.

Every block is run as it stands, in order, in a fresh copy in an empty folder. `make run` has a terminal of
its own, what it prints to paste is pasted into another one, and Ctrl-C ends it.

`make stranger-test` does all of it: `make run` bootstraps with pip, and `pipx install .` installs. In the
suite two things are there before, because installing takes half a minute: the `.venv` that `make run` would
fill (it runs our Python), and the command that pipx would bring.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import takewhile
from pathlib import Path

import pytest

from tests.arch.sources import ROOT, committed_files
from tests.docs.documents import document
from tests.docs.page_shell import Place
from tests.support.programs import program
from tests.support.real_upstreams import DemoUpstream
from tests.support.terminal import Terminal
from tests.support.warm_command import WarmCommand

# What a stranger does not have around them: variables of whoever runs this test, often from make itself.
OF_MAKE = {"ARGS", "UPSTREAM", "PRESET", "PYTHON", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"}
OURS = {"PYTHONPATH", "KEYHATCH_CONFIG", *OF_MAKE}

PIPX = """\
#!/bin/sh
# What pipx does: an environment for one program.
set -eu
[ "$*" = "install ." ]
python3 -m venv installed
exec installed/bin/pip install --quiet --no-input --disable-pip-version-check .
"""
FENCES = [fence for fence in document("README.md").fences() if fence.is_run or fence.file]
MAKE = [fence.text for fence in takewhile(lambda fence: fence.text.startswith("make"), FENCES)]


def follow(folder: Path, keyhatch: str, *, within_s: float) -> None:
    """Follow the page in a folder that is a copy; `make run` may take so long to serve."""
    with DemoUpstream() as upstream:
        place = Place(upstream.url)
        demo, own = (
            look(place.here(line), last, folder, place, within_s=within_s)
            for line, last in zip(MAKE, ("# or in a browser", "/v1/models\n"), strict=True)
        )
        assert answers(demo) == ["401", "200"]
        assert "data: [DONE]" in demo
        assert answers(own) == ["401", "200", "200"]
        ran = place.play(FENCES[len(MAKE) :], folder, keyhatch, within_s=max(within_s, 50))
    assert ran.code == 0, ran.shown


def look(line: str, last: str, folder: Path, place: Place, *, within_s: float) -> str:
    """`make run` in one terminal, and what came of pasting into another what it prints up to its `last`."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    terminal = Terminal(["sh", "-c", f"exec {line}"], folder, {**clean, "NO_COLOR": "1", **place.listeners})
    try:
        terminal.read_until("serving callers on", within_s=within_s)
        terminal.read_until(last)
        pasted = subprocess.run(
            ["sh", "-eu"],
            input="".join(re.findall(r"^  (.*\n)", terminal.text, re.MULTILINE)),
            capture_output=True,
            text=True,
            env=clean,
            timeout=50,
            check=False,
        )
        assert pasted.returncode == 0, (pasted.stderr, terminal.text)
    finally:
        terminal.press(b"\x03")
        terminal.read_until(None)
        terminal.close()
    assert "stopped" in terminal.text
    assert "***" not in terminal.text
    return pasted.stdout


def answers(shown: str) -> list[str]:
    """The statuses of the answers that `curl -i` showed."""
    return re.findall(r"^HTTP/1\.1 (\d+)", shown, re.MULTILINE)


def copy_into(folder: Path) -> None:
    """A copy of this repository as somebody else has it."""
    for path in committed_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)


def lay(folder: Path, name: str, script: str) -> None:
    """Lay a program into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


@pytest.fixture
def beside(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that are found before all others."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.timeout(60)
def test_a_stranger_can_follow_the_readme_in_an_empty_folder(tmp_path: Path, beside: Path) -> None:
    program("make"), program("curl")
    copy_into(tmp_path)
    lay(beside, "pipx", "#!/bin/sh\n")
    lay(tmp_path / ".venv/bin", "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / ".venv/run.installed").touch()
    with WarmCommand() as command:
        follow(tmp_path, command.words, within_s=30)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        copy, programs = Path(empty) / "keyhatch", Path(empty) / "bin"
        copy_into(copy)
        lay(programs, "pipx", PIPX)
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        follow(copy, f"{copy}/installed/bin/keyhatch", within_s=600)
