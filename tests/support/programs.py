"""Programs that tests call and that come with no Python package (`.ci/debian-packages` installs them)."""

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str = "") -> str:
    """Where a program is; `package` is Debian's, if that has another name."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        cannot_be_tested(f"{name} is not installed: apt install {package or name}")
    return found


def cannot_be_tested(missing: str) -> NoReturn:
    """Skip the test for what is missing; under CI=true fail it, so that nothing hides."""
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
