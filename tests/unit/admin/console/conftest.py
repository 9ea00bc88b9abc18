"""The console on its stand."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import DummyCookieJar, web

from tests.unit.admin.api.stand import Client, Held
from tests.unit.admin.console.stand import ConsoleStand

Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def stand(aiohttp_client: Serve) -> ConsoleStand:
    made = ConsoleStand()
    made.client = await aiohttp_client(made.app, cookie_jar=DummyCookieJar())
    assert isinstance(made.app, web.Application)
    return made


@pytest.fixture
async def admin(stand: ConsoleStand) -> Held:
    return await stand.admin()
