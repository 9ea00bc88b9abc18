"""Guarantees of gateway/service/desk.py: one writer always, and whoever holds the store is found."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.keeper.batch import Existing, KeyImport
from gateway.keeper.desk import KeyDesk, KeyDraft, Rotation, RuleBroken
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import StoreUnavailable
from gateway.service.desk import open_desk
from gateway.store.faults import StoreBusy, StoreMissing
from gateway.store.lock import StoreLock
from gateway.store.sqlite import open_sqlite
from tests.support.records import StillClock


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A store without keys."""
    path = tmp_path / "keys.db"
    await (await open_sqlite(path)).close()
    return path


def desk_for(
    path: Path, catalogue: Mapping[str, str] | None = None, patience_s: float = 10.0
) -> AbstractAsyncContextManager[KeyDesk]:
    return open_desk(
        path,
        clock=StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=5,
        catalogue=catalogue or {},
        entropy=os.urandom,
        patience_s=patience_s,
    )


async def test_without_a_server_the_file_is_opened_and_closed_again(path: Path) -> None:
    async with desk_for(path) as desk:
        assert isinstance(desk, Keyring)
        await desk.create(KeyDraft(name="laptop"))
    async with desk_for(path) as desk:
        assert [key.name for key in await desk.list_keys()] == ["laptop"]


async def test_the_file_is_closed_when_the_work_fails(path: Path) -> None:
    with pytest.raises(LookupError):
        async with desk_for(path):
            raise LookupError
    StoreLock(path).release()


async def test_a_running_server_is_asked_under_its_own_rules(path: Path) -> None:
    async with desk_for(path, {"a:b": "what the server allows"}) as near:
        server = ControlServer(lambda: near, path)
        await server.start()
        async with desk_for(path, {"c:d": "what the command allows"}) as far:
            assert isinstance(far, RemoteKeyring)
            await far.create(KeyDraft(name="laptop", scopes=("a:b",)))
        assert (await near.resolve("laptop")).scopes == {"a:b"}
        await server.stop()


async def test_a_holder_that_nobody_can_ask_is_named_after_a_while(path: Path) -> None:
    lock = StoreLock(path)
    with pytest.raises(
        StoreBusy, match=rf"held by another process \(pid {os.getpid()}\).*nobody answers on .*keys\.db\.sock"
    ):
        async with desk_for(path, patience_s=0.0):
            pass
    lock.release()


async def test_a_server_that_is_just_starting_is_waited_for(path: Path) -> None:
    async with desk_for(path) as near:
        far = asyncio.ensure_future(first_name(path))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not far.done()
        await near.create(KeyDraft(name="from the server"))
        server = ControlServer(lambda: near, path)
        await server.start()
        assert await far == ("RemoteKeyring", "from the server")
        await server.stop()


async def test_a_server_that_is_just_stopping_is_waited_for(path: Path) -> None:
    async with desk_for(path) as near:
        await near.create(KeyDraft(name="from the server"))
        far = asyncio.ensure_future(first_name(path))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not far.done()
    assert await far == ("Keyring", "from the server")


async def first_name(path: Path) -> tuple[str, str]:
    async with desk_for(path) as desk:
        return type(desk).__name__, (await desk.list_keys())[0].name


async def test_many_commands_at_once_take_turns_and_lose_nothing(path: Path) -> None:
    async def create(name: str) -> None:
        async with desk_for(path, patience_s=25.0) as desk:
            await desk.create(KeyDraft(name=name))

    await asyncio.gather(*(create(f"key {number}") for number in range(8)))
    async with desk_for(path) as desk:
        assert len(await desk.list_keys()) == 8


async def test_a_file_that_is_refused_is_refused_at_once(path: Path) -> None:
    def spoil() -> None:
        path.write_bytes(b"")

    spoil()
    with pytest.raises(StoreUnavailable, match="is empty"):
        async with desk_for(path):
            pass


# --- Where there is no store


OTHER_ACTS: dict[str, Callable[[KeyDesk], Awaitable[object]]] = {
    "list": lambda desk: desk.list_keys(),
    "resolve": lambda desk: desk.resolve("laptop"),
    "disable": lambda desk: desk.disable("laptop"),
    "enable": lambda desk: desk.enable("laptop"),
    "rotate": lambda desk: desk.rotate("laptop", Rotation(overlap_s=0.0, end_previous=True)),
    "verify": lambda desk: desk.verify("kh_secret"),
    "revoke": lambda desk: desk.revoke("laptop"),
    "delete": lambda desk: desk.delete("laptop"),
}


