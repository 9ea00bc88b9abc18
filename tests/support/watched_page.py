"""A page in a real browser that is watched: nothing it does wrong stays unseen.

    with watched(chromium, "http://127.0.0.1:8081") as watch:
        watch.page.goto("/console/")

Leaving the context fails the test if any page in it, popups and frames included,

1. broke its Content-Security-Policy (told by the browser's own event, so no wording is relied upon),
2. threw an error that nobody caught,
3. wrote an error to the console (the browser itself does for each answer of status 400 and above),
4. asked for anything at another origin than its own, be it a WebSocket.

Only the third may be expected: `watch.expect_console_error("status of 401")`. The policy stays in force:
Playwright's `evaluate` and `wait_for_function` pass it by the debugger's way, so nothing needs `bypass_csp`.
What the test itself makes the page do through `evaluate` is the page's doing.

Each context is fresh: no cookies, no storage, nothing of the test before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page

WITHIN_S = 10.0

# A name without a dot, to which a gateway answers as to an address. Over plain http the browser calls its
# context insecure, other than 127.0.0.1: there is no clipboard, as on a server in somebody's network.
PLAIN_NAME = "keyhatch"

# Nothing but these leads anywhere: a page that asks elsewhere is found out, and reaches nobody.
_NAMES = (
    f"MAP {PLAIN_NAME} 127.0.0.1, MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules={_NAMES}",
)

_TELL_OF_VIOLATIONS = """
addEventListener('securitypolicyviolation', violation => {
    const { effectiveDirective, blockedURI, sample, sourceFile, lineNumber } = violation;
    tellOfViolation([effectiveDirective, blockedURI, sample, `${sourceFile}:${lineNumber}`].join(' '));
}, true);
"""
# Not a timer: the test may have taken the clock into its own hands. The browser tells of a violation in a
# task of its own, which comes before the second of these.
_LET_TASKS_RUN = """async () => {
    for (let round = 0; round < 2; round += 1) {
        const { port1, port2 } = new MessageChannel();
        await new Promise(done => { port1.onmessage = done; port2.postMessage(null); });
    }
}"""
_WITHIN_THE_PAGE = {"about", "blob", "data"}
_OF_SOCKETS = {"ws": "http", "wss": "https"}


class Watch:
    """What is seen in one browser context; `page` is its first page."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.origin = origin
        self._seen: list[str] = []
        self._console: list[str] = []
        self._expected: list[str] = []
        context.on("console", self._read_console)
        context.on("weberror", lambda error: self._seen.append(f"an error nobody caught: {error.error}"))
        context.on("request", lambda request: self._look_at(request.url))
        context.on("page", self._follow)
        context.expose_function("tellOfViolation", self._read_violation)
        context.add_init_script(_TELL_OF_VIOLATIONS)
        self.page = context.new_page()

    def expect_console_error(self, pattern: str) -> None:
        """Console errors in which this regular expression is found are no trouble, whenever they came."""
        self._expected.append(pattern)

    def trouble(self) -> list[str]:
        """Everything seen so far that should not be; what is under way in the pages is waited for."""
        for page in self.context.pages:
            with suppress(Error):  # a page that is closing has nothing more to tell
                page.evaluate(_LET_TASKS_RUN)
        unexpected = [
            text for text in self._console if not any(re.search(each, text) for each in self._expected)
        ]
        return self._seen + unexpected

    def _follow(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._look_at(socket.url))

    def _read_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._console.append(f"an error on the console: {message.text} ({message.location['url']})")

    def _read_violation(self, what: str) -> None:
        self._seen.append(f"a violation of the policy: {what}")

    def _look_at(self, url: str) -> None:
        parts = urlsplit(url)
        scheme = _OF_SOCKETS.get(parts.scheme, parts.scheme)
        if scheme not in _WITHIN_THE_PAGE and f"{scheme}://{parts.netloc}" != self.origin:
            self._seen.append(f"a request to somewhere else: {url}")


@contextmanager
def watched(browser: Browser, origin: str, **options: Any) -> Iterator[Watch]:
    """A fresh context and page for `origin`; `options` are those of Playwright's `new_context`."""
    context = browser.new_context(base_url=origin, **options)
    context.set_default_timeout(WITHIN_S * 1000)
    try:
        watch = Watch(context, origin)
        yield watch
        trouble = watch.trouble()
    finally:
        context.close()
    assert not trouble, "\n".join(["the browser saw:", *trouble])
