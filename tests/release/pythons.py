"""The Pythons of this machine: on PATH, kept by pyenv, or named (`make release-check PYTHON=PATH`)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.programs import cannot_be_tested

VERSIONS = ("3.11", "3.12", "3.13")
FIT = "import sys, ensurepip, venv, ssl, sqlite3; print('%d.%d' % sys.version_info[:2])"


def python(version: str) -> str:
    """An interpreter of this version that can make environments; a missing one is told."""
    for candidate in _candidates(version):
        try:
            told = subprocess.run([candidate, "-I", "-c", FIT], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if told.stdout.strip() == version:
            return candidate
    return cannot_be_tested(
        f"There is no Python {version} with venv, ssl and sqlite3: name one with PYTHON=PATH."
    )


def _candidates(version: str) -> Iterator[str]:
    yield from os.environ.get("PYTHON", "").split()
    name = f"python{version}"
    found = shutil.which(name)
    if found:
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True))
