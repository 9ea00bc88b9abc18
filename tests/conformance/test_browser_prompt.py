"""Where a route asks for it, a browser asks its user for a key, and no other site's page can use that."""

import base64

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import switching, websocket
from tests.support.plane_stand import KEY, STRANGE_KEY, Stand, request
from tests.support.raw_caller import json_body
from tests.support.scripted_upstream import answering

PROMPT = b'Basic realm="keyhatch", charset="UTF-8"'
BASIC = b"Authorization: Basic " + base64.b64encode(b":" + KEY)


@pytest.mark.parametrize("shown", [None, STRANGE_KEY, KEY[:-1], b"sk-proj-abcdefghijklmnopqrstuvwxyz"])
async def test_a_refused_browser_is_made_to_ask(stand: Stand, shown: bytes | None) -> None:
    response = await (await stand.call(request(b"GET /ui/x HTTP/1.1", shown=shown))).response()
    assert response.status == 401
    bearer, prompt = response.all(b"www-authenticate")
    assert (bearer[:6], prompt) == (b"Bearer", PROMPT)


async def test_on_no_other_route_a_dialog_pops_up(stand: Stand) -> None:
    response = await (await stand.call(request(b"GET /any/x HTTP/1.1", shown=None))).response()
    assert response.all(b"www-authenticate") == [b'Bearer realm="keyhatch"']


async def test_a_dead_key_is_asked_for_again_and_a_missing_scope_is_not(build: BuildStand) -> None:
    stand = await build()
    await stand.change_key(scopes=frozenset())
    refused = await (await stand.call(request(b"GET /ui/x HTTP/1.1", BASIC, shown=None))).response()
    assert refused.status == 403
    assert PROMPT not in refused.all(b"www-authenticate")
    await stand.change_key(revoked_at=stand.clock.at)
    dead = await (await stand.call(request(b"GET /ui/x HTTP/1.1", BASIC, shown=None))).response()
    assert (dead.one(b"x-keyhatch-reason"), dead.all(b"www-authenticate")[1]) == (b"key_revoked", PROMPT)


@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE"])
async def test_what_its_own_pages_ask_for_passes_without_the_key(stand: Stand, method: bytes) -> None:
    own = (b"Origin: http://gate.example", b"Referer: http://gate.example/ui/")
    line = request(method + b" /ui/x HTTP/1.1", BASIC, *own, shown=None)
    assert (await (await stand.call(line)).response()).status == 200
    assert stand.upstream.the_request().all(b"authorization") == []


@pytest.mark.parametrize("said", [b"Origin: https://evil.example", b"Sec-Fetch-Site: cross-site"])
async def test_another_sites_page_changes_nothing_with_it(stand: Stand, said: bytes) -> None:
    response = await (await stand.call(request(b"POST /ui/x HTTP/1.1", BASIC, said, shown=None))).response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"credential_missing")
    assert response.all(b"www-authenticate") == [b'Bearer realm="keyhatch"']
    assert "a page of another site" in json_body(response)["error"]["message"]
    refused = await (await stand.call(websocket(b"/ui/ws", BASIC, said, shown=None))).response()
    assert refused.status == 401
    stand.assert_untouched()


async def test_nor_with_fields_that_were_let_look_before(stand: Stand) -> None:
    said = b"Sec-Fetch-Site: cross-site"
    seen = []
    for method in (b"GET", b"GET", b"POST", b"DELETE", b"GET"):
        line = request(method + b" /ui/x HTTP/1.1", BASIC, said, shown=None)
        seen.append((await (await stand.call(line)).response()).status)
    assert seen == [200, 200, 401, 401, 200]


async def test_a_websocket_of_its_own_pages_opens(build: BuildStand) -> None:
    stand = await build(script=answering(switching()))
    line = websocket(b"/ui/ws", BASIC, b"Origin: http://gate.example", shown=None)
    assert (await (await stand.call(line)).response()).status == 101


async def test_a_script_that_shows_its_own_key_may_come_from_anywhere(stand: Stand) -> None:
    line = request(b"POST /ui/x HTTP/1.1", b"Origin: https://elsewhere.example")
    assert (await (await stand.call(line)).response()).status == 200
