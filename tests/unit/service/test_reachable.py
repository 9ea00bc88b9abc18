"""Guarantees of gateway/service/reachable.py: upstreams are knocked at seldom, none for long."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.api.ask import Knocked, Unreachable
from gateway.service import reachable as module
from gateway.service.reachable import KEPT_S, PATIENCE_S, Names, Reachable, knock
from gateway.wire.targets import Check, UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.support.real_upstreams import free_port
from tests.support.records import NOW, StillClock
from tests.unit.service.houses import until


def at(host: str = "127.0.0.1", port: int = 80) -> UpstreamTarget:
    return UpstreamTarget("main", "http", host, port)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


class Door:
    """Stands for all upstreams: counts who knocks, and answers when the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.knocks: list[str] = []
        self.problem: Unreachable | None = None
        self.problems: dict[str, Unreachable] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.upstreams = {name: Upstream(name, "http", name, 80) for name in ("one", "two")}
        self.clock = StillClock()
        self.reachable = Reachable(lambda: self.upstreams, self.clock)
        monkeypatch.setattr(module, "knock", self._knock)

    async def _knock(self, target: UpstreamTarget, _names: Names) -> Unreachable | None:
        self.knocks.append(target.name)
        await self.open.wait()
        return self.problems.get(target.name, self.problem)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(monkeypatch)


async def test_each_upstream_is_told_by_its_name_in_order(door: Door) -> None:
    assert await door.reachable.look() == (Knocked("one", NOW, None), Knocked("two", NOW, None))


async def test_who_asks_soon_again_is_told_the_same(door: Door) -> None:
    first = await door.reachable.look()
    door.clock.time += KEPT_S - 1
    assert await door.reachable.look() is first
    assert door.knocks == ["one", "two"]


async def test_who_asks_later_is_told_what_is_then(door: Door) -> None:
    await door.reachable.look()
    door.clock.time += KEPT_S
    door.problem = Unreachable.REFUSED
    del door.upstreams["two"]
    assert await door.reachable.look() == (Knocked("one", NOW + KEPT_S, Unreachable.REFUSED),)


async def test_many_who_ask_at_once_knock_once_and_all_upstreams_side_by_side(door: Door) -> None:
    door.open.clear()
    asking = [asyncio.create_task(door.reachable.look()) for _ in range(20)]
    await until(lambda: len(door.knocks) == 2, "all upstreams are knocked at")
    door.open.set()
    told = await asyncio.gather(*asking)
    assert door.knocks == ["one", "two"]
    assert set(told) == {told[0]}


async def test_who_goes_while_waiting_leaves_the_others_their_answer(door: Door) -> None:
    door.open.clear()
    first, second = (asyncio.create_task(door.reachable.look()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    door.open.set()
    assert len(await second) == 2
    assert first.cancelled()


def several(door: Door) -> Upstream:
    targets = tuple(UpstreamTarget(name, "http", name, 80) for name in ("a", "b"))
    door.upstreams = {"many": Upstream("many", "http", "a", 80, targets=targets)}
    return door.upstreams["many"]


async def test_of_several_targets_one_that_listens_is_enough(door: Door) -> None:
    several(door)
    door.problems = {"a": Unreachable.REFUSED}
    assert await door.reachable.look() == (Knocked("many", NOW, None),)
    door.clock.time += KEPT_S
    door.problems["b"] = Unreachable.SILENT
    assert await door.reachable.look() == (Knocked("many", NOW + KEPT_S, Unreachable.REFUSED),)


async def test_who_fails_its_check_counts_as_down_and_who_is_drained_not_at_all(door: Door) -> None:
    a, b = several(door).crew.standings
    a.checked(0.0, Check("/", fall=1), "503")
    b.drain(0.0, drained=True)
    assert await door.reachable.look() == (Knocked("many", NOW, Unreachable.UNWELL),)
    a.drain(0.0, drained=True)
    door.clock.time += KEPT_S
    assert await door.reachable.look() == (Knocked("many", NOW + KEPT_S, Unreachable.DRAINED),)
    assert door.knocks == []


async def test_a_unix_socket_is_knocked_at_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        listening.listen()
        assert await knock(UpstreamTarget("u", "http", "localhost", 80, os.fspath(path)), Names()) is None
    assert (
        await knock(UpstreamTarget("u", "http", "localhost", 80, "/nowhere"), Names()) is Unreachable.NO_WAY
    )


async def test_where_there_is_no_upstream_nothing_is_told() -> None:
    assert await Reachable(dict, StillClock()).look() == ()


async def test_one_that_listens_is_up_and_is_sent_nothing(listener: socket.socket) -> None:
    assert await knock(at(port=listener.getsockname()[1]), Names()) is None
    accepted, _ = listener.accept()
    with accepted:
        assert accepted.recv(1) == b""


async def test_one_that_listens_at_another_address_of_its_name_is_up(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("127.0.0.1", listener.getsockname()[1])
    leads_to(monkeypatch, ("127.0.0.1", free_port()), here)
    assert await knock(at("two-places"), Names()) is None


async def test_a_closed_port_refuses() -> None:
    assert await knock(at(port=free_port()), Names()) is Unreachable.REFUSED


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Whatever the name, it leads to these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]

    async def addresses_of(*_: object, **__: object) -> Any:
        return found

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses_of)


async def test_of_a_name_that_hangs_one_look_up_is_under_way_however_often_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look-up holds a thread that callers' connections need too, and nobody can call it back."""
    began: list[object] = []
    answered = asyncio.Event()

    async def addresses_of(*asked: object, **_: object) -> Any:
        began.append(asked)
        await answered.wait()
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses_of)
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    names = Names()
    for _ in range(3):
        assert await knock(at("hangs"), names) is Unreachable.SILENT
    assert len(began) == 1
    answered.set()
    await until(lambda: not names.under_way, "the look-up ends, and nobody waits for it")
    monkeypatch.setattr(module, "PATIENCE_S", PATIENCE_S)
    assert await knock(at("hangs"), names) is Unreachable.NAME_NOT_FOUND
    assert len(began) == 2


async def test_a_name_without_an_address_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch)
    assert await knock(at("empty"), Names()) is Unreachable.NO_WAY


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        (socket.gaierror(-2, "Name or service not known"), Unreachable.NAME_NOT_FOUND),
        (ConnectionRefusedError(), Unreachable.REFUSED),
        (TimeoutError(), Unreachable.SILENT),
        (OSError(errno.EHOSTUNREACH, "No route to host 10.0.0.1"), Unreachable.NO_WAY),
    ],
)
async def test_whatever_goes_wrong_is_one_of_few_sentences(
    monkeypatch: pytest.MonkeyPatch, trouble: OSError, problem: Unreachable
) -> None:
    async def fail(_target: UpstreamTarget, _names: Names) -> None:
        raise trouble

    monkeypatch.setattr(module, "_connect", fail)
    assert await knock(at(), Names()) is problem


async def test_one_that_stays_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_target: UpstreamTarget, _names: Names) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "_connect", never)
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    assert await knock(at(), Names()) is Unreachable.SILENT


def test_the_sentence_about_silence_names_the_patience() -> None:
    assert Unreachable.SILENT.value == f"does not answer within {PATIENCE_S:g} s"
