"""A key that leads the path opens the rest of it, where its record allows that, and goes no further."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, switching, websocket
from tests.support.plane_stand import KEY, OTHER_KEY, STRANGE_KEY, key, request
from tests.support.raw_caller import json_body
from tests.support.scripted_upstream import answering

LEAD = b"/k/" + KEY
ALLOWED = (key(in_path=True),)


def get(target: bytes, *fields: bytes, method: bytes = b"GET", shown: bytes | None = None) -> bytes:
    return request(method + b" " + target + b" HTTP/1.1", *fields, shown=shown)


@pytest.mark.parametrize(
    ("rest", "arrives"),
    [
        (b"/any/x", b"/any/x"),
        (b"/any/x?a=1&b=%2F", b"/any/x?a=1&b=%2F"),
        (b"/any/x?api_key=theirs", b"/any/x?api_key=theirs"),
        (b"/any/x?a=1&key=" + KEY, b"/any/x?a=1"),
        (b"/chat/%C3%A9/", b"/chat/%C3%A9/"),
        (b"/open/x", b"/open/x"),
    ],
)
async def test_the_rest_is_judged_and_forwarded_as_if_it_came_alone(
    build: BuildStand, rest: bytes, arrives: bytes
) -> None:
    stand = await build(keys=ALLOWED)
    caller = await stand.call(get(LEAD + rest))
    response = await caller.response()
    assert (response.status, response.body) == (200, b"ok")
    assert stand.upstream.the_request().target == arrives
    assert response.all(b"referrer-policy") == [b"no-referrer"]
    assert response.all(b"cache-control") == [b"private"]


async def test_it_works_for_bodies_and_again_on_the_same_connection(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    caller = await stand.call()
    for number in range(4):
        caller.transport.write(get(LEAD + b"/any/%d" % number, b"Content-Length: 2", method=b"POST") + b"hi")
        assert (await caller.response()).status == 200
    seen = stand.upstream.requests()
    assert [(each.target, each.body) for each in seen] == [
        (b"/any/%d" % number, b"hi") for number in range(4)
    ]
    assert {each.one(b"x-keyhatch-key-id") for each in seen} == {b"key_ada"}


async def test_a_websocket_opens_with_it(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED, script=answering(switching()))
    caller = await stand.call(websocket(LEAD + b"/any/ws", shown=None))
    assert (await caller.response()).status == 101
    assert stand.upstream.the_request().target == b"/any/ws"


async def test_what_is_told_of_it_holds_no_key(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    for line in (get(LEAD + b"/any/x"), get(LEAD + b"/nowhere"), get(b"/k/" + STRANGE_KEY + b"/any/x")):
        await (await stand.call(line)).response()
    for number, rest in enumerate(("/any/x", "/nowhere", "/any/x")):
        assert (await stand.exchange(number)).path == "/k/kh_****" + rest


async def test_a_key_that_may_not_stand_there_is_refused_and_its_holder_told_why(build: BuildStand) -> None:
    stand = await build()
    caller = await stand.call(get(LEAD + b"/any/x"))
    response = await caller.response()
    assert response.status == 401
    assert response.one(b"x-keyhatch-reason") == b"credential_malformed"
    assert "may not be used in an address" in json_body(response)["error"]["message"]
    assert (await stand.exchange()).detail == "not_in_path"
    stand.assert_untouched()


async def test_who_holds_no_secret_learns_nothing_of_it(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    caller = await stand.call(get(b"/k/" + STRANGE_KEY + b"/any/x"))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"key_unknown"
    stand.assert_untouched()


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        pytest.param(get(LEAD + b"/admin/x"), 403, b"scope_missing", id="scope"),
        pytest.param(get(LEAD + b"/nowhere"), 404, b"no_route", id="no-route"),
        pytest.param(get(LEAD + b"/read", method=b"POST"), 405, b"method_not_allowed", id="method"),
        pytest.param(get(LEAD + b"//any/x"), 400, b"target_ambiguous", id="empty-segment"),
        pytest.param(get(LEAD + b"/any/../admin"), 400, b"target_ambiguous", id="dots"),
        pytest.param(get(LEAD + b"/any%2fx"), 400, b"target_ambiguous", id="encoded-slash"),
        pytest.param(get(b"//k/" + KEY + b"/any/x"), 400, b"target_ambiguous", id="two-slashes-before"),
        pytest.param(get(LEAD + LEAD + b"/any/x"), 404, b"no_route", id="twice"),
        pytest.param(get(LEAD + b"/any/" + KEY), 401, b"credential_malformed", id="again-in-the-rest"),
        pytest.param(get(b"/any/k/" + KEY + b"/x"), 401, b"credential_malformed", id="elsewhere"),
        pytest.param(get(LEAD[:-1] + b"/any/x"), 401, b"credential_malformed", id="mistyped"),
        pytest.param(get(LEAD + b"/any/x", shown=OTHER_KEY), 400, b"credential_ambiguous", id="two-keys"),
        pytest.param(get(LEAD + b"/.keyhatch/none"), 404, b"no_route", id="own-paths"),
    ],
)
async def test_nothing_passes_that_would_not_without_it(
    build: BuildStand, line: bytes, status: int, reason: bytes
) -> None:
    stand = await build(keys=ALLOWED)
    response = await (await stand.call(line)).response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (status, reason)
    assert KEY not in b"".join((*(value for _, value in response.fields), response.body))
    stand.assert_untouched()


async def test_the_same_key_in_a_header_too_is_one_key(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    assert (await (await stand.call(get(LEAD + b"/any/x", shown=KEY))).response()).status == 200


async def test_its_holder_can_ask_about_it(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    response = await (await stand.call(get(LEAD + b"/.keyhatch/me"))).response()
    assert json_body(response)["id"] == "key_ada"


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"/any/x/", LEAD + b"/any/x/"),
        (b"http://gate.example/any/x/", LEAD + b"/any/x/"),
        (b"https://elsewhere.example/", b"https://elsewhere.example/"),
        (b"x/", b"x/"),
    ],
)
async def test_a_redirect_leads_back_under_the_key(build: BuildStand, location: bytes, told: bytes) -> None:
    moved = answer(b"307 Temporary Redirect", b"Location: " + location, b"Cache-Control: public, max-age=9")
    stand = await build(keys=ALLOWED, script=answering(moved))
    for _ in range(2):
        response = await (await stand.call(get(LEAD + b"/any/x"))).response()
        assert (response.one(b"location"), response.one(b"cache-control")) == (told, b"max-age=9, private")
    plain = await (await stand.call(get(b"/any/x", shown=KEY))).response()
    assert plain.one(b"location") == location.removeprefix(b"http://gate.example")
    assert plain.all(b"referrer-policy") == []


async def test_a_page_that_says_where_it_came_from_tells_the_upstream_no_key(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    fields = (b"Referer: http://gate.example" + LEAD + b"/any/", b"X-Forwarded-Prefix: " + LEAD)
    await (await stand.call(get(LEAD + b"/any/x", *fields))).response()
    seen = stand.upstream.the_request()
    assert seen.all(b"referer") == seen.all(b"x-forwarded-prefix") == []


async def test_taking_the_permission_back_counts_at_once(build: BuildStand) -> None:
    stand = await build(keys=ALLOWED)
    caller = await stand.call(get(LEAD + b"/any/x"))
    assert (await caller.response()).status == 200
    await stand.change_key(in_path=False)
    caller.transport.write(get(LEAD + b"/any/x"))
    assert (await caller.response()).status == 401
