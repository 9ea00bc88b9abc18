"""What the gateway itself answers on the proxied port, and that nobody else can."""

import pytest

from tests.support.plane_stand import EPOCH_S, Stand, request
from tests.support.raw_caller import json_body


async def test_health_needs_no_key(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /.keyhatch/health HTTP/1.1", shown=None))
    response = await caller.response()
    assert (response.status, json_body(response)) == (200, {"status": "ok"})
    assert response.one(b"cache-control") == b"no-store"
    stand.assert_untouched()


async def test_options_of_the_whole_server_are_told_without_the_upstream(stand: Stand) -> None:
    caller = await stand.call(request(b"OPTIONS * HTTP/1.1", shown=None))
    response = await caller.response()
    assert (response.status, response.body) == (200, b"")
    assert b"DELETE, GET, HEAD, " in (response.one(b"allow") or b"")
    caller.send(request(b"GET * HTTP/1.1"))
    assert (await caller.response()).status == 400
    stand.assert_untouched()


OWN = {
    "health": request(b"GET /.keyhatch/health HTTP/1.1", shown=None),
    "me": request(b"GET /.keyhatch/me HTTP/1.1"),
    "refusal": request(shown=None),
    "head": request(b"HEAD /nowhere HTTP/1.1"),
    "no-http": b"\x00\r\n\r\n",
}


@pytest.mark.parametrize("sent", OWN.values(), ids=OWN)
async def test_every_answer_of_our_own_has_the_clocks_date(stand: Stand, sent: bytes) -> None:
    caller = await stand.call(sent)
    response = await caller.response(to=sent[:4].strip())
    assert response.all(b"date") == [b"Fri, 15 Jan 2027 08:00:00 GMT"]
    assert response.one(b"cache-control") == b"no-store"
    stand.clock.at += 61
    caller = await stand.call(sent)
    assert (await caller.response(to=sent[:4].strip())).one(b"date") == b"Fri, 15 Jan 2027 08:01:01 GMT"


async def test_the_holder_of_a_key_is_told_about_it(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /.keyhatch/me HTTP/1.1"))
    told = json_body(await caller.response())
    assert (told["name"], told["scopes"], told["expires_at"]) == ("Ada's laptop", ["chat:write"], None)
    assert (told["last_used_at"], told["last_used_from"]) == ("2027-01-15T08:00:00Z", "127.0.0.1")
    stand.assert_untouched()


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_a_known_keys_holder_is_answered_without_the_store(stand: Stand, method: bytes) -> None:
    caller = await stand.call()
    for _ in range(3):
        caller.send(request(method + b" /.keyhatch/me HTTP/1.1"))
        assert (await caller.response(to=method)).status == 200
    assert (stand.store.looking, stand.store.fetched) == (1, 0)


async def test_last_use_never_moves_backwards_with_the_clock(stand: Stand) -> None:
    told = []
    for seconds in (60, -120, 150):
        stand.clock.at += seconds
        caller = await stand.call(request(b"GET /.keyhatch/me HTTP/1.1"))
        told.append(json_body(await caller.response())["last_used_at"])
        assert await stand.gatekeeper.usage.flush()
    assert told == ["2027-01-15T08:01:00Z", "2027-01-15T08:01:00Z", "2027-01-15T08:01:30Z"]


async def test_the_holder_sees_when_the_key_ends(stand: Stand) -> None:
    await stand.change_key(expires_at=EPOCH_S + 60)
    caller = await stand.call(request(b"GET /.keyhatch/me HTTP/1.1"))
    told = json_body(await caller.response())
    assert (told["status"], told["expires_at"]) == ("expiring", "2027-01-15T08:01:00Z")


@pytest.mark.parametrize("path", [b"health", b"me"])
async def test_head_is_answered_without_a_body(stand: Stand, path: bytes) -> None:
    caller = await stand.call(request(b"HEAD /.keyhatch/" + path + b" HTTP/1.1"))
    assert (await caller.response(to=b"HEAD")).status == 200
    caller.send(request(b"GET /open/x HTTP/1.1"))
    assert (await caller.response()).body == b"ok"


@pytest.mark.parametrize("path", [b"/.keyhatch", b"/.keyhatch/", b"/.keyhatch/x", b"/.keyhatch/me/x"])
async def test_the_rest_of_the_gateways_own_paths_is_empty(stand: Stand, path: bytes) -> None:
    caller = await stand.call(request(b"GET " + path + b" HTTP/1.1"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (404, b"no_route")
    stand.assert_untouched()


@pytest.mark.parametrize(
    "path", [b"/.Keyhatch/me", b"/%2ekeyhatch/me", b"/.keyhatch./me", b"/.keyhatch;x/me"]
)
async def test_no_other_spelling_reaches_them_or_the_upstream(stand: Stand, path: bytes) -> None:
    caller = await stand.call(request(b"GET " + path + b" HTTP/1.1"))
    assert (await caller.response()).status in (400, 404)
    stand.assert_untouched()
