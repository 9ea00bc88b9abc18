"""Guarantees of gateway/admin/control.py: whom it serves, what it refuses, what it never says."""

import asyncio
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from gateway.admin.control import ACTS, ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.control_path import socket_path
from gateway.admin.control_words import ASKED_BYTES_MAX
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.desk import KeyDesk, KeyDraft, NotAllowed
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import KeyNotFound, StoreUnavailable
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock, repeatable_entropy


def make_keyring() -> Keyring:
    return Keyring(
        MemoryKeyStore(),
        StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=50,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=lambda _id, _key: None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    serving = ControlServer(make_keyring(), path)
    await serving.start()
    yield serving
    await serving.stop()


async def send(path: Path, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    connector = aiohttp.UnixConnector(path=short(socket_path(path)))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://keyhatch{target}", data=body) as response,
    ):
        return response.status, json.loads(await response.read())


def short(path: Path) -> str:
    """An address that fits, whatever the length of pytest's folders."""
    return os.path.relpath(path)


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
        server = ControlServer(make_keyring(), path)
        await server.start()
    finally:
        assert os.umask(before) == 0
    await server.stop()
    assert set(modes) == {0o600}


async def test_a_socket_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(short(socket_path(path)))
    server = ControlServer(make_keyring(), path)
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
    other = ControlServer(make_keyring(), path)
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
        await ControlServer(make_keyring(), path).start()
    assert is_there(path)


async def test_a_folder_where_nothing_can_listen_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot listen on .*keys\.db\.sock: No such file"):
        await ControlServer(make_keyring(), tmp_path / "missing" / "keys.db").start()


async def test_a_server_that_never_started_may_be_stopped(path: Path) -> None:
    await ControlServer(make_keyring(), path).stop()


def test_it_serves_on_uvloop_as_well(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 40) / "keys.db"
    path.parent.mkdir()

    async def create_and_find() -> str:
        server = ControlServer(make_keyring(), path)
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

    server = ControlServer(as_desk(Slow()), path)
    await server.start()
    question = asyncio.ensure_future(RemoteKeyring(path).resolve("laptop"))
    await asked.wait()
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(KeyNotFound, match="the answer"):
        await question
    await stopping


def as_desk(desk: Any) -> KeyDesk:
    """A desk of which a test needs only a part."""
    found: KeyDesk = desk
    return found


# --- Who is served


@pytest.mark.parametrize("uid", [12_345, -1, None])
async def test_strangers_are_refused_before_they_are_heard(path: Path, uid: int | None) -> None:
    server = ControlServer(as_desk(None), path, peer_uid=lambda _: uid)
    await server.start()
    with pytest.raises(NotAllowed, match=rf"only root and the user .* \(uid {os.geteuid()}\)"):
        await RemoteKeyring(path).create(KeyDraft(name="laptop"))
    assert (await send(path, "POST", "/v1/verify", b"x" * ASKED_BYTES_MAX * 2))[0] == 403
    await server.stop()


@pytest.mark.parametrize("uid", [0, os.geteuid()])
async def test_root_and_the_owner_are_served(path: Path, uid: int) -> None:
    server = ControlServer(make_keyring(), path, peer_uid=lambda _: uid)
    await server.start()
    assert await RemoteKeyring(path).is_there()
    await server.stop()


# --- What is refused


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", "/v1/format", b"{}", "does not know this act"),
        ("POST", "/v1/", b"{}", "does not know this act"),
        ("POST", "/", b"{}", "does not know this act"),
        ("GET", "/v1/ping", b"", "does not know this act"),
        ("DELETE", "/v1/list", b"{}", "does not know this act"),
        ("POST", "/v1/ping", b"", "cannot read what was asked: all of it"),
        ("POST", "/v1/ping", b"[]", "cannot read what was asked: all of it"),
        ("POST", "/v1/ping", b'{"more": 1}', "cannot read what was asked: more"),
        ("POST", "/v1/resolve", b'{"id_or_name": 1}', "cannot read what was asked: id_or_name"),
        ("POST", "/v1/resolve", b'{"id_or_name": "\xff"}', "cannot read what was asked: all of it"),
        ("POST", "/v1/verify", b'{"text": "' + b"x" * ASKED_BYTES_MAX + b'"}', "what was asked is too long"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_is_not_in_the_closed_set_is_refused(
    path: Path, server: ControlServer, method: str, target: str, body: bytes, message: str
) -> None:
    status, told = await send(path, method, target, body)
    assert status == 422
    assert told["kind"] == "rule_broken"
    assert message in told["message"]
    assert await RemoteKeyring(path).is_there()


def test_the_acts_are_those_of_the_desk() -> None:
    desk = {name for name in vars(KeyDesk) if not name.startswith("_")}
    assert set(ACTS) == desk - {"list_keys"} | {"list", "ping"}


async def test_the_unexpected_is_logged_here_and_told_without_its_words(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def resolve(self, _: str) -> ApiKey:
            raise RuntimeError("the inside of the house")

    server = ControlServer(as_desk(Broken()), path)
    await server.start()
    with pytest.raises(StoreUnavailable, match="met something unexpected: see its log") as refusal:
        await RemoteKeyring(path).resolve("laptop")
    await server.stop()
    assert "inside of the house" not in str(refusal.value)
    [logged] = [entry for entry in caplog.records if entry.name == "gateway.control"]
    assert logged.exc_info is not None


# --- What is never said


async def test_no_secret_is_logged_whatever_is_asked_and_whatever_breaks(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    keyring = make_keyring()
    server = ControlServer(keyring, path)
    await server.start()
    far = RemoteKeyring(path)
    key, first = await far.create(KeyDraft(name="laptop"))
    _, second = await far.rotate(key.id, 0)
    await far.verify(first.reveal())
    await send(path, "POST", "/v1/verify", json.dumps({"text": 1, "more": first.reveal()}).encode())

    async def break_down(text: str) -> None:
        raise RuntimeError(f"{len(text)} characters were too many")

    monkeypatch.setattr(keyring, "verify", break_down)
    with pytest.raises(StoreUnavailable):
        await far.verify(second.reveal())
    await server.stop()
    assert "characters were too many" in caplog.text
    assert not [secret for secret in (first, second) if secret.reveal() in caplog.text]


async def test_a_secret_travels_only_in_answers_to_create_and_rotate(
    path: Path, server: ControlServer
) -> None:
    far = RemoteKeyring(path)
    key, first = await far.create(KeyDraft(name="laptop"))
    _, second = await far.rotate(key.id, 60)
    one = json.dumps({"id_or_name": key.id}).encode()
    asked: list[tuple[str, bytes]] = [
        ("list", b'{"status": "all", "owner": null}'),
        ("resolve", one),
        ("disable", one),
        ("enable", one),
        ("verify", json.dumps({"text": first.reveal()}).encode()),
        ("revoke", one),
        ("delete", one),
    ]
    for act, body in asked:
        status, told = await send(path, "POST", f"/v1/{act}", body)
        assert status == 200
        assert not _holds(told, first)
        assert not _holds(told, second)


def _holds(told: dict[str, Any], secret: Secret) -> bool:
    return secret.reveal() in json.dumps(told)
