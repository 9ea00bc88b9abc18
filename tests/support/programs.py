"""Programs that tests call and that come with no Python package (`.ci/debian-packages` installs them)."""

import os
import shutil

import pytest


def program(name: str, package: str = "") -> str:
    """Where a program is; `package` is Debian's, if that has another name.

    Without the program the test is skipped; under CI=true it fails, so that nothing hides.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing = f"{name} is not installed: apt install {package or name}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found
