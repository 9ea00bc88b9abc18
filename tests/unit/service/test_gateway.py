"""Guarantees of gateway/service/gateway.py: it starts and reloads whole or not at all, and closes in order.

What each room does is tested in its own place; here is only how they are put together.
"""

import asyncio
import json
import logging
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from gateway.admin.control_client import RemoteKeyring
from gateway.core.policy import moment
from gateway.keeper.desk import KeyDraft, RuleBroken
from gateway.keeper.ports import StoreUnavailable
from gateway.service import gateway as module
from gateway.service import lender
from gateway.service.for_life import FOR_LIFE
from gateway.service.watch import StoreWatch
from gateway.store.faults import StoreBusy
from gateway.store.lock import StoreLock
from gateway.store.sqlite import open_sqlite
from tests.support.real_upstreams import free_ports
from tests.support.records import NOW
from tests.unit.service.houses import (
    OTHERWISE,
    House,
    Upstream,
    nothing_left,
    takes,
    told,
    until,
    upstream,
)

Spoil = Callable[[House, int, int], object]


# --- Start


async def test_a_start_opens_every_listener_and_says_where(house: House) -> None:
    await house.start()
    host, port = house.addresses.proxy
    assert (host, port > 0) == ("127.0.0.1", True)
    assert await house.status("/anything") == 401
    assert (await house.ask_admin("/healthz"))[0] == 200
    assert house.addresses.control == house.socket
    assert stat.S_IMODE(house.socket.stat().st_mode) == 0o600
    assert await RemoteKeyring(house.store).is_there()


async def test_the_started_gateway_is_the_stores_only_writer(house: House) -> None:
    await house.start()
    with pytest.raises(StoreBusy):
        await open_sqlite(house.store)


async def test_a_key_made_over_the_control_socket_works_at_once_and_so_does_its_end(house: House) -> None:
    await house.start()
    desk = RemoteKeyring(house.store)
    _, secret = await desk.create(KeyDraft(name="laptop"))
    assert await house.text("/", secret.reveal()) == "main"
    await desk.revoke("laptop")
    assert await house.status("/", secret.reveal()) == 401


async def test_a_store_in_memory_needs_no_file_and_no_socket(house: House) -> None:
    await house.start(store={"url": "memory:"})
    assert house.addresses.control is None
    assert await house.text("/", await house.make_key()) == "main"
    assert [path.name for path in house.folder.iterdir()] == ["config.yaml"]


def _occupied(port: int) -> Callable[[], Awaitable[asyncio.Server]]:
    return lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", port)


def _corrupt(house: House, _proxy: int, _admin: int) -> None:
    house.store.write_bytes(b"no database" * 500)


def _busy(house: House, _proxy: int, _admin: int) -> StoreLock:
    return StoreLock(house.store)


def _no_socket(house: House, _proxy: int, _admin: int) -> None:
    house.socket.write_text("in the way")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        pytest.param(lambda _h, proxy, _a: _occupied(proxy)(), OSError, id="proxy-port-taken"),
        pytest.param(lambda _h, _p, admin: _occupied(admin)(), OSError, id="admin-port-taken"),
        pytest.param(_corrupt, StoreUnavailable, id="store-corrupt"),
        pytest.param(_busy, StoreBusy, id="store-busy"),
        pytest.param(_no_socket, StoreUnavailable, id="no-place-for-the-socket"),
    ],
)
async def test_a_start_that_fails_half_way_leaves_nothing_open(
    house: House, spoil: Spoil, expected: type[Exception]
) -> None:
    proxy, admin = free_ports(2)
    spoiled = spoil(house, proxy, admin)
    taken = await spoiled if isinstance(spoiled, Awaitable) else spoiled
    gateway = house.built(server={"proxy": f"127.0.0.1:{proxy}", "admin": f"127.0.0.1:{admin}"})
    async with nothing_left():
        with pytest.raises(expected):
            await gateway.start()
    if isinstance(taken, asyncio.Server):
        taken.close()
    if isinstance(taken, StoreLock):
        taken.release()
    assert not house.socket.is_socket()
    assert takes(proxy)
    assert takes(admin)
    StoreLock(house.store).release()


