"""The console as a person uses it: what they read and press, by the names that a screen reader says."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

HASTEN = """
const interval = window.setInterval;
window.setInterval = (act, ms, ...more) => interval(act, ms === 3000 ? 250 : ms, ...more);
"""
"""The page looks every three seconds for what was done elsewhere; tests would wait for little else."""


class Console:
    """One page of the console, in the hands of whoever has this admin key."""

    def __init__(self, page: Page, key: str) -> None:
        self.page = page
        self._key = key

    def open(self, view: str = "keys", *, hasten: bool = True) -> "Console":
        """Sign in, then show a view."""
        if hasten:
            self.page.add_init_script(HASTEN)
        self.page.goto(f"/console/#/{view}")
        self.sign_in()
        return self

    def sign_in(self) -> None:
        """Type the key where it is asked for."""
        self.page.get_by_label("Admin key").fill(self._key)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def view(self, name: str) -> None:
        """Go to a view by the top of the page."""
        self.page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    @property
    def dialog(self) -> Locator:
        """The dialog on top."""
        return self.page.get_by_role("dialog").last

    def row(self, name: str) -> Locator:
        """The row of a key."""
        named = self.page.get_by_role("link", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=named)

    def act(self, name: str, label: str) -> None:
        """Choose an act from a row's menu."""
        self.page.get_by_role("button", name=f"Acts on {name}", exact=True).click()
        self.page.get_by_role("menuitem", name=label).click()

    def create(self, name: str, *scopes: str) -> str:
        """Make a key; the dialog that shows it stays open. The secret."""
        self.page.get_by_role("button", name="Create key").first.click()
        self.dialog.get_by_label("Name", exact=True).fill(name)
        for scope in scopes:
            self.dialog.get_by_role("checkbox", name=scope).check()
        self.dialog.get_by_role("button", name="Create key").click()
        return self.secret()

    def secret(self) -> str:
        """The secret that is shown now."""
        shown = self.dialog.get_by_label("The key", exact=True)
        expect(shown).to_have_value(re.compile("kh_.{49}"))
        return shown.input_value()

    def stored(self) -> None:
        """Say that it is stored."""
        self.dialog.get_by_role("button", name="I have stored it").click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def press(self, label: str) -> None:
        """Press a button of the dialog on top."""
        self.dialog.get_by_role("button", name=label, exact=True).click()

    def storage(self) -> str:
        """Everything that the page keeps in the browser."""
        kept: Any = self.page.evaluate(
            "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        )
        return str(kept)
