"""Takes the pictures of the console in docs/console.md: `make pictures`.

A gateway of its own on loopback, with keys and a month of use that a small company might have; every screen
in light and in dark, some as a phone shows them.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import sin
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay
from gateway.keeper.ports import Use
from gateway.store.sqlite import open_sqlite
from tests.support.console import Console
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.plain_caller import open_stream
from tests.support.programs import program
from tests.support.running_gateway import ROOT, Home, RunningGateway
from tests.support.watched_page import ARGUMENTS, watched

PICTURES: Final = ROOT / "docs/pictures"
WIDE: Final = {"width": 1280, "height": 800}
NARROW: Final = {"width": 360, "height": 740}
DAYS: Final = 30

SCOPES: Final = {
    "calls:read": "View calls",
    "calls:write": "Trigger calls",
    "campaigns:read": "View campaigns",
    "contacts:read": "View contacts",
    "contacts:write": "Manage contacts",
    "webhooks:manage": "Manage webhooks",
}
ROUTES: Final = [
    {"id": "models", "path": "/v1/models", "methods": ["GET"], "upstream": "main", "scopes": ["calls:read"]},
    {
        "id": "calls",
        "path": "/v1/calls/**",
        "methods": ["POST"],
        "upstream": "main",
        "scopes": ["calls:write"],
    },
    {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
]
# Name, owner, scopes, expiry, requests on a usual day, address, hours since the last use.
KEYS: Final = [
    ("Production Server – Main App", "platform", ["calls:read", "calls:write"], "90d", 900, "10.0.4.12", 0),
    ("CRM Connector – Salesforce", "sales", ["contacts:read", "contacts:write"], "10d", 240, "10.0.7.3", 2),
    ("WordPress Integration", "marketing", ["campaigns:read"], "365d", 60, "203.0.113.40", 20),
    ("Marketing Automation", "marketing", ["campaigns:read", "contacts:read"], "90d", 25, "10.0.4.31", 70),
    ("Inventory Integration", "", ["calls:read"], "90d", 0, "", None),
    ("VaM Plugin", "ann", [], "never", 12, "192.168.1.20", 1_100),
]

Take = Callable[[str], object]


def main() -> None:
    """Take them all anew."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, LastingUpstream() as upstream:
        home = Home(Path(folder))
        home.configure(upstream.url, ROUTES, scopes=SCOPES)
        with home.serve() as gateway:
            made = _make_keys(Management(gateway.admin_port, first_key(home.folder)))
        asyncio.run(_remember(home.folder / "keyhatch.db", made))
        with home.serve() as gateway, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program("chromium"), args=ARGUMENTS)
            for scheme in ("light", "dark"):
                _take_wide(browser, gateway, first_key(home.folder), scheme)
                _take_narrow(browser, gateway, first_key(home.folder), scheme)
            browser.close()
    sys.stdout.write(f"{len(list(PICTURES.glob('*.png')))} pictures in {PICTURES.relative_to(ROOT)}\n")


def _make_keys(manage: Management) -> list[str]:
    made = []
    for name, owner, scopes, expires, *_ in KEYS:
        key = manage.create(name, owner=owner, scopes=scopes, expires=expires)
        made.append(key["id"])
    manage("POST", f"/keys/{made[1]}/rotate", {"overlap": "7d"})
    for name, word in [("Developer Testing", "disable"), ("Former contractor", "revoke")]:
        manage("POST", f"/keys/{manage.create(name, scopes=['calls:read'])['id']}/{word}")
    return made


