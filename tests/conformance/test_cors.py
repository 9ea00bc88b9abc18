"""Pages of other origins: asked for them without a key, answered so that they can read it, refusals too."""

import pytest

from gateway.core.cors import ANY_ORIGIN, Cors
from gateway.core.routes import Anonymous, Route
from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, answer
from tests.support.plane_stand import KEY, LOCAL, STRANGE_KEY, Stand, request
from tests.support.raw_caller import json_body
from tests.support.scripted_upstream import CLOSE, answering, playing
from tests.support.strict_http import Message

A, B = b"https://a.example", b"https://b.example"
LISTED = Cors(frozenset({A.decode()}))
ROUTES = (
    Route("listed", "/listed/**", "main", cors=LISTED),
    Route("page", "/page/**", "main", cors=ANY_ORIGIN),
    Route("free", "/free/**", "main", public=True, cors=LISTED),
    Route("kept", "/kept", "main", methods=frozenset({"GET"}), cors=LISTED),
    Route("high", "/high", "main", scopes=("admin:write",), cors=LISTED),
    Route("gone", "/gone", "down", public=True, cors=LISTED),
    Route("near", "/near", "main", anonymous=Anonymous((LOCAL,), frozenset()), cors=LISTED),
)
FROM_A, FROM_B = b"Origin: " + A, b"Origin: " + B


@pytest.fixture
async def sharing(build: BuildStand) -> Stand:
    return await build(routes=ROUTES)


async def ask(stand: Stand, *fields: bytes, line: bytes, shown: bytes | None = None) -> Message:
    return await (await stand.call(request(line, *fields, shown=shown))).response()


def said(response: Message, name: bytes) -> bytes:
    return b", ".join(response.all(name))


async def preflight(stand: Stand, path: bytes, origin: bytes = FROM_A, wants: bytes = b"POST") -> Message:
    asks = b"Access-Control-Request-Method: " + wants
    return await ask(stand, origin, asks, line=b"OPTIONS " + path + b" HTTP/1.1")


@pytest.mark.parametrize("path", [b"/listed/x", b"/free/x", b"/high", b"/gone", b"/near"])
async def test_a_preflight_is_answered_without_a_key_and_without_the_upstream(
    sharing: Stand, path: bytes
) -> None:
    response = await preflight(sharing, path)
    assert (response.status, response.body) == (204, b"")
    assert response.all(b"content-length") == []
    assert response.one(b"access-control-allow-origin") == A
    assert response.one(b"access-control-allow-methods") == b"POST"
    assert response.one(b"access-control-allow-credentials") == b"true"
    assert b"x-api-key" in said(response, b"access-control-allow-headers")
    sharing.assert_untouched()


@pytest.mark.parametrize("lead", [b"", b"/k/" + KEY, b"/k/" + STRANGE_KEY], ids=["bare", "key", "strange"])
async def test_a_preflight_is_answered_where_the_path_is_moved_and_a_key_leads_it(
    build: BuildStand, lead: bytes
) -> None:
    moved = Route("moved", "/moved/**", "main", cors=LISTED, strip_prefix="/moved", add_prefix="/v1")
    stand = await build(routes=(moved,))
    response = await preflight(stand, lead + b"/moved/x")
    assert (response.status, response.one(b"access-control-allow-origin")) == (204, A)
    stand.assert_untouched()


async def test_preflights_are_remembered_each_for_its_own_path_and_method(sharing: Stand) -> None:
    caller = await sharing.call()
    for _ in range(3):
        for path, wants, status in (
            (b"/page/x", b"PUT", 204),
            (b"/kept", b"PUT", 405),
            (b"/kept", b"GET", 204),
        ):
            asks = b"Access-Control-Request-Method: " + wants
            caller.send(request(b"OPTIONS " + path + b" HTTP/1.1", FROM_A, asks, shown=None))
            response = await caller.response()
            assert response.status == status
            assert response.all(b"access-control-allow-origin") == [b"*" if path == b"/page/x" else A]
    sharing.assert_untouched()


async def test_an_origin_that_is_not_answered_gets_no_field(sharing: Stand) -> None:
    for response in (
        await preflight(sharing, b"/listed/x", FROM_B),
        await ask(sharing, FROM_B, line=b"GET /listed/x HTTP/1.1", shown=KEY),
        await ask(sharing, FROM_B, line=b"GET /listed/x HTTP/1.1"),
    ):
        assert [name for name, _ in response.fields if name.lower().startswith(b"access-control")] == []
        assert b"Origin" in said(response, b"vary")


async def test_without_cors_options_is_a_method_like_any_other(sharing: Stand) -> None:
    assert (await preflight(sharing, b"/chat/x")).status == 401
    response = await preflight(sharing, b"/open/x")
    assert (response.status, response.body) == (200, b"ok")
    assert response.all(b"access-control-allow-origin") == []


OWN_WORD = answer(
    b"200 OK",
    b"Access-Control-Allow-Origin: *",
    b"access-control-allow-credentials: true",
    b"Access-Control-Expose-Headers: x-own",
    b"X-Own: 1",
    b"Vary: Accept-Encoding",
)


