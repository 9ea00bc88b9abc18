"""What the tests in a real browser stand on: Chromium, a gateway with its first key, a page that is watched.

All of it is synchronous. As long as Playwright runs, a loop of its own is under way in the test's thread, and
no asynchronous test could run there: so Chromium lives for one file, and starts in a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.console import Console
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.programs import program
from tests.support.running_gateway import Home, RunningGateway
from tests.support.watched_page import ARGUMENTS, WITHIN_S, Watch, watched

TIMEOUT_S = 90  # a browser and a gateway are started and waited for, perhaps on a busy machine

ROUTES = [
    {"id": "models", "path": "/v1/models", "methods": ["GET"], "upstream": "main", "scopes": ["models:read"]},
    {"id": "chat", "path": "/v1/**", "upstream": "main", "scopes": ["chat:write"]},
    {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
]


expect.set_options(timeout=WITHIN_S * 1000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, for a whole file."""
    executable = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Served:
    """A gateway as somebody has it who just started it: its upstream, its folder, its first admin key."""

    gateway: RunningGateway
    home: Home
    upstream: LastingUpstream
    admin_key: str

    @property
    def admin(self) -> Management:
        """The management API, in the hands of the first admin."""
        return Management(self.gateway.admin_port, self.admin_key)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running gateway, for a whole file."""
    home = Home(tmp_path_factory.mktemp("served"))
    with LastingUpstream() as upstream:
        home.configure(upstream.url, ROUTES)
        with home.serve() as gateway:
            yield Served(gateway, home, upstream, first_key(home.folder))


@pytest.fixture(scope="module")
def origin(served: Served) -> str:
    """Where `page` is at home: the admin listener. A file may say otherwise."""
    return f"http://127.0.0.1:{served.gateway.admin_port}"


@pytest.fixture
def watch(chromium: Browser, origin: str) -> Iterator[Watch]:
    """A fresh context; whatever goes wrong in it fails the test at its end."""
    with watched(chromium, origin) as watch:
        yield watch


@pytest.fixture
def page(watch: Watch) -> Page:
    """A fresh page of `watch`; paths given to `goto` start at `origin`."""
    return watch.page


@pytest.fixture
def console(page: Page, served: Served) -> Console:
    """The list of keys, before whoever holds the first admin key."""
    return Console(page, served.admin_key).open()
