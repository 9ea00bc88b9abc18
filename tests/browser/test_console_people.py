"""The console in the hands of three who see it first: with a phone, in an office, with a screen reader."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.watched_page import Watch, watched

FINGER_PX = 44

TOO_SMALL = """(least) => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
    .filter((each) => each.checkVisibility() && each.getClientRects().length)
    .map((each) => [each, (each.closest('label, tr[data-id]') ?? each).getBoundingClientRect()])
    .filter(([, box]) => box.height < least || box.width < least)
    .map(([each]) => each.outerHTML.slice(0, 80))"""


@pytest.fixture
def phone(chromium: Browser, origin: str) -> Iterator[Page]:
    """A page on a phone: it is shown as wide as it wants to be, not as wide as the screen."""
    with watched(
        chromium, origin, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    ) as watch:
        yield watch.page


def fits_a_finger(page: Page) -> None:
    assert page.evaluate(TOO_SMALL, FINGER_PX) == []
    assert page.evaluate("innerWidth") == 360


# --- The first steps, on a gateway that has its admin key alone


def test_who_has_only_the_admin_key_is_told_what_to_do_first(phone: Page, served: Served) -> None:
    console = Console(phone, served.admin_key).open()
    expect(phone.get_by_role("heading", name="Make your first key")).to_be_visible()
    phone.get_by_role("button", name="Create your first key").tap()
    console.dialog.get_by_label("Name", exact=True).fill("VaM Plugin")
    console.press("Create key")
    console.secret()
    console.stored()
    expect(console.row("VaM Plugin")).to_be_visible()
    expect(phone.get_by_role("heading", name="Make your first key")).to_have_count(0)
    expect(phone.get_by_role("main")).to_be_focused()  # the button that was pressed is gone


# --- With a phone


def test_on_a_phone_the_whole_key_is_seen_and_the_first_call_too(phone: Page, served: Served) -> None:
    console = Console(phone, served.admin_key).open()
    secret = console.create("Seen whole", "models:read")
    shown = console.dialog.get_by_label("The key", exact=True)
    assert shown.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1")
    assert served.gateway.ask("/v1/models", key=secret).status == 200
    expect(console.dialog.get_by_text("It works.")).to_be_in_viewport()
    console.stored()


def test_on_a_phone_everything_fits_the_screen_and_a_finger(phone: Page, served: Served) -> None:
    phone.goto("/console/")
    expect(phone.get_by_label("Admin key")).to_be_visible()
    fits_a_finger(phone)
    console = Console(phone, served.admin_key)
    console.sign_in()
    expect(console.row("admin")).to_be_visible()
    fits_a_finger(phone)
    phone.get_by_role("button", name="Acts on admin").tap()
    expect(phone.get_by_role("menu")).to_be_visible()
    fits_a_finger(phone)
    phone.keyboard.press("Escape")
    console.create("W" * 100, "models:read")
    fits_a_finger(phone)
    console.stored()
    for view in ("Overview", "Audit", "Try it"):
        console.view(view)
        fits_a_finger(phone)


def test_on_a_phone_a_card_is_the_way_in_wherever_it_is_touched(phone: Page, served: Served) -> None:
    made = served.admin.create("Touched")
    console = Console(phone, served.admin_key).open()
    card = console.row("Touched").bounding_box()
    assert card
    phone.touchscreen.tap(card["x"] + card["width"] - 30, card["y"] + card["height"] - 20)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Touched")
    assert phone.url.endswith(made["id"])


# --- In an office: a key for the CRM vendor, taken away again without breaking anything


def test_the_old_secret_is_called_safe_to_end_only_when_the_new_one_is_in_use(
    console: Console, served: Served
) -> None:
    page = console.page
    vendor = served.admin.create("CRM vendor")
    served.gateway.ask("/other", key=vendor["key"])
    rotated = served.admin("POST", f"/keys/{vendor['id']}/rotate", {"overlap": "7d"}).data
    new = rotated["key"]
    page.get_by_role("link", name="CRM vendor", exact=True).click()
    expect(page.get_by_text("Nobody has called since, with either")).to_be_visible()
    # Moments are told to the second: what is within the same one may have been before.
    page.wait_for_function("at => Date.now() > Date.parse(at) + 1000", arg=rotated["rotated_at"])
    served.gateway.ask("/other", key=new)
    expect(page.get_by_text("it is safe to end it")).to_be_visible()
    served.gateway.ask("/other", key=vendor["key"])
    expect(page.get_by_text("Give the new one to that program before you end it")).to_be_visible()
    expect(page.get_by_text("it is safe to end it")).to_have_count(0)


def test_of_a_key_that_is_disabled_nobody_reads_that_a_secret_still_works(
    console: Console, served: Served
) -> None:
    made = served.admin.create("Off for now")
    served.admin("POST", f"/keys/{made['id']}/rotate", {"overlap": "7d"})
    console.page.get_by_role("link", name="Off for now", exact=True).click()
    expect(console.page.get_by_text("The old secret still works")).to_be_visible()
    console.page.get_by_role("button", name="Disable").click()
    expect(console.page.get_by_role("button", name="Enable")).to_be_visible()
    expect(console.page.get_by_text("The old secret still works")).to_have_count(0)
    assert console.page.evaluate("scrollY") == 0  # the focus went on, the page did not


def test_who_is_not_sure_disables_instead_of_revoking(console: Console, served: Served) -> None:
    made = served.admin.create("Perhaps in use")
    served.gateway.ask("/other", key=made["key"])
    console.act("Perhaps in use", "Revoke")
    console.press("Disable instead")
    expect(console.row("Perhaps in use")).to_contain_text("Disabled")
    assert served.admin("GET", f"/keys/{made['id']}").data["status"] == "disabled"


def test_a_first_call_that_this_key_may_not_make_is_not_proposed_silently(
    console: Console, served: Served
) -> None:
    secret = console.create("Writes only", "chat:write")
    expect(console.dialog.get_by_text("GET /v1/models is refused: a scope was missing")).to_be_visible()
    path = console.dialog.get_by_label("Path for a first call")
    path.fill("/v1/chat")
    path.press("Tab")
    expect(console.dialog.get_by_text("is refused")).to_have_count(0)
    expect(console.dialog.get_by_role("tabpanel")).to_contain_text(f'{secret}" http')
    expect(console.dialog.get_by_role("tabpanel")).to_contain_text("/v1/chat")
    console.stored()


def test_a_last_day_that_was_not_chosen_is_asked_for(console: Console) -> None:
    console.page.get_by_role("button", name="Create key").click()
    console.dialog.get_by_label("Name", exact=True).fill("Until when")
    console.dialog.get_by_text("Custom").click()
    console.press("Create key")
    expect(console.dialog.get_by_text("Choose its last day.")).to_be_visible()
    expect(console.dialog.get_by_label("Name", exact=True)).to_have_value("Until when")


def test_a_long_name_that_is_pasted_is_refused_and_not_cut(console: Console, watch: Watch) -> None:
    watch.expect_console_error("status of 422")
    console.page.get_by_role("button", name="Create key").click()
    console.dialog.get_by_label("Name", exact=True).fill("n" * 300)
    console.press("Create key")
    expect(console.dialog.get_by_text("May have 100 characters")).to_be_visible()
    expect(console.dialog.get_by_label("Name", exact=True)).to_have_value("n" * 300)


def test_what_is_wrong_with_an_admin_key_is_told_in_the_words_of_the_page(page: Page, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    page.goto("/console/")
    page.get_by_label("Admin key").fill("hello")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("What you typed looks like")


# --- With the keyboard and a screen reader


def test_the_focus_comes_back_to_a_row_that_was_drawn_anew(console: Console, served: Served) -> None:
    served.admin.create("Turned round")
    console.act("Turned round", "Rotate")
    console.press("Rotate")
    console.secret()
    console.stored()
    expect(console.page.get_by_role("button", name="Acts on Turned round")).to_be_focused()


def test_the_focus_goes_on_to_the_next_row_when_its_own_is_gone(console: Console, served: Served) -> None:
    for name in ("Later row", "Earlier row"):
        served.admin.create(name)
    console.page.get_by_role("button", name="Name", exact=True).click()
    expect(console.row("Earlier row")).to_be_visible()
    console.act("Earlier row", "Revoke")
    console.press("Revoke")
    expect(console.row("Earlier row")).to_have_count(0)
    expect(console.page.get_by_role("button", name="Acts on Later row")).to_be_focused()


def test_the_focus_stays_on_a_keys_page_whatever_is_done_there(console: Console, served: Served) -> None:
    page = console.page
    served.admin.create("Acted upon")
    page.get_by_role("link", name="Acted upon", exact=True).click()
    expect(page).to_have_title("Acted upon · Keyhatch")
    page.get_by_role("button", name="Rotate").click()
    console.press("Rotate")
    console.secret()
    console.stored()
    expect(page.get_by_role("button", name="Rotate")).to_be_focused()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()


def test_what_a_dialog_warns_of_is_said_with_its_name(console: Console, served: Served) -> None:
    served.admin.create("Warned of")
    console.act("Warned of", "Revoke")
    expect(console.dialog).to_have_accessible_description(re.compile("stops working at once"))
    console.press("Cancel")
    console.create("Shown with a warning")
    expect(console.dialog).to_have_accessible_description(re.compile("It is shown this once only"))
    console.stored()


def test_the_way_back_from_a_key_leads_to_where_the_list_was_left(console: Console, served: Served) -> None:
    page = console.page
    for number in range(30):
        served.admin.create(f"Way back {number:02}")
    page.get_by_label("Search keys").fill("Way back")
    page.get_by_role("button", name="Name", exact=True).click()
    expect(page.get_by_text(re.compile(r"^30 of"))).to_be_visible()
    last = page.get_by_role("link", name="Way back 29", exact=True)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Way back 29")
    page.get_by_role("link", name="All keys").click()
    expect(page.get_by_label("Search keys")).to_have_value("Way back")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Way back 29")
    page.go_back()
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    page.get_by_role("navigation").get_by_role("link", name="Keys").click()
    expect(page.get_by_label("Search keys")).to_have_value("")


def test_what_was_typed_is_not_thrown_away_by_one_key(console: Console) -> None:
    page = console.page
    page.get_by_role("button", name="Create key").click()
    page.keyboard.press("Escape")  # nothing was typed: nothing to ask
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Create key").click()
    name = page.get_by_label("Name", exact=True)
    name.fill("Typed with care")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Keep typing")).to_be_focused()
    page.keyboard.press("Enter")
    expect(name).to_be_focused()
    expect(name).to_have_value("Typed with care")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Throw away").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_menu_is_walked_as_menus_are(console: Console, served: Served) -> None:
    page = console.page
    served.admin.create("Walked")
    opener = page.get_by_role("button", name="Acts on Walked")
    opener.press("Enter")
    for key, name in [
        ("End", "Revoke"),
        ("ArrowDown", "Show a fresh secret"),
        ("ArrowUp", "Revoke"),
        ("Home", "Show"),
    ]:
        page.keyboard.press(key)
        expect(page.get_by_role("menuitem", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("menu")).to_have_count(0)


def test_who_waits_for_a_first_call_hears_that_the_gateway_is_gone(console: Console, watch: Watch) -> None:
    watch.expect_console_error("ERR_INTERNET_DISCONNECTED")
    console.create("Waits")
    expect(console.dialog.get_by_text("Waiting for your first call")).to_be_visible()
    watch.context.set_offline(True)
    expect(console.dialog.get_by_text("The gateway does not answer")).to_be_visible()
    watch.context.set_offline(False)
    expect(console.dialog.get_by_text("Waiting for your first call")).to_be_visible()
    console.stored()
