"""The stand on which the management API is tested."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tests.unit.admin.api.stand import Client, Held, Stand

Serve = Callable[[web.Application], Awaitable[Client]]


@pytest.fixture
async def stand(aiohttp_client: Serve) -> Stand:
    made = Stand()
    made.client = await aiohttp_client(made.app)
    return made


@pytest.fixture
async def admin(stand: Stand) -> Held:
    return await stand.admin()
