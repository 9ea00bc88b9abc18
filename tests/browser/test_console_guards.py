"""What people do by mistake or are led to in the console: it hurts neither them nor their keys."""

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.running_gateway import eventually

HIDE = "() => Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"
SHOW = "() => { delete document.hidden; }"


@pytest.fixture
def console(page: Page, served: Served) -> Console:
    return Console(page, served.admin_key).open()


def test_a_fresh_secret_is_not_given_to_a_key_that_was_used_while_nobody_looked(
    console: Console, served: Served
) -> None:
    made = served.admin.create("Used Unseen")
    expect(console.row("Used Unseen")).to_be_visible()
    console.page.evaluate(HIDE)
    assert served.gateway.ask("/other", key=made["key"]).status == 404  # of the upstream
    eventually(lambda: served.admin("GET", f"/keys/{made['id']}").data["use_count"], "the use is known")
    console.act("Used Unseen", "Show a fresh secret")
    expect(console.page.get_by_text("was used meanwhile")).to_be_visible()
    assert served.gateway.ask("/other", key=made["key"]).status == 404


def test_a_page_that_lay_hidden_asks_for_all_uses_since_it_looked(page: Page, served: Served) -> None:
    page.clock.install()
    Console(page, served.admin_key).open()
    expect(page.get_by_role("table", name="Keys")).to_be_visible()
    page.evaluate(HIDE)
    hidden_at = datetime.now(UTC)
    page.clock.fast_forward("10:00:00")
    page.evaluate(SHOW)
    with page.expect_request(lambda request: "used_since=" in request.url) as asking:
        page.clock.run_for(4_000)
    since = unquote(asking.value.url).partition("used_since=")[2].partition("&")[0]
    assert datetime.fromisoformat(since) <= hidden_at
