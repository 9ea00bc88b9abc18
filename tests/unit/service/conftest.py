"""A house for each test, and the upstream it stands before."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.service.houses import House, Upstream, upstream


@pytest.fixture
async def main() -> AsyncIterator[Upstream]:
    async with upstream() as standing:
        yield standing


@pytest.fixture
async def house(tmp_path: Path, main: Upstream) -> AsyncIterator[House]:
    async with House(tmp_path, main) as standing:
        yield standing
