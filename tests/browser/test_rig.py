"""The rig itself: whatever a page does wrong is noticed, and a page that does nothing wrong passes.

Without these a test in a browser could pass because nobody looked.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect

from tests.support import accessibility
from tests.support.accessibility import assert_accessible
from tests.support.programs import program
from tests.support.real_upstreams import AppUpstream
from tests.support.watched_page import Watch, watched

# As strict as a policy can be: no markup made of strings either.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
LOOSE = "default-src * 'unsafe-inline'"

_HEAD = "<!doctype html><html lang='en'><title>Rig</title><link rel='stylesheet' href='/style.css'>"
GOOD = """<p id="said"></p><button type="button">Say it</button>
<script type="module" src="/script.js"></script>"""
SCRIPT = """
document.querySelector('button').addEventListener('click', async () => {
    const answer = await fetch('/hello');
    document.getElementById('said').textContent = await answer.text();
});
"""
ASSETS = {
    "/style.css": ("text/css", "p { color: #222; background: #fff } .pale { color: #bbb }"),
    "/dot.svg": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    "/script.js": ("text/javascript", SCRIPT),
    "/favicon.ico": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),  # browsers ask for it
    "/hello": ("text/plain", "hello"),
    "/throws.js": ("text/javascript", "throw new Error('broken');"),
    "/rejects.js": ("text/javascript", "Promise.reject(new Error('let down'));"),
    "/complains.js": ("text/javascript", "console.error('complaint');"),
    "/evaluates.js": ("text/javascript", "try { eval('1') } catch { /* quietly */ }"),
    "/writes.js": ("text/javascript", "try { document.body.innerHTML = '<b>x</b>' } catch { /* quietly */ }"),
    "/frame": ("text/html", "<!doctype html><title>Frame</title><p style='color: red'>inside</p>"),
}

# What a page may do wrong, and what must be told of it. Each table makes one page, which does it all at once.
Table = dict[str, tuple[str, str]]
BREAKS_ITS_POLICY: Table = {
    "inline script": ("<script>document.title = 'done'</script>", "script-src-elem inline"),
    "inline handler": ("<button onclick='1'>x</button>", "script-src-attr inline"),
    "inline style": ("<style>p { color: red }</style>", "style-src-elem inline"),
    "style attribute": ("<p style='color: red'>x</p>", "style-src-attr inline .*:[0-9]+/:"),
    "picture": ("<img alt='x' src='http://elsewhere.example/x.png'>", "img-src http://elsewhere"),
    "eval": (
        "<script src='/evaluates.js'></script>",
        r"require-trusted-types-for trusted-types-sink eval\|1 .*evaluates.js",
    ),
    "markup": (
        "<script src='/writes.js'></script>",
        "require-trusted-types-for trusted-types-sink Element innerHTML",
    ),
    "within a frame": ("<iframe title='x' src='/frame'></iframe>", "style-src-attr inline .*/frame:"),
}
ASKS_ELSEWHERE: Table = {
    "picture": ("<img alt='x' src='http://a.example/x.png'>", "http://a.example/x.png"),
    "script": ("<script src='http://b.example/x.js'></script>", "http://b.example/x.js"),
    "fetch": ("<script>fetch('http://c.example/').catch(() => null)</script>", "http://c.example/"),
    "beacon": ("<script>navigator.sendBeacon('http://d.example/', 'x')</script>", "http://d.example/"),
    "socket": ("<script>new WebSocket('ws://e.example/')</script>", "ws://e.example/"),
    "frame": ("<iframe title='x' src='http://f.example/'></iframe>", "http://f.example/"),
    "another port": ("<script>fetch('http://127.0.0.1:9').catch(() => null)</script>", "http://127.0.0.1:9/"),
}
GOES_WRONG: Table = {
    "an error": ("<script src='/throws.js'></script>", "an error nobody caught: .*broken"),
    "a rejection": ("<script src='/rejects.js'></script>", "an error nobody caught: .*let down"),
    "a complaint": ("<script src='/complains.js'></script>", "an error on the console: complaint"),
    "a failed request": (
        "<img alt='x' src='/nothing.png'>",
        r"an error on the console: .*404.*/nothing\.png",
    ),
}
NOT_FOR_EVERYONE: Table = {
    "a picture without a text": ("<img src='/dot.svg'>", r"image-alt \(critical\)"),
    "a field without a label": ("<input type='text'>", r"label \(critical\)"),
    "a button without a name": ("<button type='button'></button>", r"button-name \(critical\)"),
    "pale text": ("<p class='pale'>pale</p>", r"color-contrast \(serious\): .*\n  p\n"),
}


class Site(AppUpstream):
    """Pages made by the tests: `show` says what stands at `/`."""

    def __init__(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        super().__init__(app)
        self.show("")

    def show(self, body: str, policy: str = POLICY) -> None:
        """Serve this page, with this policy."""
        self.page = f"{_HEAD}<main><h1>Rig</h1>{body}</main>"
        self.policy = policy

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path != "/" and request.path not in ASSETS:
            raise web.HTTPNotFound
        kind, text = ASSETS.get(request.path, ("text/html", self.page))
        headers = {"Content-Security-Policy": self.policy}
        return web.Response(text=text, content_type=kind, headers=headers)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def origin(site: Site) -> str:
    return site.url


def page_of(table: Table) -> str:
    return "\n".join(body for body, _ in table.values())


def untold(table: Table, told: str, start: str = "") -> list[str]:
    """What was done and not told of."""
    return [what for what, (_, sign) in table.items() if not re.search(start + sign, told)]


def told_of(chromium: Browser, site: Site, *, do: Callable[[Page], object], expected: str = "") -> str:
    """With what words the watch fails. Whatever is expected, it excuses nothing but the console."""

    def visit() -> None:
        with watched(chromium, site.url) as watch:
            watch.expect_console_error(expected)
            do(watch.page)

    with pytest.raises(AssertionError, match="the browser saw:") as failure:
        visit()
    return str(failure.value)


def test_a_page_that_does_nothing_wrong_passes(site: Site, page: Page) -> None:
    site.show(GOOD)
    page.goto("/")
    page.get_by_role("button", name="Say it").click()
    expect(page.locator("#said")).to_have_text("hello")
    page.wait_for_function("document.querySelector('#said').textContent === 'hello'")
    assert_accessible(page)


def test_a_page_that_breaks_its_policy_is_noticed(site: Site, chromium: Browser) -> None:
    site.show(page_of(BREAKS_ITS_POLICY))
    told = told_of(chromium, site, do=lambda page: page.goto("/"))
    assert untold(BREAKS_ITS_POLICY, told, "a violation of the policy: ") == []


def test_a_request_elsewhere_is_noticed(site: Site, chromium: Browser) -> None:
    site.show(page_of(ASKS_ELSEWHERE), LOOSE)
    told = told_of(chromium, site, do=lambda page: page.goto("/"))
    assert untold(ASKS_ELSEWHERE, told, "a request to somewhere else: ") == []


def test_what_goes_wrong_in_a_page_is_noticed(site: Site, chromium: Browser) -> None:
    site.show(page_of(GOES_WRONG))
    told = told_of(chromium, site, do=lambda page: page.goto("/"), expected="nothing of this")
    assert untold(GOES_WRONG, told) == []


def test_what_a_page_opened_by_the_page_does_is_noticed(site: Site, chromium: Browser) -> None:
    def follow(page: Page) -> None:
        page.goto("/")
        with page.context.expect_page() as opened:
            page.get_by_role("link").click()
        opened.value.wait_for_load_state()

    site.show("<a target='_blank' href='/frame'>more</a>")
    assert "a violation of the policy: style-src-attr" in told_of(chromium, site, do=follow)


def test_what_went_wrong_at_the_very_end_is_noticed_with_the_clock_held(
    site: Site, chromium: Browser
) -> None:
    def colour(page: Page) -> None:
        page.clock.install()
        page.goto("/")
        page.evaluate("document.querySelector('p').setAttribute('style', 'color: red')")

    site.show("<p>x</p>")
    assert "a violation of the policy: style-src-attr" in told_of(chromium, site, do=colour)


def test_an_expected_error_on_the_console_is_none_and_hides_no_other(site: Site, watch: Watch) -> None:
    site.show("<img alt='x' src='/nothing.png'><script src='/complains.js'></script>")
    watch.page.goto("/")
    assert len(watch.trouble()) == 2
    watch.expect_console_error("status of 404")
    (left,) = watch.trouble()
    assert "complaint" in left
    watch.expect_console_error("^an error on the console: complaint")


def test_each_page_is_fresh(site: Site, chromium: Browser) -> None:
    site.show("")
    read = "() => [document.cookie, localStorage.getItem('seen')]"
    for _ in range(2):
        with watched(chromium, site.url) as watch:
            watch.page.goto("/")
            assert watch.page.evaluate(read) == ["", None]
            watch.page.evaluate("() => { document.cookie = 'a=b'; localStorage.setItem('seen', 'yes') }")


def test_what_not_everyone_can_use_is_noticed_by_axe(site: Site, page: Page) -> None:
    site.show(page_of(NOT_FOR_EVERYONE))
    page.goto("/")
    with pytest.raises(AssertionError) as told:
        assert_accessible(page)
    assert untold(NOT_FOR_EVERYONE, str(told.value)) == []


def test_what_is_missing_is_said_and_skips_the_test_but_where_nothing_may_be_skipped(
    site: Site, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.goto("/")
    monkeypatch.setattr(accessibility, "AXE", accessibility.FOLDER / "nothing.js")
    for ci, outcome in (("", pytest.skip.Exception), ("true", pytest.fail.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="axe-core is not installed: apt install npm"):
            assert_accessible(page)
        with pytest.raises(outcome, match="no-browser is not installed: apt install its-package"):
            program("no-browser", "its-package")
