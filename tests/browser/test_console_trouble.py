"""What goes wrong around the console: hostile text, stolen pages, sessions that end, a gateway that goes."""

import json
import re
from typing import cast
from urllib.parse import quote

from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, Cookie, Page, Route, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.running_gateway import eventually
from tests.support.watched_page import Watch, watched

MARKUP = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'


def test_markup_in_names_owners_notes_and_paths_is_text(console: Console, served: Served) -> None:
    page = console.page
    made = served.admin.create(MARKUP, owner=MARKUP, note=MARKUP)
    row = page.locator(f"tr[data-id={made['id']}]")
    expect(row).to_contain_text(MARKUP)
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Revoke").click()
    expect(console.dialog).to_contain_text(MARKUP)
    page.keyboard.press("Escape")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(MARKUP)
    served.gateway.ask(f"/{quote(MARKUP, safe='')}?{quote(MARKUP)}", key=made["key"])
    for view in ("audit", "try", "overview", "keys"):
        page.goto(f"/console/#/{view}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "owned" not in page.title()
    assert page.evaluate("document.querySelectorAll('img[src=x], main script').length") == 0


def as_sent(cookie: Cookie) -> SetCookieParam:
    """The same cookie in the other context."""
    names = ("name", "value", "domain", "path", "httpOnly", "secure", "sameSite")
    return cast("SetCookieParam", {name: value for name, value in cookie.items() if name in names})


def test_a_page_elsewhere_can_neither_act_nor_frame_nor_read(
    served: Served, chromium: Browser, console: Console
) -> None:
    """On another port of the same host: the same site, so that the cookie does come along."""
    admin = f"http://127.0.0.1:{served.gateway.admin_port}"
    before = {each["id"] for each in served.admin.every("/keys?status=all")}
    with watched(chromium, f"http://127.0.0.1:{served.gateway.port}") as elsewhere:
        elsewhere.expect_console_error(".")
        page = elsewhere.page
        elsewhere.context.add_cookies([*map(as_sent, console.page.context.cookies())])
        page.goto("/.keyhatch/health")
        tried = page.evaluate(
            """async ([admin, body]) => {
                const told = [];
                for (const [path, options] of [
                    ['/api/v1/keys', {}],
                    ['/api/v1/keys', { method: 'POST', body }],
                    ['/api/v1/keys', { method: 'POST', body, mode: 'no-cors' }],
                    ['/console/session', { method: 'DELETE', mode: 'no-cors' }],
                ]) {
                    const sent = { credentials: 'include', ...options };
                    try { told.push((await fetch(admin + path, sent)).type); } catch { told.push('refused'); }
                }
                const action = `${admin}/api/v1/keys`;
                const form = Object.assign(document.createElement('form'),
                    { method: 'post', enctype: 'text/plain', action, target: 'inside' });
                const inside = Object.assign(document.createElement('iframe'), { name: 'inside' });
                form.append(Object.assign(document.createElement('input'), { name: body }));
                document.body.append(inside, form);
                form.submit();
                const framed = Object.assign(document.createElement('iframe'), { src: `${admin}/console/` });
                document.body.append(framed);
                await new Promise((done) => { framed.onload = done; });
                try { told.push(framed.contentDocument === null ? 'unreadable' : 'readable'); }
                catch { told.push('unreadable'); }
                return told;
            }""",
            [admin, json.dumps({"name": "stolen"})],
        )
        assert tried == ["refused", "refused", "opaque", "refused", "unreadable"]
        for frame in page.frames[1:]:
            assert frame.get_by_label("Admin key").count() == 0
        elsewhere._seen = [each for each in elsewhere._seen if "somewhere else" not in each]
    assert {each["id"] for each in served.admin.every("/keys?status=all")} == before
    console.page.reload()
    expect(console.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_session_that_ended_says_so_and_keeps_the_form(page: Page, served: Served, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    console = Console(page, served.admin_key).open(hasten=False)
    page.get_by_role("button", name="Create key").first.click()
    console.dialog.get_by_label("Name", exact=True).fill("Typed with care")
    console.dialog.get_by_role("checkbox", name="models:read").check()
    watch.context.clear_cookies()
    console.press("Create key")
    again = page.get_by_role("dialog", name="Sign in again")
    expect(again).to_contain_text("What you typed is still here.")
    page.keyboard.press("Escape")
    expect(again).to_be_visible()
    again.get_by_label("Admin key").fill(served.admin_key)
    again.get_by_role("button", name="Sign in").click()
    console.secret()
    expect(console.dialog).to_contain_text("For “Typed with care”, with models:read.")


def test_a_gateway_that_is_gone_shows_a_banner_and_the_page_recovers_by_itself(
    console: Console, served: Served, watch: Watch
) -> None:
    page = console.page
    watch.expect_console_error("Failed to load resource")
    page.get_by_role("button", name="Create key").first.click()
    console.dialog.get_by_label("Name", exact=True).fill("During the pause")
    page.route(re.compile("/(api|console|healthz)"), lambda route: route.abort("connectionrefused"))
    expect(page.get_by_text("The gateway does not answer.")).to_be_visible()
    console.press("Create key")
    expect(console.dialog.get_by_role("alert")).to_contain_text("What you typed is still here")
    page.unroute_all()
    expect(page.get_by_text("The gateway is back.")).to_be_visible()
    console.press("Create key")
    console.secret()


def test_a_key_that_is_revoked_ends_its_session_in_the_page(served: Served, page: Page, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    made = served.admin.create("Somebody else", scopes=["keyhatch:write"])
    Console(page, made["key"]).open()
    served.admin("POST", f"/keys/{made['id']}/revoke")
    expect(page.get_by_role("dialog", name="Sign in again")).to_contain_text("revoked")


def test_who_may_only_look_is_offered_nothing_else(served: Served, page: Page) -> None:
    made = served.admin.create("Reader", scopes=["keyhatch:read"])
    Console(page, made["key"]).open()
    expect(page.get_by_role("link", name="Reader")).to_be_visible()
    expect(page.get_by_role("button", name="Create key")).to_have_count(0)
    expect(page.get_by_role("button", name="Acts on")).to_have_count(0)


def test_an_owner_sees_and_makes_their_own_alone(served: Served, page: Page) -> None:
    served.admin.create("Of somebody else", owner="bob")
    made = served.admin.create("Ann's own", scopes=["keyhatch:own", "models:read"], owner="ann")
    console = Console(page, made["key"]).open()
    expect(page.get_by_role("link", name="Ann's own")).to_be_visible()
    expect(page.get_by_text("Of somebody else")).to_have_count(0)
    console.create("Ann's second", "models:read")
    console.stored()
    (record,) = (each for each in served.admin.every("/keys") if each["name"] == "Ann's second")
    assert record["owner"] == "ann"


def test_a_late_word_of_an_old_session_does_not_end_the_new_one(
    page: Page, served: Served, watch: Watch
) -> None:
    watch.expect_console_error("status of 401")
    over = json.dumps({"status": 401, "code": "session_ended", "detail": "It is over."})
    held: list[Route] = []
    page.route(re.compile("used_since="), lambda route: route.continue_() if held else held.append(route))
    console = Console(page, served.admin_key).open()
    eventually(lambda: page.evaluate("true") and held, "the page asked with its first session")
    page.route(re.compile("/overview"), lambda route: route.fulfill(status=401, body=over), times=1)
    console.view("Overview")
    again = page.get_by_role("dialog", name="Sign in again")
    again.get_by_label("Admin key").fill(served.admin_key)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    token = page.evaluate("localStorage.getItem('keyhatch.token')")
    with page.expect_response(re.compile("used_since=")):
        held[0].fulfill(status=401, body=over)
    assert watch.trouble() == []  # which lets the page do what it has to do
    assert again.count() == 0
    assert page.evaluate("localStorage.getItem('keyhatch.token')") == token