@pytest.mark.parametrize("act", OTHER_ACTS)
async def test_who_asks_where_there_is_no_store_is_told_so_and_leaves_nothing_behind(
    tmp_path: Path, act: str
) -> None:
    path = tmp_path / "mistyped" / "keys.db"
    async with desk_for(path) as desk:
        with pytest.raises(StoreMissing, match=rf"no store at {path}: .keyhatch keys create"):
            await OTHER_ACTS[act](desk)
    assert files_in(tmp_path) == []


async def test_making_a_key_begins_the_store_and_the_desk_works_on(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.db"
    async with desk_for(path) as desk:
        await desk.create(KeyDraft(name="laptop"))
        await desk.create(KeyDraft(name="phone"))
        for act in OTHER_ACTS.values():
            await act(desk)
        assert [key.name for key in await desk.list_keys("all")] == ["phone"]
    assert files_in(path.parent) == ["keys.db", "keys.db.lock"]
    assert await first_name(path) == ("Keyring", "phone")


async def test_where_the_store_cannot_be_begun_making_a_key_says_why(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "keys.db"
    async with desk_for(path) as desk:
        with pytest.raises(StoreUnavailable, match=rf"{path} cannot be created"):
            await desk.create(KeyDraft(name="laptop"))
    assert files_in(tmp_path) == []


async def test_a_server_that_began_the_store_meanwhile_is_asked_for_the_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    async with desk_for(path) as desk, desk_for(path, {"a:b": "what the server allows"}) as near:
        await near.create(KeyDraft(name="server"))
        server = ControlServer(lambda: near, path)
        await server.start()
        await desk.create(KeyDraft(name="laptop", scopes=("a:b",)))
        assert {key.name for key in await desk.list_keys()} == {"server", "laptop"}
        await server.stop()


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# --- After a sudden end


async def test_a_server_killed_a_moment_ago_leaves_nothing_in_the_way(path: Path) -> None:
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.admin.control import ControlServer
from gateway.keeper.desk import KeyDraft
from tests.support.records import StillClock
from gateway.service.desk import open_desk

async def main():
    path = Path(sys.argv[1])
    options = dict(clock=StillClock(), prefix="kh", default_expiry_s=None, max_active_per_owner=5)
    async with open_desk(path, **options, catalogue={}, entropy=os.urandom) as desk:
        await ControlServer(lambda: desk, path).start()
        await desk.create(KeyDraft(name="from the server"))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(path)], check=False, timeout=20
    )
    assert done.returncode == -9
    assert await first_name(path) == ("Keyring", "from the server")


async def test_what_is_done_to_the_file_is_recorded_under_the_user_who_does_it(path: Path) -> None:
    async with desk_for(path) as desk:
        await desk.create(KeyDraft(name="laptop"))
        [entry] = await desk.audit()
    assert (entry.act, entry.actor, entry.request_id) == ("create", f"host:{os.getuid()}", None)


async def test_where_there_is_no_store_nothing_is_on_record(tmp_path: Path) -> None:
    async with desk_for(tmp_path / "none.db") as desk:
        with pytest.raises(StoreMissing):
            await desk.audit()
        await desk.create(KeyDraft(name="laptop"))
        assert len(await desk.audit()) == 1


async def test_a_trial_import_needs_no_store_and_leaves_none_and_a_real_one_begins_it(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    string = Existing(name="old app", digest=bytes(32), preview="sk-q…")
    async with desk_for(path) as desk:
        tried = await desk.import_keys(KeyImport(existing=(string,), dry_run=True))
        assert [key.name for key in tried.keys] == ["old app"]
        for question in (desk.export_keys, lambda: desk.verify_digests([bytes(32)])):
            with pytest.raises(StoreMissing):
                await question()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a coroutine may ask it
    async with desk_for(path) as desk:
        await desk.import_keys(KeyImport(existing=(string,)))
        assert len(await desk.export_keys()) == 1
        assert len(await desk.verify_digests([bytes(32)])) == 1
        with pytest.raises(RuleBroken):
            await desk.import_keys(KeyImport(existing=(string,), dry_run=True))
