"""What the end-to-end tests stand on: a home for the real command, and a gateway before the demo upstream."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo import demo_settings
from tests.support.no_proxy import no_proxy
from tests.support.real_upstreams import DemoUpstream
from tests.support.running_gateway import Home, RunningGateway

TIMEOUT_S = 90  # processes are started and waited for, perhaps on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def _no_proxy_between() -> Iterator[None]:
    with no_proxy():
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder of the test's own."""
    return Home(tmp_path)


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One folder for a whole file, configured for a demo upstream that runs as long."""
    home = Home(tmp_path_factory.mktemp("demo"))
    with DemoUpstream() as upstream:
        settings = demo_settings(upstream.url)
        listeners = {"server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"}}
        home.write({**settings, **listeners, "store": {"url": f"sqlite:///{home.store.name}"}})
        yield home


@pytest.fixture(scope="module")
def demo_gateway(demo_home: Home) -> Iterator[RunningGateway]:
    """A gateway before the demo upstream, for a whole file."""
    with demo_home.serve() as gateway:
        yield gateway