async def _remember(store: Path, made: list[str]) -> None:
    """A month of use, as if it had been."""
    now = datetime.now(UTC)
    uses, days = [], []
    for at, (key_id, (*_, usual, address, hours)) in enumerate(zip(made, KEYS, strict=True)):
        if hours is None:
            continue
        uses.append(Use(key_id, now.timestamp() - hours * 3_600 - 40, address, usual * DAYS))
        for back in range(int(hours // 24), DAYS):
            day = (now - timedelta(days=back)).date()
            requests = int(usual * (1.1 + sin(back + at) / 3) * (0.35 if day.weekday() > 4 else 1))
            refusals = {Reason.SCOPE_MISSING: requests // 40} if at == 0 and back % 3 == 0 else {}
            if at == 0 and back in (8, 9):
                refusals[Reason.ADDRESS_NOT_ALLOWED] = 60
            days.append(UsageDay(key_id, day, requests, refusals, requests * 700, requests * 5_200, address))

    opened = await open_sqlite(store)
    await opened.record_uses(uses, days)
    await opened.close()


@contextmanager
def _pages(
    browser: Browser, gateway: RunningGateway, scheme: str, size: dict[str, int], word: str
) -> Iterator[tuple[Page, Take]]:
    options: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "locale": "en-GB"}
    with watched(browser, f"http://127.0.0.1:{gateway.admin_port}", **options) as watch:
        page = watch.page

        def take(name: str) -> None:
            page.evaluate("() => document.getElementById('toasts').replaceChildren()")
            page.screenshot(path=PICTURES / f"{word}{name}-{scheme}.png", animations="disabled", caret="hide")

        yield page, take


def _take_wide(browser: Browser, gateway: RunningGateway, key: str, scheme: str) -> None:
    with _pages(browser, gateway, scheme, WIDE, "") as (page, take):
        page.goto("/console/")
        expect(page.get_by_label("Admin key")).to_be_focused()
        take("sign-in")
        console = Console(page, key)
        console.sign_in()
        expect(console.row("VaM Plugin")).to_be_visible()
        take("keys")
        _take_making(console, take, gateway)
        _take_acts(console, take)
        page.get_by_role("link", name="Production Server – Main App").click()
        expect(page.get_by_text("a scope was missing")).to_be_visible()
        page.set_viewport_size({"width": WIDE["width"], "height": 1_100})
        take("key")
        page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"]})
        console.view("Try it")
        page.get_by_label("Method").select_option("POST")
        page.get_by_label("Path").fill("/v1/calls/start")
        page.get_by_label("Key").fill("WordPress Integration")
        page.get_by_role("button", name="Explain").click()
        expect(page.get_by_text("scope_missing")).to_be_visible()
        take("try-it")
        console.view("Audit")
        expect(page.get_by_text("The record is whole.")).to_be_visible()
        expect(page.get_by_role("row").nth(3)).to_be_visible()
        take("audit")
        with open_stream(gateway.port, "/ticks", key=_streaming(gateway, key)) as stream:
            stream.readline()
            for _ in range(3):
                gateway.ask("/v1/models")
            console.view("Overview")
            expect(page.locator(".figure", has_text="open now").locator("b")).to_have_text("1")
            expect(page.get_by_text("The last 30 days")).to_be_visible()
            take("overview")


def _streaming(gateway: RunningGateway, key: str) -> str:
    manage = Management(gateway.admin_port, key)
    for old in manage.every("/keys?q=Streaming"):
        manage("POST", f"/keys/{old['id']}/revoke")
    return str(manage.create("Streaming listener")["key"])


def _take_making(console: Console, take: Take, gateway: RunningGateway) -> None:
    page = console.page
    page.get_by_role("button", name="Create key").click()
    console.dialog.get_by_label("Name", exact=True).fill("Inventory of the north store")
    console.press("Read-only")
    take("create")
    console.press("Create key")
    secret = console.secret()
    take("shown-once")
    gateway.ask("/v1/models", key=secret)
    expect(console.dialog.get_by_text("It works.")).to_be_visible()
    take("first-call")
    console.stored()
    console.act("Inventory of the north store", "Revoke")
    console.dialog.get_by_label("to confirm").fill("Inventory of the north store")
    console.press("Revoke")
    expect(page.get_by_role("dialog")).to_have_count(0)


def _take_acts(console: Console, take: Take) -> None:
    console.act("CRM Connector – Salesforce", "Edit")
    expect(console.dialog.get_by_role("button", name="Save")).to_be_visible()
    take("edit")
    console.press("Cancel")
    console.act("Production Server – Main App", "Rotate")
    take("rotate")
    console.press("Cancel")
    console.act("Production Server – Main App", "Revoke")
    expect(console.dialog.get_by_label("to confirm")).to_be_visible()
    take("revoke")
    console.press("Cancel")


def _take_narrow(browser: Browser, gateway: RunningGateway, key: str, scheme: str) -> None:
    with _pages(browser, gateway, scheme, NARROW, "phone-") as (page, take):
        console = Console(page, key).open()
        expect(console.row("VaM Plugin")).to_be_attached()
        take("keys")
        page.get_by_role("button", name="Create key").click()
        console.dialog.get_by_label("Name", exact=True).fill("VaM Plugin, living room")
        take("create")


if __name__ == "__main__":
    main()
