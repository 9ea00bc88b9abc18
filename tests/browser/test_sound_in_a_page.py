"""`<audio>` in a real page sends no headers: it plays what a signed address or a key in the path opens.

Behind the gateway is a server of speech as Voxta's: `/api/tts/cached/FILE?token=T`, asked for in ranges.
"""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Page

from gateway.core.keys import Secret
from gateway.keeper.desk import KeyDraft
from tests.support.client_stand import ClientStand, preset_settings, standing
from tests.support.running_gateway import Home
from tests.support.watched_page import Watch
from tests.support.watched_upstream import WatchedUpstream

FILE = "/api/tts/cached/hello.wav?token=abc"
SECONDS = 3
HERTZ = 22_050
PAGE = "<!doctype html><title>Sound</title><link rel=icon href=data:,>"
LISTEN = """src => new Promise(tell => {
    const sound = new Audio();
    sound.oncanplaythrough = () => tell(sound.duration);
    sound.onerror = () => tell('refused');
    sound.preload = 'auto';
    sound.src = src;
})"""


class SpeechServer(WatchedUpstream):
    """Serves one recording, in parts where parts are asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__([web.get("/page/", self._page), web.get("/api/tts/cached/hello.wav", self._sound)])
        self._file = folder / "hello.wav"
        with wave.open(str(self._file), "wb") as recording:
            recording.setparams((1, 2, HERTZ, 0, "NONE", ""))
            recording.writeframes(bytes(2 * HERTZ * SECONDS))

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _sound(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("token") != "abc":
            raise web.HTTPForbidden
        return web.FileResponse(self._file)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    home = Home(tmp_path_factory.mktemp("speech"))
    assert home.keyhatch("credentials", "new-key", "vault.key").code == 0
    with SpeechServer(home.folder) as upstream:
        home.write(
            {
                **preset_settings(upstream.url, "voxta"),
                "vault": {"key_file": "vault.key"},
                "routes": [{"id": "page", "path": "/page/", "upstream": "main", "public": True}],
            }
        )
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


@pytest.fixture(scope="module")
def origin(stand: ClientStand) -> str:
    return stand.gateway.url


def made(stand: ClientStand, name: str, **more: Any) -> Secret:
    """A key that may listen."""
    draft = KeyDraft(name=name, scopes=("audio:speech",), expires_at=None, **more)
    secret = stand.home.manage(lambda desk: desk.create(draft))[1]
    stand.keys[name,] = secret.reveal()
    return secret


def test_a_signed_address_plays_until_its_key_is_revoked(stand: ClientStand, page: Page) -> None:
    made(stand, "Player")
    signed = stand.home.keyhatch("sign", FILE, "--key", "Player", "--expires", "2m")
    assert signed.code == 0, signed.err
    address = signed.out.strip()
    page.goto("/page/")
    assert page.evaluate(LISTEN, address) == pytest.approx(SECONDS)
    assert {seen.target for seen in stand.upstream.seen if seen.path != "/page/"} == {FILE}
    stand.home.manage(lambda desk: desk.revoke("Player"))
    assert stand.gateway.ask(address).reason == "key_revoked"  # this browser keeps what it has heard


def test_without_a_signature_nothing_plays(stand: ClientStand, watch: Watch) -> None:
    watch.expect_console_error("status of 401")
    watch.page.goto("/page/")
    assert watch.page.evaluate(LISTEN, FILE) == "refused"


def test_a_key_in_the_path_plays_and_the_server_does_not_see_it(stand: ClientStand, page: Page) -> None:
    secret = made(stand, "Radio", in_path=True).reveal()
    page.goto("/page/")
    assert page.evaluate(LISTEN, f"/k/{secret}{FILE}") == pytest.approx(SECONDS)
    assert not stand.upstream.has_seen(secret)
