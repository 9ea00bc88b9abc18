"""One suite for every data plane: each test here runs once per name in `PLANES`.

A plane may differ only where docs/planes.md says so: `@pytest.mark.differs("aiohttp", "trailers")` on a test
or a case expects it to fail on that plane, strictly, and the second word must open a row of that document.

The suite runs on the loop that `keyhatch serve` runs on, uvloop where it exists; with
CONFORMANCE_LOOP=asyncio it runs on the standard library's.
"""

import asyncio
import importlib.util
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.plane_stand import PLANES, SECRETS, Setting, Stand

PLANES_DOCUMENT = Path(__file__).parents[2] / "docs" / "planes.md"

BuildStand = Callable[..., Awaitable[Stand]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "differs(plane, row): fails on this plane; docs/planes.md has the row")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    document = PLANES_DOCUMENT.read_text("utf-8")
    for item in items:
        for marker in item.iter_markers("differs"):
            plane, row = marker.args
            if f"\n| {row} |" not in document:
                raise pytest.UsageError(f"{item.nodeid}: docs/planes.md has no row '{row}'")
            if _plane_of(item) == plane:
                item.add_marker(pytest.mark.xfail(strict=True, reason=f"docs/planes.md: {row}"))


def _plane_of(item: pytest.Item) -> str | None:
    callspec: Any = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("plane_name")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if importlib.util.find_spec("uvloop") is None or os.environ.get("CONFORMANCE_LOOP") == "asyncio":
        return {"asyncio": asyncio.new_event_loop}
    import uvloop  # noqa: PLC0415 - absent on Windows

    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(PLANES))
def plane_name(request: pytest.FixtureRequest) -> str:
    name = request.param
    assert isinstance(name, str)
    return name


@pytest.fixture
async def build(plane_name: str, caplog: pytest.LogCaptureFixture) -> AsyncIterator[BuildStand]:
    """Build stands with a setting of their own: `stand = await build(limits=Limits(...))`."""
    caplog.set_level(logging.DEBUG)
    stands: list[Stand] = []

    async def build_stand(**setting: Any) -> Stand:
        stand = Stand(plane_name, Setting(**setting))
        stands.append(stand)
        await stand.start()
        return stand

    yield build_stand
    for stand in stands:
        await stand.stop()
    assert not [secret for secret in SECRETS if secret.decode("ascii") in caplog.text], "a secret was logged"


@pytest.fixture
async def stand(build: BuildStand) -> Stand:
    """The stand as most tests want it: every request is answered 200 `ok`."""
    return await build()


@pytest.fixture
async def by_hand(build: BuildStand) -> Stand:
    """The stand with an upstream that the test drives itself."""
    return await build(script=None)
