"""The gauntlet runs on the stand of the conformance suite, on every plane, on the loop that `serve` uses."""

from collections.abc import Callable

import pytest

from gateway.plane import aiohttp_caller, lean_caller
from tests.conformance.conftest import (  # noqa: F401 - fixtures and hooks, found here by their names
    build,
    by_hand,
    plane_name,
    pytest_asyncio_loop_factories,
    pytest_collection_modifyitems,
    pytest_configure,
    stand,
)
from tests.support.tally import REACHED, TRIED

Tell = Callable[..., None]


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tell:
    """Count payloads of a kind on a plane; they count as good if the test passes."""

    def tell(plane: str, kind: str, number: int = 1) -> None:
        record_property(TRIED, (plane, kind, number))

    return tell


@pytest.fixture
def reached(record_property: Callable[[str, object], None]) -> Tell:
    """Count what reached the upstream and should not have."""

    def tell(plane: str, kind: str, number: int) -> None:
        record_property(REACHED, (plane, kind, number))

    return tell


@pytest.fixture(autouse=True)
def soon_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a refused upload is read away: no test waits for it."""
    monkeypatch.setattr(aiohttp_caller, "LINGER_S", 0.2)
    monkeypatch.setattr(lean_caller, "LINGER_S", 0.2)
