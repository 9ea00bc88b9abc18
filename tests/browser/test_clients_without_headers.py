"""A real browser where no header can be set: its own dialog, a key in the path, signed images and voices."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Browser, BrowserContext

from tests.support.client_stand import ClientStand, client_stand
from tests.support.real_upstreams import AppUpstream
from tests.support.running_gateway import eventually
from tests.support.watched_upstream import WatchedUpstream

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
FORMAT = struct.pack("<IHHIIHH", 16, 1, 1, 8_000, 8_000, 1, 8)
VOICE = b"RIFF" + struct.pack("<I", 1_636) + b"WAVEfmt " + FORMAT
VOICE += b"data" + struct.pack("<I", 1_600) + b"\x80" * 1_600
PAGE = """<!doctype html><title>UI</title><link rel=icon href=data:,><img id=relative src=a.png><script>
    window.talk = () => new Promise((told, gone) => {
        const socket = new WebSocket(location.href.replace('http', 'ws') + 'talk');
        socket.onopen = () => socket.send('hello');
        socket.onmessage = message => told(message.data);
        socket.onerror = gone;
    });
</script>"""
SHOWN = """at => new Promise(shown => {
    const one = new Image();
    one.onload = () => shown(one.width);
    one.onerror = () => shown(0);
    one.src = at;
})"""
HEARD = """at => new Promise(heard => {
    const one = document.createElement('audio');
    one.preload = 'auto';
    one.onloadedmetadata = () => heard(one.duration);
    one.onerror = () => heard(one.error.message);
    setTimeout(() => heard(`nothing came, state ${one.networkState}`), 10000);
    one.src = at;
    document.body.append(one);
})"""
POST = "at => fetch(at, {method: 'POST', mode: 'no-cors', credentials: 'include'}).catch(() => 0)"
OPENED = """at => new Promise(told => {
    const socket = new WebSocket(at);
    socket.onopen = () => told(1);
    socket.onerror = () => told(0);
})"""
ROUTES: list[dict[str, Any]] = [
    {"id": "ui", "path": "/ui/**", "upstream": "main", "scopes": [], "browser_prompt": True},
    {"id": "open", "path": "/open/", "upstream": "main", "public": True},
    {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
]


async def _page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _open(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><link rel=icon href=data:,>", content_type="text/html")


async def _picture(_: web.Request) -> web.Response:
    return web.Response(body=PICTURE, content_type="image/png", headers={"Cache-Control": "no-store"})


async def _voice(_: web.Request) -> web.Response:
    return web.Response(body=VOICE, content_type="audio/wav")


async def _act(_: web.Request) -> web.Response:
    return web.Response(text="done")


async def _moved(_: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": "/ui/"})


async def _talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    routes = [web.get("/ui/", _page), web.get("/ui/a.png", _picture), web.post("/ui/act", _act)]
    routes += [web.get("/ui/talk", _talk), web.get("/ui/moved", _moved), web.get("/voice.wav", _voice)]
    routes += [web.get("/open/", _open)]
    upstream = WatchedUpstream(routes)
    folder = tmp_path_factory.mktemp("home")
    (folder / "vault.key").write_text(base64.b64encode(bytes(range(32))).decode())
    (folder / "vault.key").chmod(0o600)
    with client_stand(folder, upstream, ROUTES, vault={"key_file": "vault.key"}) as stand:
        yield stand


@pytest.fixture
def asked(chromium: Browser, stand: ClientStand) -> Iterator[BrowserContext]:
    """A browser whose user types the key into its dialog, whenever there is one."""
    context = chromium.new_context(http_credentials={"username": "me", "password": stand.key()})
    yield context
    context.close()


@pytest.fixture
def plain(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


def test_a_web_interface_that_knows_no_keys_works_with_the_browsers_own_dialog(
    stand: ClientStand, asked: BrowserContext
) -> None:
    page = asked.new_page()
    page.goto(f"{stand.gateway.url}/ui/")
    assert page.title() == "UI"
    assert page.evaluate("document.getElementById('relative').naturalWidth") == 1
    assert page.evaluate("fetch('act', {method: 'POST'}).then(a => a.text())") == "done"
    assert page.evaluate("talk()") == "hello"
    assert not any("authorization" in seen.headers for seen in stand.upstream.seen)


def test_another_sites_page_cannot_act_with_what_was_typed(stand: ClientStand, asked: BrowserContext) -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Elsewhere</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", strange)
    page = asked.new_page()
    page.goto(f"{stand.gateway.url}/ui/")
    before = stand.upstream.count("/ui/act"), stand.upstream.count("/ui/talk")
    with AppUpstream(app) as elsewhere:
        page.goto(elsewhere.url.replace("127.0.0.1", "localhost"))
        url, at = f"{stand.gateway.url}/ui/act", f"ws://127.0.0.1:{stand.gateway.port}/ui/talk"
        page.evaluate(POST, url)
        assert page.evaluate(OPENED, at) == 0

    def refused() -> bool:
        told = {line["path"] for line in stand.gateway.lines(event="exchange", status=401)}
        return {"/ui/act", "/ui/talk"} <= told

    eventually(refused, "both refusals are logged")
    assert (stand.upstream.count("/ui/act"), stand.upstream.count("/ui/talk")) == before


def test_pages_and_redirects_stay_under_a_key_in_the_path(stand: ClientStand, plain: BrowserContext) -> None:
    key = stand.home.create("In paths", "--in-path")
    page = plain.new_page()
    page.goto(f"{stand.gateway.url}/k/{key}/ui/moved")
    assert page.url == f"{stand.gateway.url}/k/{key}/ui/"
    assert page.evaluate("document.getElementById('relative').naturalWidth") == 1
    assert page.evaluate("talk()") == "hello"
    assert not stand.upstream.has_seen(key)
    assert "referer" not in stand.upstream.last("/ui/a.png").headers
    eventually(lambda: "/k/kh_****/ui/" in stand.gateway.log, "the page is logged")
    assert key not in stand.gateway.log


def test_an_image_and_a_voice_open_by_their_signature_until_their_key_ends(
    stand: ClientStand, plain: BrowserContext
) -> None:
    stand.home.create("Player")
    page = plain.new_page()
    page.goto(f"{stand.gateway.url}/open/")

    def signed(path: str) -> str:
        ran = stand.home.keyhatch("sign", f"{stand.gateway.url}{path}", "--key", "Player", "-o", "json")
        return str(json.loads(ran.out)["address"])

    picture, voice = signed("/ui/a.png?size=1"), signed("/voice.wav")
    assert page.evaluate(SHOWN, picture) == 1
    assert page.evaluate(SHOWN, picture.replace("size=1", "size=2")) == 0
    assert page.evaluate(HEARD, voice) == pytest.approx(0.2)
    assert stand.upstream.last("/ui/a.png").target == "/ui/a.png?size=1"
    assert not stand.upstream.has_seen("signature")
    stand.home.keyhatch("keys", "revoke", "Player", "--yes")
    page.reload()  # a page shows a picture again without asking
    assert page.evaluate(SHOWN, picture) == 0
    assert "kh_signature=" not in stand.gateway.log
