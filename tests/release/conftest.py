"""What the checks of a release share: the finished files, built from this tree."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import gateway
from tests.arch.sources import ROOT
from tests.release.installed import clean


@dataclass(frozen=True)
class Made:
    """What a build wrote into a folder."""

    folder: Path

    @property
    def wheel(self) -> Path:
        """The wheel."""
        return self.folder / f"keyhatch-{gateway.__version__}-py3-none-any.whl"

    @property
    def archive(self) -> Path:
        """The source archive."""
        return self.folder / f"keyhatch-{gateway.__version__}.tar.gz"

    @property
    def every(self) -> dict[str, bytes]:
        """Every file by its name."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


def build(root: Path, folder: Path, *, umask: int = 0o022, **more: str) -> Made:
    """What `make build` does, for the tree at `root`."""
    subprocess.run(
        [sys.executable, "-m", "release.build", str(folder)],
        cwd=root,
        env={**clean(), "PYTHONPATH": str(root), **more},
        umask=umask,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return Made(folder)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What this tree makes."""
    return build(ROOT, tmp_path_factory.mktemp("made") / "dist")
