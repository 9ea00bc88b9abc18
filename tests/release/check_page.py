"""Guarantees of docs/installing.md: each way that it shows installs what works, and removes it again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.release.conftest import Made
from tests.release.installed import Installed, clean, environment
from tests.release.journey import walk
from tests.release.pythons import VERSIONS, python
from tests.release.ways import SUMS, WAYS, commands

pytestmark = pytest.mark.timeout(580)

PREFIX = "/opt/keyhatch"


def play(text: str, folder: Path, variables: Mapping[str, str]) -> None:
    """Run a block of commands as it stands."""
    done = subprocess.run(
        ["sh", "-euc", text],
        cwd=folder,
        env={**clean(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Where pipx, uv and a Python are found, and where they put things."""
    path = tmp_path / "path"
    path.mkdir()
    (path / "python3").symlink_to(python(VERSIONS[-1]))
    (path / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    programs = tmp_path / "programs"
    return {
        "PATH": os.pathsep.join([str(programs), str(path), "/usr/bin", "/bin"]),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(programs),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "UV_PYTHON": python(VERSIONS[-1]),
        "UV_TOOL_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(programs),
    }


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.removeprefix("## "))
def test_this_way_installs_what_works_and_goes_again(
    way: str, made: Made, tmp_path: Path, variables: dict[str, str]
) -> None:
    here = shutil.copytree(made.folder, tmp_path / "here")
    programs = Path(variables["PIPX_BIN_DIR"])
    first, *after = commands(way)
    if "pipx" in way:
        tool = environment(python(VERSIONS[0]), tmp_path / "tool")
        tool.run("python", "-I", "-m", "pip", "install", "-q", "pipx")
        (tmp_path / "path" / "pipx").symlink_to(tool.programs / "pipx")
    if PREFIX in first:
        first, *after = (text.replace(PREFIX, str(tmp_path / "opt")) for text in (first, *after))
        programs = tmp_path / "opt" / "bin"
    play(first, here, variables)
    walk(Installed(programs, tmp_path / "home"))
    for text in after:
        play(text, here, variables)
    assert after
    assert not (programs / "keyhatch").exists()


def test_the_sums_can_be_checked_as_shown(made: Made) -> None:
    (text,) = commands(SUMS)
    play(text, made.folder, {})
