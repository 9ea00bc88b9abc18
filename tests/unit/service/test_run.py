"""Guarantees of gateway/service/run.py: what each signal does, and how the process ends.

The signals are real ones, sent to the test's own process while the gateway runs in it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config.load import Loaded, load
from gateway.config.problems import ConfigError, Problem
from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.service import run as module
from gateway.service.gateway import STOP_S, Addresses, Gateway
from gateway.service.run import INTERRUPTED, run_gateway, serve
from gateway.service.watch import StoreWatch
from tests.support.notified import NotifySocket
from tests.support.records import StillClock
from tests.unit.service.houses import House, Upstream, nothing_left, takes, told, until

Announce = Callable[[Gateway, Addresses], Awaitable[None]]
NO_RELOAD = pytest.fail
NOT_RELOADED = "configuration not reloaded (SIGHUP), the old one stays in force"


def send(number: signal.Signals) -> None:
    """Send a signal to this process; the loop hears of it at its next turn."""
    os.kill(os.getpid(), number)


def sending(number: signal.Signals) -> Announce:
    """Send it as soon as the gateway serves."""

    async def announce(_gateway: Gateway, _addresses: Addresses) -> None:
        send(number)

    return announce


def in_memory(**sections: Any) -> Loaded:
    """A configuration that touches no file."""
    given = {
        "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "store": {"url": "memory:"},
        "logging": {"format": "json"},
        "upstreams": {"main": {"url": "http://127.0.0.1:1"}},
        "routes": [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}],
        **sections,
    }
    return load(None, {}, {}, given=given)


class Serving:
    """`serve` in a task, for a house."""

    def __init__(self, house: House, reload: Callable[[], Loaded] = NO_RELOAD) -> None:
        self.house = house
        self.announced = asyncio.Event()
        self.task = asyncio.create_task(serve(house.built(), reload=reload, announce=self._announce))

    async def until_announced(self) -> None:
        """Wait until the gateway serves."""
        await asyncio.wait(
            {self.task, asyncio.create_task(self.announced.wait())}, return_when="FIRST_COMPLETED"
        )
        assert self.announced.is_set()

    async def _announce(self, gateway: Gateway, addresses: Addresses) -> None:
        assert gateway is self.house.gateway
        self.house.addresses = addresses
        self.announced.set()


# --- A process's whole life


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, INTERRUPTED)])
def test_each_ending_signal_has_its_exit_code(
    number: signal.Signals, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_gateway(in_memory(), StillClock(), reload=NO_RELOAD, announce=sending(number)) == code
    log = capfd.readouterr().err
    assert f"process {os.getpid()}" in log
    assert log.index("serving callers on 127.0.0.1:") < log.index("stopping") < log.index('"stopped"')


@pytest.mark.parametrize("is_there", [True, False])
def test_uvloop_drives_it_where_it_exists(is_there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[str] = []

    async def announce(_gateway: Gateway, _addresses: Addresses) -> None:
        loops.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])
        send(signal.SIGTERM)

    if not is_there:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run_gateway(in_memory(), StillClock(), reload=NO_RELOAD, announce=announce) == 0
    assert loops == ["uvloop" if is_there else "asyncio"]


def test_what_cannot_start_is_raised_and_the_logs_are_put_back() -> None:
    async def scenario() -> asyncio.Server:
        return await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)

    handlers = list(logging.getLogger().handlers)
    with asyncio.Runner() as runner:
        server = runner.run(scenario())
        port = server.sockets[0].getsockname()[1]
        taken = in_memory(server={"proxy": f"127.0.0.1:{port}", "admin": "127.0.0.1:0"})
        with pytest.raises(OSError, match=str(port)):
            run_gateway(taken, StillClock(), reload=NO_RELOAD, announce=sending(signal.SIGTERM))
        server.close()
    assert logging.getLogger().handlers == handlers


# --- The end


async def test_the_first_signal_lets_exchanges_finish(house: House, main: Upstream) -> None:
    serving = Serving(house)
    await serving.until_announced()
    async with house.ask("/held", await house.make_key()) as under_way:
        send(signal.SIGTERM)
        await until(lambda: takes(house.addresses.proxy[1]), "it drains")
        main.release.set()
        assert await under_way.text() == "half whole"
    assert await serving.task == 0


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_cuts_and_the_first_one_is_the_exit_code(
    house: House, main: Upstream, again: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    async with nothing_left():
        serving = Serving(house)
        await serving.until_announced()
        async with house.ask("/held", await house.make_key()) as under_way:
            send(signal.SIGINT)
            await until(lambda: takes(house.addresses.proxy[1]), "it drains")
            send(again)
            assert await serving.task == INTERRUPTED
            with pytest.raises(aiohttp.ClientPayloadError):
                await under_way.read()
        main.release.set()
        await house.callers.close()
    assert told(caplog) == ["told to stop again: exchanges under way were cut"]


@pytest.mark.parametrize("signals", [1, 2, 3])
async def test_a_signal_while_it_starts_ends_it_in_order(
    house: House, monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def dawdle(*_: object) -> None:
        begun.set()
        await go_on.wait()

    monkeypatch.setattr(StoreWatch, "count", dawdle)
    async with nothing_left():
        serving = Serving(house)
        await begun.wait()
        for _ in range(signals):
            send(signal.SIGTERM)
            await asyncio.sleep(0)
        go_on.set()
        assert await serving.task == 0
        await house.callers.close()


async def test_a_failure_to_announce_stops_the_gateway(house: House) -> None:
    async def announce(_gateway: Gateway, addresses: Addresses) -> None:
        house.addresses = addresses
        raise ZeroDivisionError

    async with nothing_left():
        with pytest.raises(ZeroDivisionError):
            await serve(house.built(), reload=NO_RELOAD, announce=announce)
    assert takes(house.addresses.proxy[1])


async def test_who_cancels_it_without_a_signal_is_told_so_and_nothing_is_left(house: House) -> None:
    async with nothing_left():
        serving = Serving(house)
        await serving.until_announced()
        serving.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving.task


# --- SIGHUP


async def test_a_good_reload_is_in_force_and_counted(house: House) -> None:
    routes = [{"id": "open", "path": "/open", "upstream": "main", "public": True}]
    serving = Serving(house, lambda: house.written(routes=routes))
    await serving.until_announced()
    assert await house.status("/open") == 401
    send(signal.SIGHUP)
    await until(lambda: "configuration reloaded" in house.log.getvalue(), "it is reloaded")
    assert await house.text("/open") == "main"
    assert 'keyhatch_config_reloads_total{outcome="success"} 1.0' in await house.metrics()
    send(signal.SIGTERM)
    assert await serving.task == 0


def _problems() -> Loaded:
    raise ConfigError(
        [
            Problem("config.yaml", 3, 5, "server.prxy", "unknown key"),
            Problem("config.yaml", 9, 1, "routes", "no route"),
        ]
    )


def _accident() -> Loaded:
    raise ZeroDivisionError("oops")


@pytest.mark.parametrize(
    ("reload", "lines"),
    [
        pytest.param(
            _problems,
            [
                f"{NOT_RELOADED}: config.yaml:3:5: server.prxy: unknown key",
                f"{NOT_RELOADED}: config.yaml:9:1: routes: no route",
            ],
            id="problems",
        ),
        pytest.param(_accident, [NOT_RELOADED], id="accident"),
    ],
)
async def test_a_bad_reload_names_every_problem_and_changes_nothing(
    house: House, reload: Callable[[], Loaded], lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    serving = Serving(house, reload)
    await serving.until_announced()
    send(signal.SIGHUP)
    await until(lambda: len(caplog.records) > len(lines), "it is told")
    assert told(caplog) == lines
    assert await house.text("/", await house.make_key()) == "main"
    assert 'keyhatch_config_reloads_total{outcome="failure"} 1.0' in await house.metrics()
    send(signal.SIGTERM)
    assert await serving.task == 0


async def test_a_reload_that_is_asked_for_while_it_starts_is_made_when_it_has_started(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def dawdle(*_: object) -> None:
        begun.set()
        await go_on.wait()

    monkeypatch.setattr(StoreWatch, "count", dawdle)
    routes = [{"id": "open", "path": "/open", "upstream": "main", "public": True}]
    serving = Serving(house, lambda: house.written(routes=routes))
    await begun.wait()
    send(signal.SIGHUP)
    await asyncio.sleep(0)
    go_on.set()
    await serving.until_announced()
    assert await house.text("/open") == "main"
    send(signal.SIGTERM)
    assert await serving.task == 0


async def test_where_the_loop_knows_no_signals_it_serves_without(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module.sys, "platform", "win32")  # type: ignore[attr-defined]
        serving = Serving(house)
        await asyncio.sleep(0)
    await serving.until_announced()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    serving.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving.task


# --- Whoever supervises it


async def test_a_supervisor_is_told_of_each_step(
    house: House, main: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NotifySocket(tmp_path / "notify") as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", listener.name)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        serving = Serving(house, house.written)
        await serving.until_announced()
        assert "NOTIFY_SOCKET" not in os.environ
        assert "WATCHDOG_USEC" not in os.environ
        proxy, admin = house.addresses.proxy[1], house.addresses.admin[1]
        where = f"Serving callers on 127.0.0.1:{proxy}, admin on 127.0.0.1:{admin}"
        assert listener.statuses()[1:] == [where]
        assert listener.pings() == 1
        send(signal.SIGHUP)
        await until(lambda: listener.states() == ["READY", "RELOADING", "READY"], "it is reloaded")
        async with house.ask("/held", await house.make_key()) as under_way:
            send(signal.SIGTERM)
            await until(lambda: listener.states()[3:] == ["STOPPING"], "it drains")
            assert listener.messages[-1]["EXTEND_TIMEOUT_USEC"] == f"{STOP_S * 1e6:.0f}"
            main.release.set()
            assert await under_way.text() == "half whole"
        assert await serving.task == 0
        assert len(listener.states()) == 4


async def test_a_gateway_that_cannot_start_is_never_ready(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StoreWatch, "count", fail)
    with NotifySocket(tmp_path / "notify") as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", listener.name)
        async with nothing_left():
            with pytest.raises(ZeroDivisionError):
                await serve(house.built(), reload=NO_RELOAD, announce=sending(signal.SIGTERM))
        assert listener.states() == []
        assert len(listener.read()) == 1


async def test_nobody_vouches_for_a_gateway_that_lost_one_of_its_tasks(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost = asyncio.Event()

    async def lose(*_: object) -> None:
        await lost.wait()
        raise ZeroDivisionError

    monkeypatch.setattr(StoreWatch, "run", lose)
    with NotifySocket(tmp_path / "notify") as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", listener.name)
        monkeypatch.setenv("WATCHDOG_USEC", "4000")
        serving = Serving(house)
        await serving.until_announced()
        await until(lambda: listener.pings() > 2, "all is well")
        lost.set()
        why = "To be started anew by the watchdog: a task of the gateway ended unexpectedly, see the log"
        await until(lambda: listener.statuses()[-1] == why, "it is told")
        pings = listener.pings()
        assert told(caplog) == ["a task of the gateway ended unexpectedly"]
        send(signal.SIGTERM)
        assert await serving.task == 0
        assert listener.pings() == pings


async def test_an_empty_store_is_told_of_once_and_a_filled_one_is_not(house: House) -> None:
    told_of: list[int] = []

    async def on_empty(desk: KeyDesk) -> None:
        told_of.append(len(await desk.list_keys("all")))
        await desk.create(KeyDraft(name="first"))

    for _ in range(2):
        gateway = Gateway(house.written(), house.clock, house.logs, on_empty)
        await gateway.start()
        await gateway.stop()
    assert told_of == [0]
