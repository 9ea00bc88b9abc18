"""Guarantees of gateway/admin/control_client.py: what is told when the other side is away, mute or odd."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.admin import control_client
from gateway.admin.control_client import DeskUnreachable, RemoteKeyring
from gateway.admin.control_path import address_of, socket_path
from gateway.keeper.desk import KeyDraft, NotAllowed, Rotation, RuleBroken
from gateway.keeper.ports import StoreUnavailable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOBODY = 65_534
NO_TEXT: Any = 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@asynccontextmanager
async def listening(path: Path, serve: Serve) -> AsyncIterator[None]:
    """Something that is no control server, in its place."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    with address_of(socket_path(path)) as address:
        server = await asyncio.start_unix_server(answer, address)
    try:
        yield
    finally:
        server.close()


def saying(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return serve


def response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)


async def test_where_nobody_listens_nobody_is_there(path: Path) -> None:
    assert not await RemoteKeyring(path).is_there()
    with pytest.raises(DeskUnreachable, match=r"no gateway listens on .*keys\.db\.sock"):
        await RemoteKeyring(path).list_keys()


async def test_a_socket_whose_owner_died_is_nobody(path: Path) -> None:
    async with listening(path, saying(b"")):
        pass
    assert not await RemoteKeyring(path).is_there()


async def test_a_deep_folder_that_is_not_there_is_nobody(tmp_path: Path) -> None:
    assert not await RemoteKeyring(tmp_path / ("deep" * 40) / "keys.db").is_there()


async def test_silence_is_an_outage_after_the_bound_and_says_what_is_unsure(path: Path) -> None:
    release = asyncio.Event()

    async def mute(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await release.wait()

    async with listening(path, mute):
        far = RemoteKeyring(path, timeout_answer_s=0.05)
        with pytest.raises(
            StoreUnavailable, match=r"did not answer within 0.05 s: .*shows whether it was done"
        ):
            await far.revoke("laptop")
        release.set()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "stopped before it answered"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "stopped before it answered"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "stopped before it answered"),
        (response(200, b"hello"), r"an answer \(200\) that cannot be read: is it of another version"),
        (response(200, b'{"keys": [{}]}'), r"an answer \(200\) that cannot be read"),
        (response(500, b"oops"), r"an answer \(500\) that cannot be read"),
        (response(418, b'{"kind": "teapot", "message": "short and stout"}'), "short and stout"),
    ],
    ids=["nothing", "half", "another protocol", "no JSON", "another shape", "an error", "another kind"],
)
async def test_an_answer_that_is_none_is_an_outage(path: Path, answer: bytes, message: str) -> None:
    async with listening(path, saying(answer)):
        with pytest.raises(StoreUnavailable, match=message) as refusal:
            await RemoteKeyring(path).list_keys()
    assert not isinstance(refusal.value, DeskUnreachable)


async def test_nothing_is_ever_asked_twice(path: Path) -> None:
    heard = []

    async def drop(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))

    async with listening(path, drop):
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await RemoteKeyring(path).create(KeyDraft(name="laptop"))
    assert len(heard) == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda far: far.create(KeyDraft(name=NO_TEXT)),
        lambda far: far.create(KeyDraft(name="\udcff")),
        lambda far: far.list_keys("asleep"),
        lambda far: far.resolve(None),
        lambda far: far.rotate("laptop", Rotation(overlap_s=float("nan"), end_previous=True)),
    ],
    ids=["a number for a name", "half a character", "another status", "nothing", "no duration"],
)
async def test_what_cannot_be_said_breaks_a_rule_before_anything_is_sent(
    path: Path, ask: Callable[[RemoteKeyring], Awaitable[Any]]
) -> None:
    with pytest.raises(RuleBroken, match="this cannot be asked"):
        await ask(RemoteKeyring(path))


@pytest.fixture
def somebody_elses() -> Iterator[Path]:
    """A store whose socket only root may use, seen by nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    folder = Path(tempfile.mkdtemp(prefix="keyhatch-"))
    folder.chmod(0o755)
    yield folder / "keys.db"
    shutil.rmtree(folder)


async def test_another_users_gateway_says_who_may_ask(somebody_elses: Path) -> None:
    async with listening(somebody_elses, saying(b"")):
        close_to_others(somebody_elses)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(NotAllowed, match="runs as another user: ask as that user or as root"):
                await RemoteKeyring(somebody_elses).is_there()
        finally:
            os.seteuid(0)


def close_to_others(path: Path) -> None:
    socket_path(path).chmod(0o600)


# --- Whoever listens is not whoever may answer


def hearing(heard: list[bytes]) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    return serve


@pytest.mark.parametrize(
    "ask",
    [
        lambda far: far.is_there(),
        lambda far: far.create(KeyDraft(name="laptop")),
        lambda far: far.verify("kh_secret"),
    ],
    ids=["ping", "create", "verify"],
)
async def test_a_stranger_in_the_gateways_place_is_told_nothing(
    path: Path, ask: Callable[[RemoteKeyring], Awaitable[Any]]
) -> None:
    heard: list[bytes] = []
    async with listening(path, hearing(heard)):
        far = RemoteKeyring(path, peer_uid=lambda _: 54_321)
        with pytest.raises(
            NotAllowed, match=r"who listens on .*keys\.db\.sock is user 54321, .*nothing was sent.*remove it"
        ):
            await ask(far)
        await until(lambda: bool(heard))
    assert heard == [b""]


@pytest.mark.parametrize("uid", [0, os.geteuid()], ids=["root", "ourselves"])
async def test_root_and_our_own_user_are_asked(path: Path, uid: int) -> None:
    async with listening(path, saying(response(200, b"{}"))):
        assert await RemoteKeyring(path, peer_uid=lambda _: uid).is_there()


async def test_the_kernel_is_asked_who_listens(somebody_elses: Path) -> None:
    somebody_elses.parent.chmod(0o777)
    heard: list[bytes] = []
    os.seteuid(NOBODY)
    try:
        async with listening(somebody_elses, hearing(heard)):
            os.seteuid(0)
            with pytest.raises(NotAllowed, match=f"is user {NOBODY}"):
                await RemoteKeyring(somebody_elses).verify("kh_secret")
            await until(lambda: bool(heard))
    finally:
        os.seteuid(0)
    assert heard == [b""]


async def test_root_asks_the_user_whom_the_store_belongs_to(somebody_elses: Path) -> None:
    somebody_elses.parent.chmod(0o777)
    os.close(os.open(somebody_elses, os.O_CREAT | os.O_WRONLY, 0o600))
    os.chown(somebody_elses, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        async with listening(somebody_elses, saying(response(200, b"{}"))):
            os.seteuid(0)
            assert await RemoteKeyring(somebody_elses).is_there()
    finally:
        os.seteuid(0)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)


async def test_where_there_are_no_sockets_nobody_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_client, "HAS_SOCKETS", False)
    assert not await RemoteKeyring(path).is_there()
    with pytest.raises(StoreUnavailable, match="use its console or its management API") as told:
        await RemoteKeyring(path).reload()
    assert not isinstance(told.value, DeskUnreachable), "nobody knows whether a gateway runs"
