"""Guarantees of gateway/admin/control.py: where it listens, who could, and how it ends."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest
import uvloop

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.control_path import socket_path
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDraft
from gateway.keeper.ports import KeyNotFound, StoreUnavailable
from tests.unit.admin.conftest import as_desk, make_keyring, short

# --- The socket


async def test_the_socket_is_its_owners_alone_from_its_first_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []

    class Watched(socket.socket):
        def listen(self, backlog: int = 0, /) -> None:
            modes.append(stat.S_IMODE(socket_path(path).stat().st_mode))
            super().listen(backlog)

    monkeypatch.setattr(socket, "socket", Watched)
    before = os.umask(0)
    try:
        server = ControlServer(make_keyring, path)
        await server.start()
    finally:
        assert os.umask(before) == 0
    await server.stop()
    assert set(modes) == {0o600}


async def test_a_socket_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(short(socket_path(path)))
    server = ControlServer(make_keyring, path)
    await server.start()
    assert await RemoteKeyring(path).is_there()
    await server.stop()


async def test_stopping_removes_the_socket_and_may_be_repeated(path: Path, server: ControlServer) -> None:
    await server.stop()
    await server.stop()
    assert not is_there(path)
    assert not await RemoteKeyring(path).is_there()


async def test_stopping_leaves_a_socket_that_is_not_its_own(path: Path, server: ControlServer) -> None:
    take_away(path)
    other = ControlServer(make_keyring, path)
    await other.start()
    await server.stop()
    assert await RemoteKeyring(path).is_there()
    await other.stop()


def is_there(path: Path) -> bool:
    return socket_path(path).exists()


def take_away(path: Path) -> None:
    socket_path(path).unlink()


async def test_a_file_in_its_place_is_left_alone_and_named(path: Path) -> None:
    def something_else() -> None:
        socket_path(path).write_text("notes")

    something_else()
    with pytest.raises(StoreUnavailable, match=r"keys\.db\.sock is not a socket: move it away"):
        await ControlServer(make_keyring, path).start()
    assert is_there(path)


async def test_a_folder_where_nothing_can_listen_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot listen on .*keys\.db\.sock: No such file"):
        await ControlServer(make_keyring, tmp_path / "missing" / "keys.db").start()


async def test_a_server_that_never_started_may_be_stopped(path: Path) -> None:
    await ControlServer(make_keyring, path).stop()


def test_it_serves_on_uvloop_as_well(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 40) / "keys.db"
    path.parent.mkdir()

    async def create_and_find() -> str:
        server = ControlServer(make_keyring, path)
        await server.start()
        try:
            await RemoteKeyring(path).create(KeyDraft(name="laptop"))
            return (await RemoteKeyring(path).resolve("laptop")).name
        finally:
            await server.stop()

    assert uvloop.run(create_and_find()) == "laptop"


async def test_what_was_asked_before_the_stop_is_answered(path: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def resolve(self, _: str) -> ApiKey:
            asked.set()
            await go_on.wait()
            raise KeyNotFound("the answer")

    server = ControlServer(lambda: as_desk(Slow()), path)
    await server.start()
    question = asyncio.ensure_future(RemoteKeyring(path).resolve("laptop"))
    await asked.wait()
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(KeyNotFound, match="the answer"):
        await question
    await stopping
