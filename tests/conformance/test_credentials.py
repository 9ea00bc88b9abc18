"""Wherever a key may stand it is accepted, judged once and taken out; what is not ours stays.

That no secret ever reached the upstream is checked again by the stand, after every test of the suite.
"""

import base64

import pytest

from tests.support.http_samples import EVENTS, switching, websocket
from tests.support.plane_stand import KEY, OTHER_KEY, STRANGE_KEY, Stand, request
from tests.support.raw_caller import json_body


def basic(user: bytes, password: bytes = b"") -> bytes:
    return b"Authorization: Basic " + base64.b64encode(user + b":" + password)


PLACES = {
    "bearer": b"Authorization: Bearer " + KEY,
    "bearer-lower": b"authorization: bearer " + KEY,
    "bearer-upper": b"AUTHORIZATION: BEARER " + KEY,
    "bearer-doubled": b"Authorization: Bearer Bearer " + KEY,
    "bearer-colon": b"Authorization: Bearer: " + KEY,
    "bearer-blanks": b"Authorization:   Bearer    " + KEY + b"   ",
    "bearer-quotes": b'Authorization: Bearer "' + KEY + b'"',
    "bearer-curly-quotes": "Authorization: Bearer “".encode() + KEY + "”".encode(),
    "token": b"Authorization: Token " + KEY,
    "authorization-alone": b"Authorization: " + KEY,
    "x-api-key": b"X-API-Key: " + KEY,
    "x-api-key-lower": b"x-api-key: " + KEY,
    "x-api-key-quotes": b"X-API-Key: '" + KEY + b"'",
    "x-api-key-bearer": b"X-API-Key: Bearer " + KEY,
    "x-api-key-tabs": b"X-API-Key:\t" + KEY + b"\t",
    "x-api-key-no-blank": b"X-API-Key:" + KEY,
    "api-key": b"api-key: " + KEY,
    "xi-api-key": b"xi-api-key: " + KEY,
    "x-goog-api-key": b"x-goog-api-key: " + KEY,
    "basic-user": basic(KEY),
    "basic-password": basic(b"x", KEY),
    "basic-both": basic(KEY, KEY),
}


@pytest.mark.parametrize("field", PLACES.values(), ids=PLACES)
async def test_a_key_is_accepted_here_and_goes_no_further(stand: Stand, field: bytes) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", field, shown=None))
    response = await caller.response()
    assert (response.status, response.body) == (200, b"ok")
    seen = stand.upstream.the_request()
    assert seen.all(field.partition(b":")[0]) == []
    assert seen.one(b"x-keyhatch-key-id") == b"key_ada"


@pytest.mark.parametrize("field", PLACES.values(), ids=PLACES)
async def test_on_a_public_route_a_key_is_taken_out_and_not_judged(stand: Stand, field: bytes) -> None:
    caller = await stand.call(request(b"GET /open/x HTTP/1.1", field, shown=None))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.all(field.partition(b":")[0]) == []
    assert seen.one(b"x-keyhatch-key-id") is None


