"""What the tests of faults stand on: the stand of the conformance suite, and homes for the real command.

A test that concerns a data plane asks for `build` or `stand` (the plane itself, in this process) or for
`served_plane` (the real command), and runs once for each plane.
"""

from pathlib import Path

import pytest

from tests.conformance.conftest import build, plane_name, pytest_asyncio_loop_factories, stand
from tests.integration.conftest import _no_proxy_between
from tests.support.plane_stand import PLANES
from tests.support.running_gateway import Home

__all__ = ["_no_proxy_between", "build", "plane_name", "pytest_asyncio_loop_factories", "stand"]

TIMEOUT_S = 90  # processes are started and waited for, perhaps on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder of the test's own."""
    return Home(tmp_path)


@pytest.fixture(params=sorted(PLANES))
def served_plane(request: pytest.FixtureRequest) -> str:
    """The name of the plane that `keyhatch serve` is to use."""
    name = request.param
    assert isinstance(name, str)
    return name


def on_plane(name: str) -> dict[str, str]:
    """The section `server` of a configuration: free ports, this plane."""
    return {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": name}
