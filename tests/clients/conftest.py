"""What the tests with real clients stand on: a gateway before a stub, for a whole file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.no_proxy import no_proxy
from tests.support.running_gateway import Home

TIMEOUT_S = 90  # processes are started and waited for, perhaps on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def _no_proxy_between() -> Iterator[None]:
    with no_proxy():
        yield


@pytest.fixture(scope="session", autouse=True)
def _nobodys_keys() -> Iterator[None]:
    """SDKs take keys and addresses from the environment where none are given."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("OPENAI_", "ANTHROPIC_", "OLLAMA_"))]:
            patch.delenv(name)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder of the test's own."""
    return Home(tmp_path)
