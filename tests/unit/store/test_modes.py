"""Guarantees of gateway/store/modes.py: a store's files are their owner's alone, or it stays shut."""

import logging
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreForeign
from gateway.store.modes import tighten
from gateway.store.sqlite import open_sqlite
from tests.support.records import record


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def set_mode(path: Path, bits: int) -> None:
    path.chmod(bits)


async def make_store(path: Path) -> None:
    store = await open_sqlite(path)
    await store.insert(record())
    await store.close()


@pytest.mark.parametrize("bits", [0o644, 0o660, 0o666, 0o604, 0o777], ids=oct)
async def test_a_store_that_others_could_open_is_its_owners_alone_from_then_on(
    path: Path, bits: int, caplog: pytest.LogCaptureFixture
) -> None:
    await make_store(path)
    set_mode(path, bits)
    store = await open_sqlite(path)
    await store.insert(record("key_2"))
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    await store.close()
    assert modes == dict.fromkeys(["keys.db", "keys.db-wal", "keys.db-shm", "keys.db.lock"], 0o600)
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert told.getMessage().startswith(f"{path} could be opened by others (mode {bits:04o})")


async def test_of_a_store_that_is_its_owners_alone_nothing_is_said(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await make_store(path)
    await (await open_sqlite(path)).close()
    assert caplog.records == []


def test_what_a_killed_gateway_left_beside_it_is_tightened_too(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).touch(0o644)
        path.with_name(path.name + end).chmod(0o644)
    tighten(path)
    assert {file.name: mode(file) for file in path.parent.iterdir()} == dict.fromkeys(
        ["keys.db", "keys.db-wal", "keys.db-shm"], 0o600
    )


def test_a_link_in_the_place_of_its_log_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    target.chmod(0o644)
    path.touch(0o600)
    path.with_name("keys.db-wal").symlink_to(target)
    with pytest.raises(OSError, match=r"keys\.db-wal"):
        tighten(path)
    assert mode(target) == 0o644


async def test_another_programs_file_keeps_its_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
    set_mode(path, 0o644)
    with pytest.raises(StoreForeign):
        await open_sqlite(path)
    assert mode(path) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_a_store_of_another_user_that_others_can_open_is_refused(unprivileged: Path) -> None:
    path = unprivileged / "keys.db"
    await make_store(path)
    give_to_root(path, 0o666)
    with pytest.raises(
        StoreUnavailable,
        match=r"keys\.db can be opened by others \(mode 0666\) and belongs to user 0: run as",
    ):
        await open_sqlite(path)
    assert mode(path) == 0o666


def give_to_root(path: Path, bits: int) -> None:
    me = os.geteuid()
    os.seteuid(0)
    os.chown(path, 0, 0)
    path.chmod(bits)
    os.seteuid(me)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_root_tightens_a_store_and_leaves_it_to_its_owner(path: Path) -> None:
    await make_store(path)
    os.chown(path, 1234, 1234)
    set_mode(path, 0o664)
    await (await open_sqlite(path)).close()
    assert (mode(path), owner(path)) == (0o600, 1234)


def owner(path: Path) -> int:
    return path.stat().st_uid
