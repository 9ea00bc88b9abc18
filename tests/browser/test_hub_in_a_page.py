"""SignalR in a real page: it shows its key in a header where it can, and in the query where it cannot."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page

from tests.support.client_stand import UNKNOWN, ClientStand, preset_settings, preset_stand, standing
from tests.support.running_gateway import Home
from tests.support.signalr_hub import SignalRHub
from tests.support.signalr_node import PACKAGES, require_packages
from tests.support.watched_page import Watch

PAGE = "<!doctype html><title>Hub</title><link rel=icon href=data:,><script src=/page/signalr.js></script>"
ROUTES: list[dict[str, Any]] = [
    {"id": "page", "path": "/page/**", "upstream": "main", "public": True},
]
TALK = """async ([key, transport, url]) => {
    const connection = new signalR.HubConnectionBuilder()
        .withUrl(url, { accessTokenFactory: () => key, transport: signalR.HttpTransportType[transport] })
        .configureLogging(signalR.LogLevel.None)
        .build();
    const welcomed = new Promise(welcome => connection.on('ReceiveMessage', welcome));
    try {
        await connection.start();
        await connection.invoke('SendMessage', { $type: 'authenticate', client: 'page' });
        const told = await welcomed;
        await connection.stop();
        return JSON.stringify(told);
    } catch (error) {
        return String(error);
    }
}"""


class HubWithPage(SignalRHub):
    """The hub, and a page with SignalR's own client for browsers."""

    def routes(self) -> Iterator[web.RouteDef]:
        yield from super().routes()
        yield web.get("/page/", self._page)
        yield web.get("/page/signalr.js", self._client)

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _client(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PACKAGES / "@microsoft/signalr/dist/browser/signalr.min.js")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    require_packages("@microsoft/signalr")
    with preset_stand(tmp_path_factory.mktemp("hub"), HubWithPage(), "voxta", ROUTES) as stand:
        yield stand


@pytest.fixture(scope="module")
def origin(stand: ClientStand) -> str:
    return stand.gateway.url


@pytest.mark.parametrize("transport", ["WebSockets", "ServerSentEvents"])
def test_a_page_connects_and_invokes_and_its_key_goes_no_further(
    stand: ClientStand, page: Page, transport: str
) -> None:
    page.goto("/page/")
    told = page.evaluate(TALK, [stand.key("chat:write"), transport, "/hub"])
    assert json.loads(told) == {"$type": "welcome", "user": "page"}
    assert all("access_token" not in seen.target for seen in stand.upstream.seen)


def test_a_page_with_a_wrong_key_is_told_why(stand: ClientStand, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    watch.page.goto("/page/")
    with stand.exactly(1, 401):
        told = watch.page.evaluate(TALK, [UNKNOWN, "WebSockets", "/hub"])
    assert "This key was not issued by this gateway, or it was deleted." in told


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    """A gateway that lets in the pages of one other origin: here the hub's own, asked without the gateway."""
    require_packages("@microsoft/signalr")
    home, hub = Home(tmp_path_factory.mktemp("abroad")), HubWithPage()
    with hub:
        door = {"upstream": "main", "scopes": ["chat:write"], "cors": [hub.url]}
        routes = [
            {"id": "hub", "path": "/hub", **door},
            {"id": "negotiate", "path": "/hub/negotiate", **door},
        ]
        home.write({**preset_settings(hub.url, "voxta"), "routes": routes})
        with home.serve() as gateway, standing(home, gateway, hub) as stand:
            yield stand


@pytest.fixture
def foreign(abroad: ClientStand, chromium: Browser) -> Iterator[Page]:
    """A page of that origin."""
    context = chromium.new_context(base_url=abroad.upstream.url)
    page = context.new_page()
    page.goto("/page/")
    yield page
    context.close()


@pytest.mark.parametrize("transport", ["WebSockets", "ServerSentEvents"])
def test_a_page_of_another_origin_connects_where_the_route_lets_it(
    abroad: ClientStand, foreign: Page, transport: str
) -> None:
    told = foreign.evaluate(TALK, [abroad.key("chat:write"), transport, f"{abroad.gateway.url}/hub"])
    assert json.loads(told) == {"$type": "welcome", "user": "page"}


def test_a_page_of_another_origin_with_a_wrong_key_is_told_why(abroad: ClientStand, foreign: Page) -> None:
    told = foreign.evaluate(TALK, [UNKNOWN, "WebSockets", f"{abroad.gateway.url}/hub"])
    assert "This key was not issued by this gateway, or it was deleted." in told


def test_a_page_of_any_further_origin_is_let_in_nowhere(abroad: ClientStand, chromium: Browser) -> None:
    before = abroad.upstream.count("/hub/negotiate")
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(abroad.upstream.url.replace("127.0.0.1", "localhost") + "/page/")
        told = page.evaluate(TALK, [abroad.key("chat:write"), "WebSockets", f"{abroad.gateway.url}/hub"])
    finally:
        context.close()
    assert "Failed to complete negotiation" in told
    assert abroad.upstream.count("/hub/negotiate") == before
