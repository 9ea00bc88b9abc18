"""The console in a real browser: keys made, read, changed and ended by somebody who never read the API."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.plain_caller import open_stream
from tests.support.running_gateway import eventually
from tests.support.watched_page import PLAIN_NAME, Watch, watched

# --- Signing in and out


def test_the_root_of_the_listener_leads_to_signing_in(page: Page, served: Served) -> None:
    page.goto("/")
    expect(page.get_by_label("Admin key")).to_be_focused()
    Console(page, served.admin_key).sign_in()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()


def test_the_key_is_kept_nowhere_in_the_browser(console: Console, served: Served, watch: Watch) -> None:
    secret = console.create("Kept Nowhere")
    console.stored()
    assert served.admin_key not in console.storage()
    assert secret not in console.storage()
    assert secret not in console.page.content()
    (cookie,) = watch.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert served.admin_key not in cookie["value"]


def test_a_page_that_is_loaded_anew_is_still_signed_in(console: Console) -> None:
    console.page.reload()
    expect(console.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_signing_out_ends_the_session_on_the_server(console: Console, served: Served, watch: Watch) -> None:
    page = console.page
    held = page.evaluate("() => localStorage.getItem('keyhatch.token')")
    (cookie,) = watch.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Admin key")).to_be_visible()
    stolen = {"Cookie": f"{cookie['name']}={cookie['value']}", "X-Keyhatch-Csrf": held}
    assert page.request.get("/api/v1/me", headers=stolen).json()["code"] == "session_ended"
    page.go_back()
    expect(page.get_by_label("Admin key")).to_be_visible()


def test_a_wrong_key_is_told_what_it_is(page: Page, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    page.goto("/console/")
    page.get_by_label("Admin key").fill("sk-ant-" + "a" * 40)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Anthropic")


# --- From nothing to the first call


def test_a_key_is_made_copied_once_and_its_first_call_seen(
    console: Console, served: Served, watch: Watch
) -> None:
    watch.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = console.page
    secret = console.create("Inventory Integration", "models:read")
    console.press("Copy")
    expect(console.dialog.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == secret
    expect(console.dialog.get_by_text("Waiting for your first call")).to_be_visible()
    assert served.gateway.ask("/v1/models", key=secret).status == 200
    expect(console.dialog.get_by_text("Received from 127.0.0.1, GET /v1/models, 200")).to_be_visible()
    console.stored()
    row = console.row("Inventory Integration")
    expect(row).to_contain_text("models:read")
    expect(row).to_contain_text(re.compile(r"(just now|\d+ s ago) from 127\.0\.0\.1"))
    expect(row).to_contain_text("Active")
    assert secret not in page.content()


def test_a_first_call_that_is_refused_says_why(console: Console, served: Served) -> None:
    secret = console.create("CRM Connector", "models:read")
    assert served.gateway.ask("/v1/chat/completions", key=secret).status == 403
    told = console.dialog.get_by_text("Received from 127.0.0.1, GET /v1/chat/completions, 403")
    expect(told).to_contain_text("a scope was missing")
    assert served.gateway.ask("/v1/models", key=secret).status == 200
    expect(console.dialog.get_by_text("GET /v1/models, 200. It works.")).to_be_visible()


def test_every_snippet_holds_the_key_and_the_address(console: Console, served: Served) -> None:
    secret = console.create("Snippets")
    panel = console.dialog.get_by_role("tabpanel")
    for name in ("curl", "OpenAI SDK", "Ollama client", "SignalR", "WebSocket", "Environment file"):
        console.dialog.get_by_role("tab", name=name).click()
        expect(panel).to_contain_text(secret)
        expect(panel).to_contain_text(f"127.0.0.1:{served.gateway.port}")
    console.dialog.get_by_label("Where callers reach the gateway").fill("https://ai.example.com/")
    expect(panel).to_contain_text("OPENAI_BASE_URL=https://ai.example.com/v1")


def test_who_copied_a_snippet_has_the_key_and_is_asked_nothing(console: Console) -> None:
    console.create("In a snippet")
    console.dialog.get_by_role("button", name="Copy snippet").click()
    expect(console.dialog.get_by_text("Copied.")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(console.page.get_by_role("dialog")).to_have_count(0)


def test_an_answer_of_the_server_behind_is_told_as_its_own(console: Console, served: Served) -> None:
    secret = console.create("Answered by the server")
    assert served.gateway.ask("/other", key=secret).status == 404
    told = console.dialog.get_by_text("GET /other, 404. The gateway let it pass")
    expect(told).to_be_visible()
    console.stored()


def test_over_plain_http_where_pages_have_no_clipboard_the_key_is_copied_all_the_same(
    served: Served, chromium: Browser
) -> None:
    with watched(chromium, f"http://{PLAIN_NAME}:{served.gateway.admin_port}") as watch:
        console = Console(watch.page, served.admin_key).open()
        assert not watch.page.evaluate("isSecureContext")
        secret = console.create("Plain http")
        console.press("Copy")
        expect(console.dialog.get_by_text("Copied.")).to_be_visible()
        console.stored()
        watch.page.get_by_label("Search keys").focus()
        watch.page.keyboard.press("ControlOrMeta+V")
        expect(watch.page.get_by_label("Search keys")).to_have_value(secret)


def test_who_closes_without_copying_is_asked_and_never_stranded(console: Console, served: Served) -> None:
    page = console.page
    lost = console.create("Stranded")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_contain_text("You have not copied the key")
    page.get_by_role("button", name="Back to the key").click()
    assert console.secret() == lost
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Close anyway").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    console.act("Stranded", "Show a fresh secret")
    fresh = console.secret()
    console.stored()
    assert served.gateway.ask("/v1/models", key=lost).reason == "key_rotated"
    assert served.gateway.ask("/other", key=fresh).status == 404  # of the upstream
    records = [each for each in served.admin.every("/keys?status=all") if each["name"] == "Stranded"]
    assert len(records) == 1
    page.get_by_role("link", name="Stranded", exact=True).click()
    expect(page.get_by_text("Used1 time")).to_be_visible()
    expect(page.get_by_role("button", name="Show a fresh secret")).to_have_count(0)


# --- The form


def test_the_form_advises_on_names_and_tells_every_mistake_at_its_field(
    console: Console, watch: Watch
) -> None:
    watch.expect_console_error("status of 422")
    page = console.page
    page.get_by_role("button", name="Create key").first.click()
    name = console.dialog.get_by_label("Name", exact=True)
    name.fill("Key 1")
    expect(console.dialog).to_contain_text("In a year nobody will know what “Key 1” was for.")
    name.fill("Inventory of the north store")
    expect(console.dialog).not_to_contain_text("In a year nobody")
    name.fill(" ")
    console.dialog.get_by_text("Owner, note, addresses").click()
    console.dialog.get_by_role("textbox", name="Addresses").fill("not-an-address")
    console.press("Create key")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(console.dialog.get_by_role("textbox", name="Addresses")).to_have_attribute("aria-invalid", "true")
    name.fill("Inventory of the north store")
    console.dialog.get_by_role("textbox", name="Addresses").fill("127.0.0.0/8, 10.0.0.7")
    console.press("Create key")
    console.secret()
    console.stored()


def test_presets_tick_scopes_and_the_expiry_is_shown_as_a_date(console: Console, served: Served) -> None:
    page = console.page
    page.get_by_role("button", name="Create key").first.click()
    console.press("Read-only")
    expect(console.dialog.get_by_role("checkbox", name="models:read")).to_be_checked()
    expect(console.dialog.get_by_role("checkbox", name="chat:write")).not_to_be_checked()
    console.press("Everything")
    expect(console.dialog.get_by_role("checkbox", name="chat:write")).to_be_checked()
    console.dialog.get_by_text("Custom").click()
    console.dialog.get_by_label("Last day").fill("2031-05-04")
    expect(console.dialog).to_contain_text(re.compile(r"Works until (May 4, 2031|4 May 2031)"))
    console.dialog.get_by_label("Name", exact=True).fill("Till May")
    console.press("Create key")
    console.secret()
    console.stored()
    (record,) = (each for each in served.admin.every("/keys") if each["name"] == "Till May")
    assert record["expires_at"] == "2031-05-04T23:59:59Z"
    assert {"chat:write", "models:read"} <= set(record["scopes"])


def test_a_key_is_edited_disabled_and_enabled(console: Console, served: Served) -> None:
    made = served.admin.create("Before", scopes=["models:read"])
    page = console.page
    console.act("Before", "Edit")
    console.dialog.get_by_label("Name", exact=True).fill("After")
    console.dialog.get_by_role("checkbox", name="chat:write").check()
    console.dialog.get_by_role("textbox", name="Owner").fill("ann")
    console.press("Save")
    row = console.row("After")
    expect(row).to_contain_text("ann")
    expect(row).to_contain_text("chat:write")
    console.act("After", "Disable")
    expect(row).to_contain_text("Disabled")
    assert served.gateway.ask("/v1/models", key=made["key"]).reason == "key_disabled"
    console.act("After", "Enable")
    expect(row).to_contain_text("Active")
    expect(page.get_by_text("works again")).to_be_visible()


def test_who_edits_what_somebody_else_changed_is_told(console: Console, served: Served, watch: Watch) -> None:
    watch.expect_console_error("status of 412")
    made = served.admin.create("Contended")
    console.act("Contended", "Edit")
    console.dialog.get_by_label("Note").fill("mine")
    served.admin("PATCH", f"/keys/{made['id']}", {"note": "theirs"})
    console.press("Save")
    expect(console.dialog.get_by_role("alert")).to_contain_text("Somebody changed the key")
    assert served.admin("GET", f"/keys/{made['id']}").data["note"] == "theirs"


# --- Rotation and the end


def test_a_key_is_rotated_with_an_overlap_and_the_old_secret_seen_to_end(
    console: Console, served: Served
) -> None:
    page = console.page
    old = served.admin.create("Rotated")["key"]
    assert served.gateway.ask("/other", key=old).status == 404
    console.act("Rotated", "Rotate")
    console.dialog.get_by_label("The old secret ends").select_option(label="7 days")
    console.press("Rotate")
    new = console.secret()
    console.stored()
    for secret in (old, new):
        assert served.gateway.ask("/other", key=secret).status == 404
    page.get_by_role("link", name="Rotated", exact=True).click()
    expect(page.get_by_text("The old secret still works and ends in 7 days.")).to_be_visible()
    expect(page.get_by_text(re.compile("It was last used .* from 127.0.0.1"))).to_be_visible()
    page.get_by_role("button", name="End the old secret now").click()
    expect(console.dialog).to_contain_text("The old secret was last used")
    console.press("End it now")
    expect(page.get_by_text("The old secret has ended.")).to_be_visible()
    assert served.gateway.ask("/other", key=old).reason == "key_rotated"
    assert served.gateway.ask("/other", key=new).status == 404


def test_revoking_says_what_will_happen_asks_for_the_name_and_cuts_an_open_stream(
    console: Console, served: Served
) -> None:
    made = served.admin.create("Streaming app")
    with open_stream(served.gateway.port, "/ticks", key=made["key"]) as stream:
        assert stream.readline() == b"data: tick\n"
        console.act("Streaming app", "Revoke")
        expect(console.dialog).to_contain_text("stops working at once, open streams included")
        expect(console.dialog).to_contain_text("whatever uses it will fail")
        revoke = console.dialog.get_by_role("button", name="Revoke")
        expect(revoke).to_be_disabled()
        console.dialog.get_by_label("to confirm").fill("Streaming ap")
        expect(revoke).to_be_disabled()
        console.dialog.get_by_label("to confirm").fill("Streaming app")
        revoke.click()
        eventually(lambda: served.upstream.open_now["/ticks"] == 0, "the stream is cut")
    assert served.gateway.ask("/other", key=made["key"]).reason == "key_revoked"
    expect(console.row("Streaming app")).to_have_count(0)  # not among those that are not revoked
    console.page.get_by_label("Status").select_option(label="Revoked")
    expect(console.row("Streaming app")).to_contain_text("Revoked")


def test_a_key_that_nothing_uses_is_revoked_without_typing_and_its_record_deleted(
    console: Console, served: Served, watch: Watch
) -> None:
    watch.expect_console_error("status of 404")  # the page may ask for it just as it is deleted
    made = served.admin.create("Unused")
    console.act("Unused", "Revoke")
    expect(console.dialog).to_contain_text("It was never used: nothing will notice.")
    console.press("Revoke")
    console.page.get_by_label("Status").select_option(label="Revoked")
    console.act("Unused", "Delete the record")
    console.dialog.get_by_label("to confirm").fill("Unused")
    console.press("Delete")
    expect(console.row("Unused")).to_have_count(0)
    assert served.admin("GET", f"/keys/{made['id']}").status == 404