async def test_on_a_public_route_a_key_that_nobody_knows_is_taken_out_too(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /open/x?a=1 HTTP/1.1", shown=STRANGE_KEY))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"x-api-key") == []


QUERIES = {
    "access_token": (b"?access_token=" + KEY, b""),
    "api_key": (b"?api_key=" + KEY, b""),
    "first": (b"?api_key=" + KEY + b"&a=1&b=2", b"?a=1&b=2"),
    "between": (b"?a=1&access_token=" + KEY + b"&b=%20+;", b"?a=1&b=%20+;"),
    "last": (b"?a=1&b&&api_key=" + KEY, b"?a=1&b&"),
    "name-encoded": (b"?api%5Fkey=" + KEY + b"&a=%41", b"?a=%41"),
    "key-encoded": (b"?api_key=%6B%68_" + KEY[3:] + b"&a", b"?a"),
    "twice": (b"?api_key=" + KEY + b"&access_token=" + KEY + b"&z=1", b"?z=1"),
}


@pytest.mark.parametrize(("query", "left"), QUERIES.values(), ids=QUERIES)
async def test_an_event_stream_may_show_its_key_in_the_query(stand: Stand, query: bytes, left: bytes) -> None:
    caller = await stand.call(request(b"GET /any/x" + query + b" HTTP/1.1", EVENTS, shown=None))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().target == b"/any/x" + left


@pytest.mark.parametrize(("query", "left"), QUERIES.values(), ids=QUERIES)
async def test_a_websocket_may_show_its_key_in_the_query(by_hand: Stand, query: bytes, left: bytes) -> None:
    caller = await by_hand.call(websocket(b"/any/x" + query, shown=None))
    upstream = await by_hand.upstream.connection()
    assert (await upstream.request()).target == b"/any/x" + left
    upstream.send(switching())
    assert (await caller.response()).status == 101


@pytest.mark.parametrize("query", [query for query, _ in QUERIES.values()], ids=QUERIES)
async def test_elsewhere_a_key_in_the_query_does_not_count(stand: Stand, query: bytes) -> None:
    caller = await stand.call(request(b"GET /any/x" + query + b" HTTP/1.1", shown=None))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"credential_missing")
    assert b"event-stream" in response.body
    stand.assert_untouched()


STRAYS = {
    "plain-request-query": (b"GET /any/x?api_key=" + KEY + b"&a=1 HTTP/1.1", b""),
    "another-parameter": (b"GET /any/x?token=" + KEY + b"&a=1 HTTP/1.1", b""),
    "inside-a-parameter": (b"GET /any/x?u=http%3A%2F%2Fx%2F%3Fk%3D" + KEY + b"&a=1 HTTP/1.1", b""),
    "cookie": (b"GET /any/x?a=1 HTTP/1.1", b"Cookie: key=" + KEY),
    "unknown-header": (b"GET /any/x?a=1 HTTP/1.1", b"X-Token: " + KEY),
    "inside-a-header": (b"GET /any/x?a=1 HTTP/1.1", b"Referer: http://h/?api_key=" + KEY),
    "percent-encoded-in-a-header": (b"GET /any/x?a=1 HTTP/1.1", b"X-Url: http://h/?k=kh%5F" + KEY[3:]),
    "subprotocol-unasked": (
        b"GET /any/x?a=1 HTTP/1.1",
        b"Sec-WebSocket-Protocol: openai-insecure-api-key." + KEY,
    ),
}


@pytest.mark.parametrize(("line", "field"), STRAYS.values(), ids=STRAYS)
async def test_a_key_that_strayed_is_taken_out_as_well(stand: Stand, line: bytes, field: bytes) -> None:
    caller = await stand.call(request(line, *filter(None, (field,))))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert KEY[3:] not in stand.upstream.everything()
    assert seen.target == b"/any/x?a=1"


PATHS = {
    "segment": b"/" + KEY,
    "within-a-segment": b"/bot" + KEY + b"x",
    "parameter": b"/x;key=" + KEY,
    "percent-encoded": b"/" + KEY.replace(b"_", b"%5f"),
    "percent-encoded-body": b"/" + KEY[:10] + b"%%%02X" % KEY[10] + KEY[11:],
}


