"""Guarantees of gateway/service/sources.py: each gauge asks the part of the gateway that knows."""

from tests.unit.service.houses import House


async def test_a_running_gateway_tells_how_its_targets_stand(house: House) -> None:
    await house.start()
    told = await house.metrics()
    assert 'keyhatch_upstream_up{target="main",upstream="main"} 1.0' in told
    assert 'keyhatch_upstream_ejections_total{target="main",upstream="main"} 0.0' in told