@pytest.mark.parametrize("path", [b"/listed/x", b"/page/x", b"/free/x"])
async def test_an_answer_says_it_once_and_the_upstreams_word_is_replaced(
    build: BuildStand, path: bytes
) -> None:
    stand = await build(routes=ROUTES, script=answering(OWN_WORD))
    caller = await stand.call()
    for origin, told in ((FROM_A, A), (FROM_B, None), (FROM_A, A), (FROM_B, None)):
        caller.send(request(b"GET " + path + b" HTTP/1.1", origin))
        response = await caller.response()
        expected = [b"*"] if path == b"/page/x" else [told] if told else []
        assert response.all(b"access-control-allow-origin") == expected
        assert response.all(b"vary") == [b"Accept-Encoding", b"Origin"]
        exposed = b",".join(response.all(b"access-control-expose-headers"))
        assert (b"x-own" in exposed or b"*" in exposed) is bool(expected)
        assert (b"x-keyhatch-reason" in exposed) is bool(expected)


async def test_without_cors_the_upstreams_own_word_passes_untouched(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, script=answering(OWN_WORD))
    for _ in range(2):
        response = await ask(stand, FROM_A, line=b"GET /any/x HTTP/1.1", shown=KEY)
        assert response.one(b"access-control-allow-origin") == b"*"
        assert said(response, b"access-control-expose-headers") == b"x-own"
        assert response.all(b"vary") == [b"Accept-Encoding"]


REFUSALS = {
    "missing": (b"GET /listed/x HTTP/1.1", [], None, 401),
    "unknown": (b"GET /listed/x HTTP/1.1", [], STRANGE_KEY, 401),
    "scope": (b"GET /high HTTP/1.1", [], KEY, 403),
    "method": (b"POST /kept HTTP/1.1", [b"Content-Length: 0"], KEY, 405),
    "nowhere": (b"GET /nowhere HTTP/1.1", [], KEY, 404),
    "in-the-path": (b"GET /listed/" + KEY + b" HTTP/1.1", [], None, 401),
    "too-large": (b"POST /listed/x HTTP/1.1", [b"Content-Length: 99"], KEY, 413),
    "twice-read": (b"GET /listed//x HTTP/1.1", [], KEY, 400),
    "unreachable": (b"GET /gone HTTP/1.1", [], None, 502),
    "own": (b"GET /.keyhatch/me HTTP/1.1", [], None, 401),
}


@pytest.mark.parametrize(("line", "fields", "shown", "status"), REFUSALS.values(), ids=REFUSALS)
async def test_a_page_can_read_why_it_was_refused(
    build: BuildStand, line: bytes, fields: list[bytes], shown: bytes | None, status: int
) -> None:
    stand = await build(routes=ROUTES, limits=Limits(body_bytes_max=10))
    response = await ask(stand, FROM_A, *fields, line=line, shown=shown)
    assert response.status == status
    assert response.all(b"access-control-allow-origin") == [A]
    assert b"x-keyhatch-reason" in said(response, b"access-control-expose-headers")
    assert said(response, b"x-keyhatch-reason").decode() == json_body(response)["detail"]["status"]
    assert bool(response.all(b"www-authenticate")) is (status in (401, 403))


async def test_a_store_or_an_upstream_in_trouble_is_told_to_the_page(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, script=playing(CLOSE))
    response = await ask(stand, FROM_A, line=b"POST /free/x HTTP/1.1")
    assert (response.status, response.one(b"access-control-allow-origin")) == (502, A)
    stand.store.is_broken = True
    response = await ask(stand, FROM_A, line=b"GET /listed/x HTTP/1.1", shown=KEY)
    assert (response.status, response.one(b"access-control-allow-origin")) == (503, A)
    assert b"retry-after" in said(response, b"access-control-expose-headers")


async def test_a_key_that_dies_while_it_waits_is_told_to_the_page(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, script=None)
    caller = await stand.call(request(b"GET /listed/x HTTP/1.1", FROM_A))
    await (await stand.upstream.connection()).request()
    await stand.change_key(revoked_at=stand.clock.now())
    response = await caller.response()
    assert (response.status, response.one(b"access-control-allow-origin")) == (401, A)


async def test_a_route_without_cors_refuses_without_it(sharing: Stand) -> None:
    response = await ask(sharing, FROM_A, line=b"GET /chat/x HTTP/1.1")
    assert response.status == 401
    assert response.all(b"access-control-allow-origin") == []


async def test_a_preflight_for_a_method_that_is_not_taken_is_refused_readably(sharing: Stand) -> None:
    response = await preflight(sharing, b"/kept", wants=b"DELETE")
    assert (response.status, response.one(b"allow")) == (405, b"GET, HEAD")
    assert response.one(b"access-control-allow-origin") == A


async def test_an_event_stream_from_a_page_needs_no_preflight(sharing: Stand) -> None:
    line = b"GET /listed/events?access_token=" + KEY + b" HTTP/1.1"
    response = await ask(sharing, FROM_A, EVENTS, line=line)
    assert (response.status, response.one(b"access-control-allow-origin")) == (200, A)


async def test_the_origin_that_a_route_answers_is_fitted_in_without_a_key(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, upstream={"origin_policy": "strip"})
    for origin in (FROM_A, FROM_B):
        assert (await ask(stand, origin, line=b"GET /near HTTP/1.1")).status == 200
    assert [each.all(b"origin") for each in stand.upstream.requests()] == [[], [B]]


async def test_a_preflight_is_told_of_as_an_exchange_of_its_route(sharing: Stand) -> None:
    await preflight(sharing, b"/listed/x")
    told = await sharing.exchange()
    assert (told.route_id, told.status, told.upstream, told.key_id) == ("listed", 204, None, None)
