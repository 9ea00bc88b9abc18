"""Credentials of upstreams in the console: set, tried, removed, and what a locked vault says."""

from collections.abc import Iterator
from signal import SIGHUP

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.support.accessibility import assert_accessible
from tests.support.console import Console
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import first_key
from tests.support.running_gateway import Home, eventually

REAL = "sk-real-0123456789abcdef"
ROUTES = [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose upstream is lent a credential of the vault."""
    home = Home(tmp_path_factory.mktemp("served"))
    with LastingUpstream() as upstream:
        lent = {"main": {"url": upstream.url, "credential": "vault:openai"}}
        home.configure(upstream.url, ROUTES, upstreams=lent, vault={"key_file": "vault.key"})
        assert home.keyhatch("credentials", "new-key", "vault.key").code == 0
        with home.serve() as gateway:
            yield Served(gateway, home, upstream, first_key(home.folder))


def state(served: Served) -> str:
    return str(served.admin("GET", "/credentials/openai").data["state"])


def test_a_credential_is_set_tried_and_removed_and_never_shown(page: Page, served: Served) -> None:
    console = Console(page, served.admin_key).open("credentials")
    expect(page.get_by_role("heading", name="No credentials yet")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Set credential").click()
    console.dialog.get_by_label("Name").fill("Open AI")
    console.dialog.get_by_label("Credential", exact=True).fill(REAL)
    assert_accessible(page)
    console.press("Set")
    expect(console.dialog.locator(".error:visible")).to_contain_text("lower-case letters")
    console.dialog.get_by_label("Name").fill("openai")
    console.press("Set")
    row = page.get_by_role("row").filter(has_text="openai")
    expect(row).to_contain_text("sk-r…def")
    expect(row).to_contain_text("Works")
    expect(row).to_contain_text("main")
    assert REAL not in page.content() + console.storage()
    page.get_by_role("button", name="Test openai").click()
    expect(page.get_by_role("status", name="What upstreams said")).to_contain_text("main")
    expect(page.get_by_role("status", name="What upstreams said")).to_contain_text("GET /v1/models")
    assert_accessible(page)
    page.get_by_role("button", name="Remove openai").click()
    expect(console.dialog).to_contain_text("Closed until it is set again: main.")
    console.press("Remove")
    expect(page.get_by_role("heading", name="No credentials yet")).to_be_visible()


def test_a_locked_vault_is_told_with_its_mend_and_opens_again(page: Page, served: Served) -> None:
    assert served.admin("PUT", "/credentials/openai", {"value": REAL}).status == 200
    path = served.home.folder / "vault.key"
    raw = path.read_bytes()
    path.unlink()
    served.gateway.signal(SIGHUP)
    eventually(lambda: state(served) == "locked" or None, "the vault is locked")
    console = Console(page, served.admin_key).open("credentials")
    expect(page.get_by_role("alert")).to_contain_text("put it back, then reload")
    expect(page.get_by_role("row").filter(has_text="openai")).to_contain_text("Locked")
    assert_accessible(page)
    path.write_bytes(raw)
    path.chmod(0o600)
    served.gateway.signal(SIGHUP)
    eventually(lambda: state(served) == "ok" or None, "the vault opens")
    console.view("Keys")
    console.view("Credentials")
    expect(page.get_by_role("row").filter(has_text="openai")).to_contain_text("Works")


def test_who_is_no_admin_does_not_see_the_page(page: Page, served: Served) -> None:
    key = served.admin.create("Reader", scopes=["keyhatch:read"])["key"]
    Console(page, key).open()
    expect(page.get_by_role("navigation").get_by_role("link", name="Audit")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name="Credentials")).to_have_count(0)
