"""A demo upstream on an ephemeral port, without pauses."""

from collections.abc import AsyncIterator

import pytest

from gateway.demo import Demo, start_demo


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with await start_demo(pause_s=0) as running:
        yield running
