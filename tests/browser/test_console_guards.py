"""What people do by mistake or are led to in the console: it hurts neither them nor their keys."""

import json
import re
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.running_gateway import eventually
from tests.support.watched_page import Watch

HIDE = "() => Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"
SHOW = "() => { delete document.hidden; }"


def asked_by(page: Page) -> list[str]:
    """Every address that the page asks from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(unquote(request.url)))
    return asked


def has_looked(page: Page, asked: list[str], looks: int) -> bool:
    """Whether the page asked so often for new uses, five pages each time."""
    page.evaluate("0")  # lets the browser tell what it asked
    return len([each for each in asked if "used_since=" in each]) >= 5 * looks


@pytest.mark.parametrize("odd", ["..%2Faudit", "..%2F..%2F..%2Fhealthz", "%", "..", "__proto__", "x?y=1&z"])
def test_an_address_that_names_no_key_asks_nothing_and_breaks_nothing(
    console: Console, served: Served, watch: Watch, odd: str
) -> None:
    served.admin.create(f"Beside {odd[:3].replace('%', 'p')}")
    page = console.page
    asked = asked_by(page)
    page.goto(f"/console/#/keys/{odd}")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such key")
    paths = [each.partition("#")[0] for each in asked]
    assert not [each for each in paths if re.search(r"/keys/(?!key_\w{16}$)|/healthz$", each)]
    console.view("Keys")
    expect(page.get_by_role("table", name="Keys").get_by_role("row").nth(1)).to_be_visible()
    assert watch.trouble() == []


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


def test_a_key_that_is_pasted_into_a_search_goes_into_no_address(console: Console, served: Served) -> None:
    page = console.page
    secret = served.admin.create("Pasted")["key"]
    asked = asked_by(page)
    page.get_by_label("Search keys").fill(secret)
    expect(page.get_by_text("No key is like that")).to_be_visible()
    assert secret not in page.url
    console.view("Audit")
    for label in ("By", "Key"):
        page.get_by_label(label, exact=True).fill(f"Bearer {secret}")
        page.get_by_label(label, exact=True).press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("may be a key itself")
        assert secret not in page.url
        page.get_by_label(label, exact=True).fill("")
        page.get_by_label(label, exact=True).press("Enter")
        expect(page.get_by_role("alert")).to_have_count(0)
    console.view("Try it")
    page.get_by_label("Key (optional)").fill(f"Bearer {secret}")
    expect(page.get_by_label("Key (optional)")).to_have_attribute("type", "password")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("link", name="Pasted")).to_be_visible()
    assert not [each for each in asked if secret in each]


def test_a_name_is_typed_as_it_is_read_to_confirm(console: Console, served: Served) -> None:
    """Two blanks show as one: nobody is kept from revoking a key by how it was named."""
    made = served.admin.create("Two  blanks")
    assert served.gateway.ask("/other", key=made["key"]).status == 404
    row = console.page.locator(f"tr[data-id={made['id']}]")
    row.get_by_role("button").click()
    console.page.get_by_role("menuitem", name="Revoke").click()
    console.dialog.get_by_role("textbox").fill("Two blanks")
    console.press("Revoke")
    eventually(lambda: served.admin("GET", f"/keys/{made['id']}").data["status"] == "revoked", "it ends")


def test_a_few_changes_do_not_have_all_keys_loaded_anew(console: Console, served: Served) -> None:
    """With ten thousand keys that is a second of the gateway's time, for each page that lies open."""
    page = console.page
    dropped = served.admin.create("Soon Dropped")
    expect(console.row("Soon Dropped")).to_be_visible()
    asked = asked_by(page)
    for number in range(5):
        served.admin.create(f"One of few {number}")
    assert served.admin("PATCH", f"/keys/{dropped['id']}", {"name": "Renamed"}).status == 200
    expect(console.row("Renamed")).to_be_visible()
    for number in range(5):
        expect(console.row(f"One of few {number}")).to_be_visible()
    served.admin("POST", f"/keys/{dropped['id']}/revoke")
    assert served.admin("DELETE", f"/keys/{dropped['id']}").status == 204
    page.get_by_label("Status").select_option("all")
    expect(console.row("Renamed")).to_have_count(0)
    assert not [each for each in asked if "/keys?" in each and "used_since=" not in each]
    for number in range(25):
        served.admin.create(f"One of many {number}")
    page.get_by_label("Search keys").fill("One of many")
    expect(page.get_by_text(re.compile("^25 of"))).to_be_visible()


def test_more_uses_than_a_page_can_follow_do_not_have_all_keys_loaded_again_and_again(
    page: Page, served: Served
) -> None:
    page.clock.install()
    Console(page, served.admin_key).open()
    expect(page.get_by_role("table", name="Keys")).to_be_visible()
    record = served.admin("GET", "/keys?limit=1").data["items"][0]
    crowd = json.dumps({"items": [record] * 200, "next_cursor": "more"})
    page.route(re.compile("used_since="), lambda route: route.fulfill(body=crowd))
    asked = asked_by(page)
    for looks in (1, 2, 3):  # of five pages each; time flows on its own too, so there may be more
        page.clock.run_for(3_000)
        eventually(partial(has_looked, page, asked, looks), "the page looked for new uses")
    assert not [each for each in asked if "/keys?" in each and "used_since=" not in each]


def test_a_tab_is_not_closed_over_a_key_that_nobody_took(console: Console) -> None:
    page = console.page
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    secret = console.create("Left Open")
    page.evaluate("() => location.reload()")
    eventually(lambda: page.evaluate("1") and asked, "the browser asks")
    assert (asked, console.secret()) == (["beforeunload"], secret)
    console.stored()
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert asked == ["beforeunload"]


def test_what_is_no_token_in_the_browsers_storage_is_none(page: Page, served: Served) -> None:
    """Another program may have been at this address before."""
    page.goto("/console/")
    page.evaluate("() => localStorage.setItem('keyhatch.token', '\u2028 no token')")
    page.reload()
    Console(page, served.admin_key).sign_in()
