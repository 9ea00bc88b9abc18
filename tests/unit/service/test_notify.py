"""Guarantees of gateway/service/notify.py: what a supervisor is told, and that nothing depends on it."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.config.problems import ConfigError, Problem
from gateway.service import notify as module
from gateway.service.notify import Supervisor, supervisor_of
from tests.support.notified import NotifySocket
from tests.support.records import NOW, StillClock
from tests.unit.service.houses import until

AT = "2027-01-15T08:00:00Z"  # NOW
SERVING = "Serving callers on a"


@dataclass
class Timer:
    """One call that was put off."""

    after_s: float
    act: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Loop:
    """A loop that turns when the test says so."""

    timers: list[Timer] = field(default_factory=list)

    def call_later(self, after_s: float, act: Callable[[], None]) -> Any:
        self.timers.append(Timer(after_s, act))
        return self.timers[-1]

    def turn(self) -> float:
        """Do what is due next; how long that was put off."""
        timer = self.timers.pop(0)
        timer.act()
        return timer.after_s


class Stage:
    """A listener, and who speaks to it."""

    def __init__(self, folder: Path) -> None:
        self.listener = NotifySocket(folder / "notify")
        self.loop = Loop()
        self.trouble: str | None = None

    def supervisor(self, **variables: str) -> Supervisor:
        """Whoever listens, as the gateway finds it."""
        environ = {"NOTIFY_SOCKET": self.listener.name, **variables}
        found = supervisor_of(environ, StillClock(), self.loop.call_later)
        assert found is not None
        return found

    def ready(self, **variables: str) -> Supervisor:
        """The same, told that the gateway serves."""
        supervisor = self.supervisor(**variables)
        supervisor.ready("callers on a", lambda: self.trouble)
        return supervisor


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.listener.close()


# --- Who is told


@pytest.mark.parametrize("named", ["", "@", "/", "relative", "vsock:2:1234", "@" + "x" * 200])
def test_a_socket_that_cannot_be_spoken_to_is_no_trouble(named: str) -> None:
    supervisor = supervisor_of({"NOTIFY_SOCKET": named}, StillClock(), Loop().call_later)
    if supervisor is not None:
        supervisor.ready("a", lambda: None)
        supervisor.close()


def test_where_nobody_is_named_there_is_nobody() -> None:
    assert supervisor_of({"WATCHDOG_USEC": "1"}, StillClock(), Loop().call_later) is None


def test_without_a_descriptor_to_spare_there_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_more)
    assert supervisor_of({"NOTIFY_SOCKET": "/run/x"}, StillClock(), Loop().call_later) is None


def test_its_variables_are_taken_out_so_that_nobody_inherits_them(stage: Stage) -> None:
    environ = {"NOTIFY_SOCKET": stage.listener.name, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    supervisor = supervisor_of(environ, StillClock(), stage.loop.call_later)
    assert supervisor is not None
    assert environ == {"HOME": "/"}
    assert not supervisor._socket.get_inheritable()
    supervisor.close()


def test_an_abstract_socket_is_one_too() -> None:
    name = f"keyhatch-test-{os.getpid()}"
    with NotifySocket(abstract=name) as listener:
        supervisor = supervisor_of({"NOTIFY_SOCKET": f"@{name}"}, StillClock(), Loop().call_later)
        assert supervisor is not None
        assert listener.statuses() == ["Starting: opening the store"]
        supervisor.close()


# --- What is told


def test_ready_says_where_it_serves(stage: Stage) -> None:
    stage.ready().close()
    assert stage.listener.read()[1:] == [{"READY": "1", "STATUS": SERVING}]


def test_a_reload_is_told_from_its_beginning_to_its_end(stage: Stage) -> None:
    supervisor = stage.ready()
    with supervisor.reloading():
        assert stage.listener.states() == ["READY", "RELOADING"]
        assert stage.listener.messages[-1]["MONOTONIC_USEC"] == str(int(NOW * 1e6))
    supervisor.close()
    assert stage.listener.read()[-1] == {
        "READY": "1",
        "STATUS": f"{SERVING}. {AT}: configuration reloaded",
    }


@pytest.mark.parametrize(
    ("accident", "found"),
    [
        (ConfigError([Problem("c.yaml", 1, 2, "a", "hunter2")]), " (1 problem)"),
        (ConfigError([Problem("c.yaml", 1, 2, "a", "hunter2")] * 2), " (2 problems)"),
        (ZeroDivisionError("hunter2"), ""),
    ],
    ids=["one", "two", "accident"],
)
def test_a_reload_that_fails_is_told_in_short_words_without_what_was_written(
    stage: Stage, accident: Exception, found: str
) -> None:
    supervisor = stage.ready()
    with pytest.raises(type(accident)), supervisor.reloading():
        raise accident
    supervisor.close()
    assert stage.listener.states() == ["READY", "RELOADING", "READY"]
    told = "reload failed, the configuration before stays in force: see the log"
    assert stage.listener.statuses()[-1] == f"{SERVING}. {AT}: {told}{found}"


def test_a_reload_makes_nobody_ready_who_is_not(stage: Stage) -> None:
    supervisor = stage.supervisor()
    with supervisor.reloading():
        pass
    assert stage.listener.states() == []
    supervisor.ready("callers on a", lambda: None)
    supervisor.stopping(40)
    with supervisor.reloading():
        pass
    supervisor.close()
    assert stage.listener.states() == ["READY", "STOPPING"]


def test_stopping_asks_for_the_time_that_it_may_take(stage: Stage) -> None:
    supervisor = stage.ready()
    supervisor.stopping(40)
    supervisor.close()
    assert stage.listener.read()[-1] == {
        "STOPPING": "1",
        "EXTEND_TIMEOUT_USEC": "40000000",
        "STATUS": "Stopping: exchanges under way may finish, 40 s at most",
    }


# --- The watchdog


@pytest.mark.parametrize("pid", ["", str(os.getpid())], ids=["unsaid", "ours"])
def test_the_watchdog_hears_of_it_twice_in_its_time(stage: Stage, pid: str) -> None:
    supervisor = stage.ready(WATCHDOG_USEC="30000000", WATCHDOG_PID=pid)
    assert stage.listener.pings() == 1
    assert [stage.loop.turn() for _ in range(3)] == [15.0, 15.0, 15.0]
    assert stage.listener.pings() == 4
    supervisor.close()
    assert [each.is_cancelled for each in stage.loop.timers] == [True]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "9" * 400},
    ],
    ids=["none", "somebody else's", "zero", "no number", "no time"],
)
def test_without_a_watchdog_of_ours_nothing_is_said_to_it(stage: Stage, variables: dict[str, str]) -> None:
    supervisor = stage.ready(**variables)
    assert stage.loop.timers == []
    assert stage.listener.pings() == 0
    supervisor.close()


def test_a_loop_that_does_not_turn_says_nothing(stage: Stage) -> None:
    supervisor = stage.ready(WATCHDOG_USEC="1")
    assert stage.listener.pings() == 1, "however much time passes, only a turn of the loop says it again"
    stage.loop.turn()
    assert stage.listener.pings() == 2
    supervisor.close()


def test_a_gateway_that_lost_a_part_of_itself_says_so_and_falls_silent(stage: Stage) -> None:
    supervisor = stage.ready(WATCHDOG_USEC="2000000")
    stage.trouble = "a task ended"
    stage.loop.turn()
    assert stage.listener.pings() == 1
    assert stage.loop.timers == []
    assert stage.listener.statuses()[-1] == "To be started anew by the watchdog: a task ended"
    supervisor.close()


# --- Nothing depends on it


def test_a_listener_that_has_no_time_is_told_later_and_in_order(stage: Stage) -> None:
    stage.listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    supervisor = stage.ready()
    while not stage.loop.timers:
        with supervisor.reloading():
            pass
    with supervisor.reloading():
        pass
    assert len(stage.loop.timers) == 1, "it waits for one moment only"
    supervisor.stopping(40)
    while stage.loop.timers:
        stage.listener.read()
        assert stage.loop.turn() == module.RETRY_S
    states = stage.listener.states()
    rounds = len(states[1:-1]) // 2
    assert states == ["READY", *["RELOADING", "READY"] * rounds, "STOPPING"]
    supervisor.close()


def test_what_could_not_be_told_in_time_is_not_told_at_the_end(stage: Stage) -> None:
    supervisor = stage.ready()
    while not stage.loop.timers:
        with supervisor.reloading():
            pass
    supervisor.close()
    assert [each.is_cancelled for each in stage.loop.timers] == [True]


def test_a_listener_that_is_gone_is_no_trouble(stage: Stage) -> None:
    supervisor = stage.ready(WATCHDOG_USEC="2000000")
    stage.listener.close()
    stage.loop.turn()
    with supervisor.reloading():
        pass
    supervisor.stopping(1)
    assert len(stage.loop.timers) == 1, "the watchdog's next turn, and nothing to be sent again"
    supervisor.close()


async def test_a_real_loop_calls_the_watchdog_again(stage: Stage) -> None:
    later = asyncio.get_running_loop().call_later
    environ = {"NOTIFY_SOCKET": stage.listener.name, "WATCHDOG_USEC": "2000"}
    supervisor = supervisor_of(environ, StillClock(), later)
    assert supervisor is not None
    supervisor.ready("a", lambda: None)
    await until(lambda: stage.listener.pings() >= 3, "it was called again")
    supervisor.close()
