"""Guarantees of tests/support/coverage_floors.py: a lost test turns the run red and says where."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.coverage_floors import SUMMARY_WORDS, FileCoverage, Floor, read_report, shortfalls

ROOT = Path(__file__).resolve().parents[2]
FLOORS = (Floor("gateway/core/", 100), Floor("gateway/", 95))

MODULE = """
import subprocess
import sys

def sign(number):
    if number < 0:
        return "minus"
    return "plus"

def far(name):
    if name == "far":
        return "reached"
    return "here"

def ask_far():
    code = "from gateway.core.signs import far; print(far('far'))"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()
"""
CONFTEST = """
from tests.support.coverage_floors import CoverageFloors

def pytest_configure(config):
    config.pluginmanager.register(CoverageFloors())
"""
HALF = """
from gateway.core.signs import ask_far, far, sign

def test_sign():
    assert sign(1) == "plus"

def test_far():
    assert far("near") == "here"
    assert ask_far() == "reached"
"""
REST = """

def test_minus():
    assert sign(-1) == "minus"
"""


@pytest.mark.parametrize(
    ("files", "rooms"),
    [
        pytest.param([FileCoverage("gateway/core/a.py", 10, 10)], [], id="full"),
        pytest.param(
            [FileCoverage("gateway/core/a.py", 999, 1000, ("7",))], ["gateway/core/"], id="one-line-of-core"
        ),
        pytest.param([FileCoverage("gateway/cli.py", 95, 100, ("7",))], [], id="rest-at-its-floor"),
        pytest.param(
            [FileCoverage("gateway/cli.py", 94, 100, ("7",))], ["gateway/"], id="rest-below-its-floor"
        ),
        pytest.param(
            [FileCoverage("gateway/cli.py", 0, 10, ("7",)), FileCoverage("gateway/service.py", 390, 390)],
            [],
            id="the-rest-is-counted-together",
        ),
        pytest.param(
            [FileCoverage("gateway/core/a.py", 0, 10, ("7",)), FileCoverage("gateway/service.py", 990, 990)],
            ["gateway/core/"],
            id="a-full-room-does-not-pay-for-another",
        ),
        pytest.param([FileCoverage("tests/a.py", 0, 10, ("7",))], [], id="outside"),
        pytest.param([FileCoverage("gateway/core/__init__.py", 0, 0)], [], id="nothing-to-cover"),
    ],
)
def test_a_room_below_its_floor_is_found(files: list[FileCoverage], rooms: list[str]) -> None:
    assert [shortfall.floor.room for shortfall in shortfalls(files, FLOORS)] == rooms


def test_missing_branches_count_and_are_named() -> None:
    summary = {"covered_lines": 4, "num_statements": 5, "covered_branches": 1, "num_branches": 2}
    entry = {"summary": summary, "missing_lines": [9, 10, 12], "missing_branches": [[3, 9], [8, -1], [9, 12]]}
    (file,) = read_report({"files": {"gateway/core/a.py": entry}}, ROOT)
    assert file == FileCoverage("gateway/core/a.py", 5, 7, ("9-10", "12", "3->9", "8->exit"))


def run_inner(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a small suite with the plugin and this repository's settings for coverage, apart from this run."""
    for path, text in {
        "gateway/__init__.py": "",
        "gateway/core/__init__.py": "",
        "gateway/core/signs.py": MODULE,
        "tests/conftest.py": CONFTEST,
        "tests/test_signs.py": test,
        "tests/support/coverage_floors.py": (ROOT / "tests/support/coverage_floors.py").read_text(),
        "pyproject.toml": (ROOT / "pyproject.toml").read_text(),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_what_no_test_reached_fails_the_run_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway/core").mkdir(parents=True)
    (tmp_path / "gateway/core/forgotten.py").write_text("ANSWER = 42\n")
    done = run_inner(tmp_path, HALF, "--cov", "-n", "2")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "gateway/core/signs.py: 7, 6->7\n" in done.stdout
    assert "gateway/core/forgotten.py: 1\n" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert "2 passed" in last
    assert f"1 {SUMMARY_WORDS}" in last


def test_what_only_a_subprocess_reached_counts(tmp_path: Path) -> None:
    done = run_inner(tmp_path, HALF + REST, "--cov")
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert "3 passed" in done.stdout.splitlines()[-1]
