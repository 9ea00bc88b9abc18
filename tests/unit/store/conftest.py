"""What the tests of the stores share: a path for a file, and a way to be somebody without rights."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of one's own, and file modes that count: root becomes nobody for the length of the test."""
    folder = Path(tempfile.mkdtemp(prefix="keyhatch-"))
    folder.chmod(0o700)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)
