"""What the console shows: the list, a key's page, what a request would meet, the overview, the audit."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.plain_caller import open_stream

# --- The list


def test_keys_are_searched_filtered_and_sorted(console: Console, served: Served) -> None:
    page = console.page
    for name, owner in [("Zebra feed", "zoe"), ("Aardvark feed", "ann"), ("Mole", "zoe")]:
        served.admin.create(name, owner=owner)
    used = served.admin.create("Ant feed", owner="ann")["key"]
    served.gateway.ask("/other", key=used)
    expect(console.row("Ant feed")).to_be_visible()
    names = page.locator("tr[data-id] a.name")
    page.get_by_label("Search keys").fill("feed")
    page.get_by_role("button", name="Name", exact=True).click()
    expect(names).to_have_text(["Aardvark feed", "Ant feed", "Zebra feed"])
    page.get_by_role("button", name="Name", exact=True).click()
    expect(names).to_have_text(["Zebra feed", "Ant feed", "Aardvark feed"])
    page.get_by_label("Owner").select_option("ann")
    expect(names).to_have_text(["Ant feed", "Aardvark feed"])
    page.get_by_label("Use", exact=True).select_option(label="Never used")
    expect(names).to_have_text(["Aardvark feed"])
    page.reload()  # what was asked for stands in the address
    expect(names).to_have_text(["Aardvark feed"])
    page.get_by_label("Search keys").fill("nothing like it")
    expect(page.get_by_role("heading", name="No key is like that")).to_be_visible()


def test_uses_and_what_others_do_appear_without_reloading(console: Console, served: Served) -> None:
    made = served.admin.create("Live")
    row = console.row("Live")
    expect(row).to_contain_text("Never")
    served.gateway.ask("/other", key=made["key"])
    expect(row).to_contain_text("from 127.0.0.1")
    served.admin("POST", f"/keys/{made['id']}/disable")
    expect(row).to_contain_text("Disabled")


def test_who_comes_back_to_the_page_sees_what_is_at_once(page: Page, served: Served) -> None:
    page.add_init_script("window.setInterval = () => 0")  # nothing is asked for by itself
    console = Console(page, served.admin_key).open(hasten=False)
    expect(page.get_by_text(re.compile(r"of \d+ keys$"))).to_be_visible()  # all of them are loaded
    served.admin.create("Made elsewhere")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(console.row("Made elsewhere")).to_be_visible()


# --- A key's page, trying out, overview, audit


def test_a_keys_page_shows_its_days_refusals_addresses_and_acts(console: Console, served: Served) -> None:
    page = console.page
    made = served.admin.create("Looked at", scopes=["models:read"])
    for path in ("/v1/models", "/v1/models", "/v1/chat/completions"):
        served.gateway.ask(path, key=made["key"])
    page.goto(f"/console/#/keys/{made['id']}")
    expect(page.get_by_role("heading", name="Looked at")).to_be_visible()
    chart = page.get_by_role("img", name=re.compile("2 requests and 1 refusal in 30 days"))
    expect(chart).to_be_visible()
    use = page.get_by_role("region", name="Use")
    expect(use).to_contain_text("a scope was missing")
    expect(use).to_contain_text("127.0.0.1 on ")
    use.get_by_text("As a table").click()
    expect(use.get_by_role("row").last).to_have_text(re.compile(r"\d{4}-\d\d-\d\d21"))
    expect(page.get_by_role("region", name="Audit")).to_contain_text("create")


def test_a_request_is_explained_without_being_sent(console: Console, served: Served) -> None:
    page = console.page
    secret = served.admin.create("Tried out", scopes=["models:read"])["key"]
    before = sum(served.upstream.arrived.values())
    console.view("Try it")
    page.get_by_label("Key").fill("Tried out")
    page.get_by_role("button", name="Explain").click()
    told = page.get_by_role("region", name="What would happen")
    expect(told).to_contain_text("Allowed")
    page.get_by_label("Path").fill("/v1/chat/completions")
    page.get_by_label("Method").select_option("POST")
    page.get_by_label("Key").fill(secret)
    page.get_by_role("button", name="Explain").click()
    expect(told).to_contain_text("Refused")
    expect(told).to_contain_text("scope_missing")
    expect(told.locator(".chip.lacks")).to_have_text("chat:write")
    assert sum(served.upstream.arrived.values()) == before


def test_the_overview_tells_requests_refusals_streams_and_upstreams(console: Console, served: Served) -> None:
    page = console.page
    made = served.admin.create("Overseen", expires="5d")
    with open_stream(served.gateway.port, "/ticks", key=made["key"]) as stream:
        assert stream.readline() == b"data: tick\n"
        served.gateway.ask("/v1/models")
        console.view("Overview")
        expect(page.locator(".figure", has_text="open now").locator("b")).to_have_text("1")
        expect(page.get_by_role("region", name="Refusals")).to_contain_text("no key was sent")
        expect(page.get_by_role("region", name="Upstreams")).to_contain_text("mainup")
        expect(page.get_by_role("region", name="Keys that expire soon")).to_contain_text("Overseen")


def test_the_audit_is_filtered_and_its_chain_verified(console: Console, served: Served) -> None:
    page = console.page
    made = served.admin.create("Audited")
    served.admin("POST", f"/keys/{made['id']}/disable")
    console.view("Audit")
    expect(page.get_by_text("The record is whole.")).to_be_visible()
    rows = page.locator(".entries tbody tr")
    expect(rows.first).to_contain_text("disable")
    expect(rows.first).to_contain_text("Audited")
    page.get_by_label("Act").select_option("create")
    expect(rows.first).to_contain_text("create")
    page.get_by_label("Key").fill("Audited")
    page.get_by_label("Key").press("Tab")
    expect(rows).to_have_count(1)
