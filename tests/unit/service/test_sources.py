"""Guarantees of gateway/service/sources.py: each gauge asks the part of the gateway that knows."""

from gateway.wire.targets import State
from tests.support.real_upstreams import free_port
from tests.unit.service.houses import House, Upstream, until


async def test_a_running_gateway_tells_how_its_targets_stand(house: House) -> None:
    await house.start()
    told = await house.metrics()
    assert 'keyhatch_upstream_up{target="main",upstream="main"} 1.0' in told
    assert 'keyhatch_upstream_ejections_total{target="main",upstream="main"} 0.0' in told


async def test_what_checks_and_people_found_outlives_a_reload_and_checks_end_with_their_option(
    house: House, main: Upstream
) -> None:
    targets = {"well": main.url, "dead": f"http://127.0.0.1:{free_port()}"}
    checked = {"main": {"targets": targets, "health": {"path": "/", "fall": 1}}}
    gateway = await house.start(upstreams=checked)

    def standings() -> list[State]:
        return [each.state for each in gateway._plane.ground.upstreams["main"].crew.standings]

    await until(lambda: standings() == [State.UP, State.DOWN], "the dead one is found")
    await gateway._targets().drain("main", "well")
    for _ in range(2):
        gateway.reload(house.written(upstreams=checked))
    assert standings() == [State.DRAINED, State.DOWN]
    assert 'keyhatch_upstream_up{target="well",upstream="main"} 0.0' in await house.metrics()
    gateway.reload(house.written(upstreams={"main": {"targets": targets}}))
    assert standings() == [State.DRAINED, State.UP]


async def test_checks_begin_with_the_reload_that_wants_them(house: House) -> None:
    gateway = await house.start()
    dead = {"url": f"http://127.0.0.1:{free_port()}", "health": {"path": "/", "fall": 1}}
    gateway.reload(house.written(upstreams={"main": dead}))
    await until(
        lambda: gateway._plane.ground.upstreams["main"].crew.standings[0].is_down, "the dead one is found"
    )
