"""What every desk of targets guarantees, the gateway's own and the one that asks it over the socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.target_client import RemoteTargets
from gateway.keeper.desk import RuleBroken
from gateway.keeper.draining import TargetDesk, TargetNotFound, Targets, TargetSeen
from gateway.keeper.ports import KeyNotFound
from gateway.store.memory import MemoryKeyStore
from gateway.wire.targets import State, UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.contract.desk_stand import near
from tests.support.records import NOW, StillClock


class TargetStand:
    """Two upstreams, one of them with two targets, and the store that takes the entries."""

    def __init__(self) -> None:
        targets = tuple(UpstreamTarget(name, "http", "10.9.8.7", 80) for name in ("big", "small"))
        self.clock = StillClock()
        self.store = MemoryKeyStore()
        self.upstreams = {
            "ai": Upstream("ai", "http", "10.9.8.7", 80, targets=targets),
            "one": Upstream("one", "http", "10.9.8.7", 80),
        }
        for upstream in self.upstreams.values():
            upstream.crew.take_over(None, self.clock.monotonic())
        self.desk = Targets(lambda: self.upstreams, self.store, self.clock)


@pytest.fixture
def stand() -> TargetStand:
    return TargetStand()


@pytest.fixture(params=["own", "remote"])
async def desk(
    request: pytest.FixtureRequest, stand: TargetStand, tmp_path: Path
) -> AsyncIterator[TargetDesk]:
    if request.param == "own":
        yield stand.desk
        return
    keyring = near(StillClock()).desk
    server = ControlServer(lambda: keyring, tmp_path / "keys.db", targets=lambda: stand.desk)
    await server.start()
    yield RemoteTargets(RemoteKeyring(tmp_path / "keys.db")).acting("somebody")
    await server.stop()


async def test_each_target_is_told_without_its_address(desk: TargetDesk, stand: TargetStand) -> None:
    big = stand.upstreams["ai"].crew.standings[0]
    big.busy = 2
    for _ in range(3):
        big.failed(stand.clock.monotonic(), stand.upstreams["ai"].eject, "Connection refused")
    stand.clock.time += 60
    told = await desk.list_targets()
    assert told == [
        TargetSeen("ai", "big", State.EJECTED, 2, NOW, "Connection refused"),
        TargetSeen("ai", "small", State.UP, 0, NOW, None),
        TargetSeen("one", "one", State.UP, 0, NOW, None),
    ]
    assert "10.9.8.7" not in repr(told)


async def test_a_target_is_taken_out_and_back_by_name(desk: TargetDesk, stand: TargetStand) -> None:
    crew = stand.upstreams["ai"].crew
    stand.clock.time += 5
    assert await desk.drain("ai", "big") == [TargetSeen("ai", "big", State.DRAINED, 0, NOW + 5, None)]
    assert {crew.pick(0.0) for _ in range(3)} == {crew.standings[1]}
    stand.clock.time += 5
    assert await desk.resume("ai", "big") == [TargetSeen("ai", "big", State.UP, 0, NOW + 10, None)]
    assert {crew.pick(0.0) for _ in range(2)} == set(crew.standings)


async def test_without_a_name_all_of_an_upstream_are_meant(desk: TargetDesk) -> None:
    assert [each.state for each in await desk.drain("ai")] == [State.DRAINED] * 2
    assert [each.state for each in await desk.list_targets()] == [State.DRAINED] * 2 + [State.UP]
    assert [each.state for each in await desk.resume("ai")] == [State.UP] * 2


async def test_each_change_is_recorded_once_with_who_made_it(desk: TargetDesk, stand: TargetStand) -> None:
    await desk.drain("ai", "big")
    await desk.drain("ai", "big")
    await desk.resume("ai", "big")
    entries = await stand.store.audit()
    assert [(each.act, each.key_id) for each in entries] == [("drain", None), ("resume", None)]
    about = {"upstream": "ai", "target": "big"}
    assert [(each.before, each.after) for each in entries] == [
        ({**about, "drained": False}, {**about, "drained": True}),
        ({**about, "drained": True}, {**about, "drained": False}),
    ]
    assert all(each.actor.startswith("host") for each in entries)


async def test_what_cannot_be_recorded_is_not_done(desk: TargetDesk, stand: TargetStand) -> None:
    await stand.store.close()
    with pytest.raises(Exception, match=r"store|gateway"):
        await desk.drain("ai", "big")
    assert not stand.upstreams["ai"].crew.standings[0].is_drained


@pytest.mark.parametrize(
    ("upstream", "target", "message"),
    [
        ("nobody", None, "there is no upstream 'nobody'"),
        ("ai", "tiny", "upstream ai has no target 'tiny'"),
        ("ai", "", "upstream ai has no target ''"),
        ("x" * 500, None, "there is no upstream '" + "x" * 64 + "'"),
    ],
)
async def test_who_is_not_there_is_not_found(
    desk: TargetDesk, upstream: str, target: str | None, message: str
) -> None:
    with pytest.raises(KeyNotFound) as refused:
        await desk.drain(upstream, target)
    assert str(refused.value) == message


async def test_an_actor_of_the_api_is_named_with_the_request(stand: TargetStand) -> None:
    await stand.desk.acting("key_1", "req_1").drain("one")
    [entry] = await stand.store.audit()
    assert (entry.actor, entry.request_id) == ("key_1", "req_1")


async def test_where_nobody_serves_there_are_no_targets(tmp_path: Path) -> None:
    keyring = near(StillClock()).desk
    server = ControlServer(lambda: keyring, tmp_path / "keys.db")
    await server.start()
    with pytest.raises(RuleBroken, match="no upstreams are served here"):
        await RemoteTargets(RemoteKeyring(tmp_path / "keys.db")).list_targets()
    await server.stop()


def test_nobody_is_found_by_the_kind_that_commands_know() -> None:
    assert issubclass(TargetNotFound, KeyNotFound)
