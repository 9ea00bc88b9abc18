"""The command line beside a running server, without one, and in its way: there is one writer always."""

import os
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


@pytest.fixture
def home(home: Home, upstream: LastingUpstream) -> Home:
    home.configure(upstream.url)
    return home


@pytest.fixture
def gateway(home: Home) -> Iterator[RunningGateway]:
    with home.serve() as gateway:
        yield gateway


def verdict(gateway: RunningGateway, key: str) -> tuple[int, str | None]:
    answer = gateway.ask("/held", key=key)
    return answer.status, answer.reason


def test_a_running_server_honours_every_change_at_once(home: Home, gateway: RunningGateway) -> None:
    key = home.create("Plugin")
    returned = time.monotonic()
    assert verdict(gateway, key) == (200, None)
    assert time.monotonic() - returned < 1.0
    home.keys("disable", "Plugin")
    assert verdict(gateway, key) == (401, "key_disabled")
    home.keys("enable", "Plugin")
    assert verdict(gateway, key) == (200, None)
    newer = home.keys("rotate", "Plugin", "-q").out.strip()
    assert (verdict(gateway, key), verdict(gateway, newer)) == ((200, None), (200, None))
    home.keys("revoke", "Plugin", "--yes")
    assert {verdict(gateway, key), verdict(gateway, newer)} == {(401, "key_revoked")}
    home.keys("delete", "Plugin", "--yes")
    assert {verdict(gateway, key), verdict(gateway, newer)} == {(401, "key_unknown")}
    assert "another program changed the store" not in gateway.log


def test_a_key_just_refused_as_unknown_works_as_soon_as_it_is_made(
    home: Home, upstream: LastingUpstream
) -> None:
    elsewhere = Home(home.folder / "elsewhere")
    elsewhere.folder.mkdir()
    key = elsewhere.make_key("Moved")
    with home.serve() as gateway:
        assert verdict(gateway, key) == (401, "key_unknown")
        assert gateway.stop() == 0
    elsewhere.store.rename(home.store)
    with home.serve() as gateway:
        assert verdict(gateway, key) == (200, None)


def test_the_commands_work_with_no_server_running(home: Home) -> None:
    key = home.create("Early bird", "--owner", "anna", "--scope", "chat:*")
    assert [(each["name"], each["owner"]) for each in home.keys("list", "-o", "json").data] == [
        ("Early bird", "anna")
    ]
    assert home.keyhatch("keys", "verify", given=key).code == 0
    home.keys("disable", "Early bird")
    assert home.keyhatch("keys", "verify", given=key).code == 4
    with home.serve() as gateway:
        assert verdict(gateway, key) == (401, "key_disabled")


def test_commands_at_the_same_time_wait_for_each_other(home: Home) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda number: home.create(f"Key {number}"), range(4)))
    assert len(set(keys)) == 4
    assert len(home.keys("list", "-o", "json").data) == 4


def test_a_second_server_on_the_same_store_is_refused_and_the_first_goes_on(
    home: Home, gateway: RunningGateway
) -> None:
    key = home.make_key("Steady")
    ran = home.keyhatch("serve")
    assert ran.code == 1
    assert f"{home.store} is held by another process (pid {gateway.process.pid})" in ran.err
    assert "stop it, or wait until it is done" in ran.err
    assert "Traceback" not in ran.err
    assert verdict(gateway, key) == (200, None)
    assert home.keys("list", "-o", "json").data[0]["use_count"] == 1


@pytest.mark.parametrize("flag", ["--proxy", "--admin"])
def test_a_taken_port_is_said_at_the_start_and_nothing_is_left_behind(home: Home, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = home.keyhatch("serve", flag, f"127.0.0.1:{port}")
    assert ran.code == 1
    assert "already in use" in ran.err
    assert f"127.0.0.1:{port} (server.{flag[2:]})" in ran.err
    assert f"Choose another with {flag} HOST:PORT" in ran.err
    assert "Traceback" not in ran.err
    assert not home.store.with_name("keyhatch.db.sock").exists()


def test_a_server_killed_outright_leaves_nothing_that_blocks_the_next(home: Home) -> None:
    gateway = home.serve()
    key = home.make_key("Survivor")
    gateway.kill()
    assert home.store.with_name("keyhatch.db.sock").exists()
    assert {each["name"] for each in home.keys("list", "-o", "json").data} == {"Survivor", "admin"}
    with home.serve() as again:
        assert verdict(again, key) == (200, None)
        assert home.create("After it")


def test_files_are_readable_by_their_owner_alone(home: Home, gateway: RunningGateway) -> None:
    home.make_key("Any")
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.folder.glob("keyhatch.db*")}
    assert found == dict.fromkeys(
        ("keyhatch.db", "keyhatch.db-wal", "keyhatch.db-shm", "keyhatch.db.lock", "keyhatch.db.sock"), 0o600
    )


def test_after_an_orderly_stop_only_the_store_and_its_lock_remain(home: Home) -> None:
    with home.serve():
        home.make_key("Any")
    assert sorted(path.name for path in home.folder.glob("keyhatch.db*")) == [
        "keyhatch.db",
        "keyhatch.db.lock",
    ]


@pytest.mark.parametrize("depth", [pytest.param(12, id="deep")])
def test_a_store_deep_in_the_tree_still_has_its_socket(
    home: Home, upstream: LastingUpstream, depth: int
) -> None:
    deep = Home(home.folder.joinpath(*["a-folder-with-a-long-name"] * depth))
    deep.folder.mkdir(parents=True)
    assert len(os.fsencode(deep.store)) > 250
    deep.configure(upstream.url)
    with deep.serve() as gateway:
        assert verdict(gateway, deep.make_key("Deep")) == (200, None)