@pytest.mark.parametrize("route", [b"/any", b"/open", b"/home"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_a_key_in_the_path_is_refused_for_it_cannot_be_taken_out(
    stand: Stand, route: bytes, path: bytes
) -> None:
    caller = await stand.call(request(b"GET " + route + path + b" HTTP/1.1"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"credential_malformed")
    assert "'X-API-Key: kh_" in json_body(response)["error"]["message"]
    assert KEY not in bytes(caller.received)
    stand.assert_untouched()


async def test_other_cookies_stay_where_one_held_a_key(stand: Stand) -> None:
    cookies = b"Cookie: a=1; key=" + KEY + b"; b=2"
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", cookies))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"cookie") == [b"a=1; b=2"]


OFFERS = {
    "alone": (b"openai-insecure-api-key." + KEY, []),
    "first": (b"openai-insecure-api-key." + KEY + b", realtime", [b"realtime"]),
    "last": (b"realtime, openai-insecure-api-key." + KEY, [b"realtime"]),
    "between": (
        b"realtime,openai-insecure-api-key." + KEY + b",openai-beta.realtime-v1",
        [b"realtime,openai-beta.realtime-v1"],
    ),
}


@pytest.mark.parametrize(("offer", "left"), OFFERS.values(), ids=OFFERS)
async def test_a_websocket_may_offer_its_key_as_subprotocol(
    by_hand: Stand, offer: bytes, left: list[bytes]
) -> None:
    field = b"Sec-WebSocket-Protocol: " + offer
    caller = await by_hand.call(websocket(b"/any/x", field, shown=None))
    upstream = await by_hand.upstream.connection()
    assert (await upstream.request()).all(b"sec-websocket-protocol") == left
    upstream.send(switching())
    response = await caller.response()
    assert (response.status, response.all(b"sec-websocket-protocol")) == (101, [])


UNTOUCHED = {
    "foreign-bearer": [b"Authorization: Bearer sk-proj-abcdefghijklmnopqrstuvwxyz"],
    "foreign-basic": [basic(b"user", b"password")],
    "digest": [b'Authorization: Digest username="u", nonce="n"'],
    "negotiate": [b"Authorization: Negotiate YII="],
    "empty": [b"Authorization:"],
    "bearer-alone": [b"Authorization: Bearer"],
    "provider-keys": [b"api-key: 0123456789abcdef0123456789abcdef", b"x-goog-api-key: AIzaSyA"],
    "cookies": [b"Cookie: session=abc; theme=dark"],
    "query-like-header": [b"X-Query: api_key=sk-1"],
}


@pytest.mark.parametrize("fields", UNTOUCHED.values(), ids=UNTOUCHED)
async def test_what_is_not_ours_passes_beside_our_key(stand: Stand, fields: list[bytes]) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", *fields))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    for field in fields:
        name, _, value = field.partition(b":")
        assert seen.all(name) == [value.strip()]


async def test_the_upstreams_own_key_passes_beside_ours(stand: Stand) -> None:
    foreign = b"x-api-key: sk-ant-api03-abc"
    caller = await stand.call(
        request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer " + KEY, foreign, shown=None)
    )
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert (seen.all(b"x-api-key"), seen.all(b"authorization")) == ([b"sk-ant-api03-abc"], [])


async def test_a_foreign_query_key_passes_beside_ours(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/x?api_key=sk-1&access_token=&key=AIza HTTP/1.1", EVENTS))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().target == b"/any/x?api_key=sk-1&access_token=&key=AIza"


async def test_the_same_key_in_two_places_is_one_key(stand: Stand) -> None:
    caller = await stand.call(
        request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer " + KEY, b"api-key: " + KEY)
    )
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert (seen.all(b"authorization"), seen.all(b"api-key"), seen.all(b"x-api-key")) == ([], [], [])


PAIRS = {
    "two-headers": (b"GET /any/x HTTP/1.1", [b"Authorization: Bearer " + OTHER_KEY]),
    "one-header-twice": (b"GET /any/x HTTP/1.1", [b"X-API-Key: " + OTHER_KEY]),
    "basic": (b"GET /any/x HTTP/1.1", [basic(OTHER_KEY)]),
    "query": (b"GET /any/x?api_key=" + OTHER_KEY + b" HTTP/1.1", [EVENTS]),
    "query-that-does-not-count": (b"GET /any/x?api_key=" + OTHER_KEY + b" HTTP/1.1", []),
    "known-and-unknown": (b"GET /any/x HTTP/1.1", [b"xi-api-key: " + STRANGE_KEY]),
    "known-and-mistyped": (b"GET /any/x HTTP/1.1", [b"api-key: " + KEY[:-1]]),
}


@pytest.mark.parametrize(("line", "fields"), PAIRS.values(), ids=PAIRS)
async def test_two_different_keys_of_ours_are_refused(stand: Stand, line: bytes, fields: list[bytes]) -> None:
    caller = await stand.call(request(line, *fields))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"credential_ambiguous")
    assert "X-API-Key" in json_body(response)["error"]["message"]
    stand.assert_untouched()
