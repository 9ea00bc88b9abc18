"""The console in the hands of three who see it first: with a phone, in an office, with a screen reader."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Served
from tests.support.console import Console
from tests.support.watched_page import watched

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


# --- With a phone


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
