"""Guarantees of gateway/cli/new_file.py: what is written is its owner's alone, whole or not there."""

import stat
from pathlib import Path

import click
import pytest

from gateway.cli.new_file import new_file


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    with new_file(tmp_path / "f") as to:
        to.write(b"all")
    assert (tmp_path / "f").read_bytes() == b"all"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("before")
    with pytest.raises(click.ClickException, match="is there already"), new_file(tmp_path / "f"):
        pass
    assert (tmp_path / "f").read_text() == "before"


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with new_file(tmp_path / "f") as to:
            to.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []
