"""Guarantees of gateway/keeper/draining.py; what every desk guarantees is held by tests/contract."""

from gateway.keeper.draining import Targets
from gateway.store.memory import MemoryKeyStore
from gateway.wire.targets import State
from gateway.wire.upstream import Upstream
from tests.support.records import NOW, StillClock


async def test_what_a_reload_put_in_force_is_what_is_asked() -> None:
    upstreams = {"one": Upstream("one", "http", "a", 1)}
    desk = Targets(lambda: upstreams, MemoryKeyStore(), StillClock())
    assert [(each.upstream, each.since) for each in await desk.list_targets()] == [("one", NOW)]
    upstreams = {"two": Upstream("two", "http", "a", 1)}
    assert [each.state for each in await desk.drain("two")] == [State.DRAINED]
