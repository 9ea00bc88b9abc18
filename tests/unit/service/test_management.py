"""Guarantees of gateway/service/management.py: API and console are there, over the gateway that runs."""

import json

import pytest

from tests.unit.service.houses import House


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/console/", 200), ("/console/session", 401), ("/api/v1/me", 401), ("/nothing", 404)],
)
async def test_api_and_console_are_served(house: House, path: str, status: int) -> None:
    await house.start()
    assert (await house.ask_admin(path))[0] == status


async def test_a_page_is_told_where_callers_knock(house: House) -> None:
    await house.start()
    secret = await house.make_key("admin", "keyhatch:admin")
    host, port = house.addresses.admin
    async with house.callers.post(f"http://{host}:{port}/console/session", json={"key": secret}) as answer:
        told = json.loads(await answer.text())
    assert (told["proxy"]["host"], told["proxy"]["port"]) == house.addresses.proxy[:2]
