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
def sign(number):
    if number < 0:
        return "minus"
    return "plus"

def far(name):
    if name == "far":
        return "reached"
    return "here"
"""
CONFTEST = """
from tests.support.coverage_floors import CoverageFloors

def pytest_configure(config):
    config.pluginmanager.register(CoverageFloors())
"""
HALF = """
from gateway.core.signs import far, sign

def test_sign():
    assert sign(1) == "plus"

def test_far():
    assert far("near") == "here"
    assert far("far") == "reached"
"""
REST = """
from gateway.core.signs import sign

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


def run_inner(folder: Path, rest: str) -> subprocess.CompletedProcess[str]:
    """Run a small suite, one half in tests/unit and one in ``rest``, by this repository's settings."""
    for path, text in {
        "gateway/__init__.py": "",
        "gateway/core/__init__.py": "",
        "gateway/core/signs.py": MODULE,
        "gateway/core/forgotten.py": "",
        "tests/conftest.py": CONFTEST,
        "tests/unit/test_signs.py": HALF,
        rest: REST,
        "tests/support/coverage_floors.py": (ROOT / "tests/support/coverage_floors.py").read_text(),
        "pyproject.toml": (ROOT / "pyproject.toml").read_text(),
    }.items():
        if not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--cov", "-n", "2"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.timeout(120)  # three processes start pytest
def test_what_no_measured_suite_reached_fails_the_run_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway/core").mkdir(parents=True)
    (tmp_path / "gateway/core/forgotten.py").write_text("ANSWER = 42\n")
    done = run_inner(tmp_path, "tests/integration/test_more_signs.py")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "gateway/core/signs.py: 4, 3->4\n" in done.stdout
    assert "gateway/core/forgotten.py: 1\n" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert "3 passed" in last
    assert f"1 {SUMMARY_WORDS}" in last


@pytest.mark.timeout(120)  # three processes start pytest
def test_what_measured_suites_reach_together_counts(tmp_path: Path) -> None:
    done = run_inner(tmp_path, "tests/conformance/test_more_signs.py")
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert "3 passed" in done.stdout.splitlines()[-1]
