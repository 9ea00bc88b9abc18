"""A page of another origin, in a real browser, calls the gateway: it gets through, or can read why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page

from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.real_upstreams import AppUpstream
from tests.support.running_gateway import Home

ASK = """async ([url, init]) => {
    try {
        const answer = await fetch(url, init);
        const fields = Object.fromEntries(answer.headers.entries());
        return { status: answer.status, fields, body: await answer.text() };
    } catch (fault) {
        return { fault: fault.name };
    }
}"""
LISTEN = """url => new Promise(resolve => {
    const source = new EventSource(url);
    source.onmessage = event => { source.close(); resolve(event.data); };
    source.onerror = () => { source.close(); resolve('error'); };
})"""


@dataclass(frozen=True)
class Elsewhere:
    """A gateway, a page that it answers, and a page that it does not."""

    gateway: str
    key: str
    listed: str
    stranger: str


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Elsewhere</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    home = Home(tmp_path_factory.mktemp("elsewhere"))
    with AppUpstream(app) as pages, LastingUpstream() as upstream:
        listed = {"upstream": "main", "scopes": [], "cors": [pages.url]}
        routes = [
            {"id": "all", "path": "/**", **listed},
            {"id": "models", "path": "/v1/models", "methods": ["GET"], **listed, "cors": "on"},
        ]
        home.configure(upstream.url, routes)
        with home.serve() as gateway:
            key = Management(gateway.admin_port, first_key(home.folder)).create("Page", scopes=[])["key"]
            stranger = pages.url.replace("127.0.0.1", "localhost")
            yield Elsewhere(f"http://127.0.0.1:{gateway.port}", key, pages.url, stranger)


@pytest.fixture
def page(chromium: Browser, elsewhere: Elsewhere) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(elsewhere.listed)
    yield page
    context.close()


def ask(page: Page, url: str, key: str | None = None, **init: Any) -> dict[str, Any]:
    headers = {} if key is None else {"X-API-Key": key, "X-Stainless-Lang": "js"}
    answer: dict[str, Any] = page.evaluate(ASK, [url, {"headers": headers, **init}])
    return answer


def test_a_page_calls_with_its_key(page: Page, elsewhere: Elsewhere) -> None:
    answer = ask(page, f"{elsewhere.gateway}/v1/models", elsewhere.key)
    assert answer["status"] == 200
    assert answer["fields"]["x-request-id"]
    assert "tiny" in answer["body"]


def test_a_page_reads_why_it_is_refused(page: Page, elsewhere: Elsewhere) -> None:
    for key, reason in ((None, "credential_missing"), (elsewhere.key[:-1], "credential_malformed")):
        answer = ask(page, f"{elsewhere.gateway}/v1/models", key)
        assert answer["status"] == 401
        assert answer["fields"]["x-keyhatch-reason"] == reason
        assert f'"code": "{reason}"' in answer["body"]


def test_a_page_reads_that_there_is_no_such_method(page: Page, elsewhere: Elsewhere) -> None:
    assert ask(page, f"{elsewhere.gateway}/v1/models", method="POST", body="x")["status"] == 405


def test_a_listed_page_may_send_what_its_browser_sends_by_itself(page: Page, elsewhere: Elsewhere) -> None:
    url, everybody = f"{elsewhere.gateway}/v1/chat/completions", f"{elsewhere.gateway}/v1/models"
    assert ask(page, url, elsewhere.key, credentials="include")["fields"]["x-request-id"]
    assert ask(page, everybody, elsewhere.key, credentials="include") == {"fault": "TypeError"}


def test_an_event_source_reads_a_stream_with_its_key_in_the_address(page: Page, elsewhere: Elsewhere) -> None:
    assert page.evaluate(LISTEN, f"{elsewhere.gateway}/ticks?access_token={elsewhere.key}") == "tick"
    assert page.evaluate(LISTEN, f"{elsewhere.gateway}/ticks") == "error"


def test_a_page_of_an_origin_that_is_not_listed_reads_nothing(page: Page, elsewhere: Elsewhere) -> None:
    page.goto(elsewhere.stranger)
    assert ask(page, f"{elsewhere.gateway}/version", elsewhere.key) == {"fault": "TypeError"}
    assert ask(page, f"{elsewhere.gateway}/v1/models", elsewhere.key)["status"] == 200
