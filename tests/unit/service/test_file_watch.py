"""Guarantees of gateway/service/file_watch.py: a change counts once, when its writer has come to rest."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.service.file_watch import FileWatch, look_again_and_again, signature_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gate.crt"
    path.write_text("one")
    return path


def test_nothing_changed_says_nothing(file: Path) -> None:
    watch = FileWatch([file])
    assert [watch.has_changed() for _ in range(3)] == [False, False, False]


def test_a_change_counts_once_and_only_at_rest(file: Path) -> None:
    watch = FileWatch([file])
    file.write_text("two, longer")
    assert not watch.has_changed()
    file.write_text("three, longer still")
    assert not watch.has_changed()
    assert [watch.has_changed() for _ in range(3)] == [True, False, False]


def test_what_is_taken_back_before_it_came_to_rest_is_no_change(file: Path) -> None:
    watch = FileWatch([file])
    aside = file.rename(file.with_suffix(".old"))
    assert not watch.has_changed()
    aside.rename(file)
    assert [watch.has_changed() for _ in range(2)] == [False, False]


def test_the_same_bytes_in_another_file_count(file: Path) -> None:
    """`mv new old` with the time kept: another inode."""
    watch = FileWatch([file])
    other = file.with_suffix(".new")
    other.write_text("one")
    found = file.stat()
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(file)
    assert [watch.has_changed() for _ in range(2)] == [False, True]


def test_a_link_that_is_turned_elsewhere_counts(file: Path, tmp_path: Path) -> None:
    link, other = tmp_path / "live.crt", tmp_path / "other.crt"
    link.symlink_to(file)
    other.write_text("two")
    watch = FileWatch([link])
    link.unlink()
    link.symlink_to(other)
    assert [watch.has_changed() for _ in range(2)] == [False, True]


def test_a_file_may_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "late"
    watch = FileWatch([path, Path("a\0b")])
    path.write_text("x")
    assert [watch.has_changed() for _ in range(2)] == [False, True]
    path.unlink()
    assert [watch.has_changed() for _ in range(2)] == [False, True]
    assert signature_of([path]) == (None,)


def test_other_files_are_watched_from_where_they_stand(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    watch = FileWatch([file])
    file.write_text("changed and forgotten")
    watch.watch([other])
    assert [watch.has_changed() for _ in range(2)] == [False, False]
    other.write_text("more")
    assert [watch.has_changed() for _ in range(2)] == [False, True]


async def test_looks_are_taken_in_turn_and_trouble_ends_none(caplog: pytest.LogCaptureFixture) -> None:
    taken: list[str] = []
    enough = asyncio.Event()

    def stumble() -> None:
        taken.append("stumble")
        raise ZeroDivisionError

    def look() -> None:
        taken.append("look")
        if len(taken) >= 4:
            enough.set()

    task = asyncio.ensure_future(look_again_and_again([stumble, look], every_s=0))
    async with asyncio.timeout(5):
        await enough.wait()
    task.cancel()
    assert taken[:4] == ["stumble", "look", "stumble", "look"]
    assert "looking for changed files met something unexpected; it goes on" in caplog.text
