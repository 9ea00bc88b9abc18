"""Guarantees of what is published: anybody can make it again, to the byte."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.sources import ROOT
from tests.release.conftest import Made, build
from tests.release.installed import clean

pytestmark = pytest.mark.timeout(580)


def test_another_checkout_folder_umask_zone_and_hash_seed_give_the_same_bytes(
    made: Made, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "a quite different folder"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(elsewhere)], umask=0o077, check=True)
    again = build(
        elsewhere,
        tmp_path / "dist",
        umask=0o077,
        TZ="Pacific/Chatham",
        PYTHONHASHSEED="7",
        LC_ALL="C",
    )
    wrong = [name for name, content in made.every.items() if again.every[name] != content]
    assert wrong == [], "is everything committed?"
    assert made.every.keys() == again.every.keys()


@pytest.fixture(scope="module")
def unpacked(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-xf", str(made.archive), "-C", str(folder)], check=True)
    (root,) = folder.iterdir()
    return root


def test_the_archive_makes_the_same_wheel_and_itself(made: Made, unpacked: Path, tmp_path: Path) -> None:
    asked = ["git", "log", "-1", "--format=%ct"]
    time = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    again = build(unpacked, tmp_path / "dist", SOURCE_DATE_EPOCH=time)
    assert [name for name, content in made.every.items() if again.every[name] != content] == []


def test_the_archive_brings_tests_that_run(unpacked: Path) -> None:
    rooms = ("tests/unit/core", "tests/arch/test_purity.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *rooms],
        cwd=unpacked,
        env={**clean(), "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
