"""Format, style, types and the floors of imports are held by the suite itself.

Continuous integration calls only the suite; a check outside it would be a check that can be forgotten.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.sources import ROOT

CHECKS = {
    "format": ("ruff", "format", "--check", "."),
    "style": ("ruff", "check", "."),
    "floors": ("lint-imports", "--no-logo", "--no-cache"),
    "types": ("mypy", *(room for room in ("gateway", "bench", "release", "tests") if (ROOT / room).is_dir())),
}


@pytest.mark.timeout(180)  # mypy without its cache, beside other tests
@pytest.mark.parametrize("check", CHECKS)
def test_the_code_passes(check: str) -> None:
    name, *arguments = CHECKS[check]
    tool = Path(sys.executable).with_name(name)
    if not tool.exists():
        pytest.fail(f"{name} is not installed beside {sys.executable}: run make test")
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [str(tool), *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