@pytest.mark.parametrize("room", ["open_sqlite", "StoreWatch", "LeanPlane"])
async def test_a_start_that_is_cancelled_leaves_nothing_open(
    house: House, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    reached = asyncio.Event()

    async def never(*_: object, **__: object) -> Any:
        reached.set()
        await asyncio.Event().wait()

    if room == "open_sqlite":
        monkeypatch.setattr(module, room, never)
    else:
        monkeypatch.setattr(getattr(module, room), {"StoreWatch": "count", "LeanPlane": "start"}[room], never)
    gateway = house.built()
    async with nothing_left():
        start = asyncio.create_task(gateway.start())
        await reached.wait()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
    StoreLock(house.store).release()


# --- Stop


async def test_a_stop_closes_everything_and_stopping_again_is_harmless(house: House) -> None:
    async with nothing_left():
        gateway = await house.start()
        assert await house.text("/", await house.make_key()) == "main"
        await gateway.stop()
        await gateway.stop()
        await house.callers.close()
    assert takes(house.addresses.proxy[1])
    assert takes(house.addresses.admin[1])
    StoreLock(house.store).release()


async def test_stopping_what_was_never_started_is_harmless(house: House) -> None:
    await house.built().stop()


async def test_a_stop_drains_then_flushes_then_closes(house: House, main: Upstream) -> None:
    gateway = await house.start()
    key = await house.make_key()
    async with house.ask("/held", key) as under_way:
        await until(lambda: main.held, "the answer is under way")
        stop = asyncio.create_task(gateway.stop())
        await until(lambda: takes(house.addresses.proxy[1]), "no new connection is taken")
        with pytest.raises(aiohttp.ClientConnectorError):
            await house.status("/", key)
        # The rest of the house still stands for those who are being served: admin, control socket, store.
        assert (await house.ask_admin("/readyz"))[0] == 200
        assert (await RemoteKeyring(house.store).resolve("laptop")).use_count == 1
        assert not stop.done()
        main.release.set()
        assert await under_way.text() == "half whole"
    await stop
    store = await open_sqlite(house.store)
    assert [record.use_count for record in await store.list_keys()] == [1]
    await store.close()


async def test_what_does_not_end_within_the_grace_is_cut(
    house: House, main: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_GRACE_S", 0.05)
    gateway = await house.start()
    async with house.ask("/held", await house.make_key()) as under_way:
        await gateway.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await under_way.read()


async def test_a_stop_that_is_cancelled_cuts_flushes_and_closes(house: House, main: Upstream) -> None:
    async with nothing_left():
        gateway = await house.start()
        key = await house.make_key()
        async with house.ask("/held", key) as under_way:
            stop = asyncio.create_task(gateway.stop())
            await until(lambda: takes(house.addresses.proxy[1]), "it drains")
            stop.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stop
            with pytest.raises(aiohttp.ClientPayloadError):
                await under_way.read()
        main.release.set()
        await house.callers.close()
    store = await open_sqlite(house.store)
    assert [record.use_count for record in await store.list_keys()] == [1]
    await store.close()


async def test_a_task_that_ends_by_an_accident_is_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(StoreWatch, "run", stumble)
    await house.start()
    await until(lambda: caplog.records, "it is logged")
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert "oops" in caplog.text
    assert await house.text("/", await house.make_key()) == "main"


# --- Readiness and metrics


async def test_it_is_ready_as_long_as_store_and_configuration_are_whole(house: House) -> None:
    gateway = await house.start()
    assert (await house.ask_admin("/readyz"))[0] == 200
    whole = gateway._plane.ground
    gateway._plane.ground = replace(whole, upstreams={})
    status, body = await house.ask_admin("/readyz")
    assert (status, '"name": "configuration", "state": "failed"' in body) == (503, True)
    gateway._plane.ground = whole
    house.store.rename(house.folder / "elsewhere.db")
    status, body = await house.ask_admin("/readyz")
    assert (status, '"name": "store", "state": "failed"' in body) == (503, True)
    assert (await house.ask_admin("/healthz"))[0] == 200
    (house.folder / "elsewhere.db").rename(house.store)
    assert (await house.ask_admin("/readyz"))[0] == 200


async def test_after_a_reload_that_failed_it_is_ready_and_says_since_when(house: House) -> None:
    gateway = await house.start()
    gateway.metrics.config_reloaded(success=False)
    status, body = await house.ask_admin("/readyz")
    (warned,) = [check for check in json.loads(body)["checks"] if check["name"] == "configuration"]
    assert (status, warned["state"]) == (200, "warning")
    assert warned["detail"] == f"reload failed since {moment(NOW)}; the configuration before it is in force"
    gateway.metrics.config_reloaded(success=True)
    assert "warning" not in (await house.ask_admin("/readyz"))[1]


async def test_a_scrape_shows_what_each_room_knows(house: House, main: Upstream) -> None:
    await house.start()
    key = await house.make_key()
    async with house.ask("/held", key) as under_way:
        await under_way.content.readany()
        house.clock.time += 3
        lines = await house.metrics()
        main.release.set()
    assert "keyhatch_live_streams 1.0" in lines
    assert "keyhatch_requests_in_flight 1.0" in lines
    assert "keyhatch_last_used_pending 1.0" in lines
    assert "keyhatch_last_used_flush_lag_seconds 3.0" in lines
    assert "keyhatch_log_lines_dropped_total 0.0" in lines
    counts = {f'keyhatch_keys{{status="active"}} {count}' for count in (0.0, 1.0)}
    assert counts & set(lines)  # counted at the start, and by the watch whenever it comes round
    assert "keyhatch_config_last_reload_success_timestamp_seconds 1.8e+09" in lines


async def test_a_start_counts_the_keys_there_are(house: House) -> None:
    gateway = await house.start()
    assert not gateway.keys_counted
    await house.make_key()
    await gateway.stop()
    assert (await house.start()).keys_counted
    assert 'keyhatch_keys{status="active"} 1.0' in await house.metrics()


# --- Reload


async def test_a_reload_swaps_routes_and_upstreams(house: House) -> None:
    gateway = await house.start()
    key = await house.make_key()
    assert await house.text("/voice", key) == "main"
    async with upstream("second") as second:
        upstreams = {"voice": {"url": second.url}}
        routes = [{"id": "voice", "path": "/voice", "upstream": "voice", "scopes": []}]
        gateway.reload(house.written(upstreams=upstreams, routes=routes))
        assert await house.text("/voice", key) == "second"
        assert await house.status("/other", key) == 404
        assert 'keyhatch_requests_total{code="200",method="GET",route="voice"} 1.0' in await house.metrics()
        assert (await house.ask_admin("/readyz"))[0] == 200


async def test_an_exchange_under_way_finishes_on_the_ground_it_began_on(house: House, main: Upstream) -> None:
    gateway = await house.start()
    key = await house.make_key()
    async with upstream("second") as second, house.ask("/held", key) as under_way:
        await until(lambda: main.held, "it is under way")
        gateway.reload(house.written(upstreams={"main": {"url": second.url}}))
        assert await house.text("/", key) == "second"
        main.release.set()
        assert await under_way.text() == "half whole"


async def test_a_reload_swaps_limits(house: House) -> None:
    gateway = await house.start()
    key = await house.make_key()
    assert await house.status("/", key, method="POST", data=b"12345") == 200
    gateway.reload(house.written(limits={"body": "4B"}))
    assert await house.status("/", key, method="POST", data=b"12345") == 413


async def test_a_reload_swaps_what_keys_may_hold_and_how_many_there_may_be(house: House) -> None:
    gateway = await house.start()
    with pytest.raises(RuleBroken, match="models:read"):
        await house.make_key("one", "models:read")
    keys = {"default_expiry": "1d", "max_active_per_owner": 1, "last_used_flush": "1h"}
    gateway.reload(house.written(scopes={"models:read": "List models"}, keys=keys))
    await house.make_key("one", "models:read", owner="ada")
    assert (await gateway.keyring.resolve("one")).expires_at == NOW + 86_400
    with pytest.raises(RuleBroken, match="ada"):
        await house.make_key("two", owner="ada")


async def test_a_reload_switches_access_log_and_level(house: House) -> None:
    gateway = await house.start()
    await house.status("/first")
    gateway.reload(house.written(logging={"access": False, "level": "error"}))
    assert logging.getLogger("gateway").level == logging.ERROR
    await house.status("/second")
    gateway.reload(house.written(logging={"access": True, "level": "info"}))
    await house.status("/third")
    assert house.exchanges() == ["/first", "/third"]


@pytest.mark.parametrize("name", [name for name in FOR_LIFE if name != "server.tls.admin"])
async def test_a_reload_tells_of_what_takes_a_restart_until_it_is_taken_back(
    house: House, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    gateway = await house.start()
    warning = [f"{name.removesuffix('_s')} changed, which takes a restart; the old value stays"]
    assert gateway.reload(house.written(**OTHERWISE[name])).changed == ()
    assert told(caplog) == warning
    gateway.reload(house.written(**OTHERWISE[name]))
    assert told(caplog) == warning
    gateway.reload(house.written())
    assert told(caplog) == []


async def test_keys_keep_the_prefix_that_the_gateway_knows_however_often_it_is_reloaded(house: House) -> None:
    gateway = await house.start()
    for _ in range(2):
        gateway.reload(house.written(**OTHERWISE["keys.prefix"]))
        key = await house.make_key()
        assert key.startswith("kh_")
        assert await house.text("/", key) == "main"
        await gateway.keyring.revoke("laptop")
        await gateway.keyring.delete("laptop")


@pytest.mark.parametrize("step", ["table_of", "ground_of"])
async def test_a_reload_that_fails_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    def fail(*_: object, **_more: object) -> None:
        raise RuntimeError("oops")

    gateway = await house.start()
    other = house.written(
        routes=[{"id": "other", "path": "/other", "upstream": "main", "public": True}],
        limits={"body": "1B"},
        scopes={"a:b": ""},
        logging={"access": False, "level": "error"},
        **OTHERWISE["store.url"],
    )
    with monkeypatch.context() as patch:
        patch.setattr(lender if step == "ground_of" else module, step, fail)
        with pytest.raises(RuntimeError):
            gateway.reload(other)
    assert told(caplog) == []
    assert logging.getLogger("gateway").level == logging.INFO
    with pytest.raises(RuleBroken, match="a:b"):
        await house.make_key("one", "a:b")
    assert await house.status("/other", await house.make_key(), method="POST", data=b"12345") == 200
    assert not any('route="other"' in line for line in await house.metrics())
    assert house.exchanges() == ["/other"]
