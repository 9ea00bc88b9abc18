"""Routes that move paths: judged as received, forwarded literally, and led back."""

import pytest

from gateway.core.routes import Route
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, switching, websocket
from tests.support.plane_stand import KEY, LOCAL, Stand, request
from tests.support.scripted_upstream import answering

ROUTES = (
    Route("cut", "/cut/**", "main", strip_prefix="/cut"),
    Route("both", "/both/**", "main", strip_prefix="/both", add_prefix="/api/v1"),
    Route("put", "/put/**", "main", add_prefix="/api"),
    Route("shut", "/cut/admin/**", "main", scopes=("admin:write",), strip_prefix="/cut"),
)
STICKY = b"Set-Cookie: ARRAffinity=1f; Path=/; HttpOnly; Domain=x.example"


@pytest.fixture
async def moving(build: BuildStand) -> Stand:
    return await build(routes=ROUTES)


MOVED = {
    b"/cut/v1/models?a=%41&b=/cut": b"/v1/models?a=%41&b=/cut",
    b"/cut": b"/",
    b"/cut/": b"/",
    b"/cut?x": b"/?x",
    b"/both/x;y=z/%41": b"/api/v1/x;y=z/%41",
    b"/both": b"/api/v1",
    b"/put/x": b"/api/put/x",
}


@pytest.mark.parametrize(("target", "sent"), MOVED.items(), ids=str)
async def test_the_upstream_is_sent_the_judged_bytes_behind_its_own_prefix(
    moving: Stand, target: bytes, sent: bytes
) -> None:
    caller = await moving.call(request(b"GET " + target + b" HTTP/1.1"))
    assert (await caller.response()).status == 200
    assert moving.upstream.the_request().start == b"GET " + sent + b" HTTP/1.1"


@pytest.mark.parametrize("kind", [b"GET", b"POST"])
async def test_what_is_remembered_of_one_path_is_moved_for_the_next(moving: Stand, kind: bytes) -> None:
    caller = await moving.call()
    for number in (b"1", b"2", b"2", b"2"):
        body = b"" if kind == b"GET" else b"hello"
        length = [b"Content-Length: 5"] if body else []
        caller.send(request(kind + b" /both/" + number + b" HTTP/1.1", *length, body=body))
        assert (await caller.response()).status == 200
    seen = [each.start.split()[1] for each in moving.upstream.requests()]
    assert seen == [b"/api/v1/1", b"/api/v1/2", b"/api/v1/2", b"/api/v1/2"]


@pytest.mark.parametrize(
    "target",
    [b"/cut//x", b"/cut/../x", b"/cut../x", b"/cut/%2e%2e/x", b"/cut/%2f/x", b"/cut/.;/x", b"/cut%2fx"],
)
async def test_what_could_be_read_in_two_ways_is_refused_before_it_is_moved(
    moving: Stand, target: bytes
) -> None:
    caller = await moving.call(request(b"GET " + target + b" HTTP/1.1"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) in [
        (400, b"target_ambiguous"),
        (404, b"no_route"),
    ]
    moving.assert_untouched()


async def test_a_door_is_guarded_by_the_path_as_it_was_received(moving: Stand) -> None:
    caller = await moving.call(request(b"GET /cut/admin/keys HTTP/1.1"))
    assert (await caller.response()).status == 403
    moving.assert_untouched()


async def test_a_key_in_the_address_is_cut_out_of_what_is_moved(moving: Stand) -> None:
    line = b"GET /cut/events?a=1&access_token=" + KEY + b" HTTP/1.1"
    caller = await moving.call(request(line, b"Accept: text/event-stream", shown=None))
    assert (await caller.response()).status == 200
    assert moving.upstream.the_request().start == b"GET /events?a=1 HTTP/1.1"


@pytest.mark.parametrize(("path", "told"), [(b"/cut/x", [b"/cut"]), (b"/put/x", []), (b"/any/x", [])])
async def test_the_upstream_is_told_of_the_prefix_that_was_cut_and_nobody_elses(
    moving: Stand, path: bytes, told: list[bytes]
) -> None:
    caller = await moving.call(request(b"GET " + path + b" HTTP/1.1", b"X-Forwarded-Prefix: /evil"))
    assert (await caller.response()).status == 200
    assert moving.upstream.the_request().all(b"x-forwarded-prefix") == told


@pytest.mark.parametrize(
    ("said", "told"), [(b"/outer", b"/outer/cut"), (b"javascript:", b"/cut"), (b"/a, /b", b"/cut")]
)
async def test_a_trusted_proxys_prefix_stands_before_ours(
    build: BuildStand, said: bytes, told: bytes
) -> None:
    stand = await build(routes=ROUTES, trusted=(LOCAL,))
    caller = await stand.call(request(b"GET /cut/x HTTP/1.1", b"X-Forwarded-Prefix: " + said))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"x-forwarded-prefix") == [told]


async def test_where_nothing_is_told_no_prefix_is(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, upstream={"forwarded": "off"})
    caller = await stand.call(request(b"GET /cut/x HTTP/1.1"))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"x-forwarded-prefix") == []


async def test_a_websocket_is_moved_too(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, script=None)
    caller = await stand.call(websocket(b"/both/ws?a"))
    upstream = await stand.upstream.connection()
    assert (await upstream.request()).start == b"GET /api/v1/ws?a HTTP/1.1"
    upstream.send(switching())
    assert (await caller.response()).status == 101


@pytest.mark.parametrize(
    ("path", "named", "told"),
    [
        (b"/both/x", b"/api/v1/x/", b"/both/x/"),
        (b"/cut/x", b"/x/", b"/cut/x/"),
        (b"/any/x", b"/x/", b"/x/"),
        (b"/any/x", b"http://{own}/any/x/", b"/any/x/"),
        (b"/cut/x", b"http://{own}/x/", b"/cut/x/"),
        (b"/cut/x", b"https://elsewhere.example/", b"https://elsewhere.example/"),
    ],
)
async def test_a_redirect_leads_where_the_caller_can_go(
    build: BuildStand, path: bytes, named: bytes, told: bytes
) -> None:
    stand = await build(routes=ROUTES)
    own = f"127.0.0.1:{stand.upstream.port}".encode()
    stand.upstream.script = answering(
        answer(b"307 Temporary Redirect", b"Location: " + named.replace(b"{own}", own))
    )
    caller = await stand.call(request(b"GET " + path + b" HTTP/1.1"))
    response = await caller.response()
    assert (response.status, response.all(b"location")) == (307, [told])


async def test_the_same_answer_leads_back_by_each_route_its_own_way(build: BuildStand) -> None:
    """What the plane remembers of answers is not what another route's caller is told."""
    stand = await build(routes=ROUTES, script=answering(answer(b"200 OK", b"Content-Location: /api/v1/x")))
    caller = await stand.call()
    for _ in range(2):
        for path, told in (
            (b"/both/x", b"/both/x"),
            (b"/cut/x", b"/cut/api/v1/x"),
            (b"/any/x", b"/api/v1/x"),
        ):
            caller.send(request(b"GET " + path + b" HTTP/1.1"))
            assert (await caller.response()).one(b"content-location") == told


async def test_a_sticky_cookie_passes_as_it_is(build: BuildStand) -> None:
    """SignalR: what the answer to `negotiate` sets must come back with the WebSocket."""
    stand = await build(
        script=answering(answer(b"200 OK", STICKY, b"Set-Cookie: b=c; SameSite=None; Secure"))
    )
    caller = await stand.call(
        request(b"POST /any/hub/negotiate?negotiateVersion=1 HTTP/1.1", b"Content-Length: 0", b"Cookie: a=b")
    )
    response = await caller.response()
    assert response.all(b"set-cookie") == [STICKY.partition(b": ")[2], b"b=c; SameSite=None; Secure"]
    assert stand.upstream.the_request().all(b"cookie") == [b"a=b"]


async def test_where_a_prefix_is_cut_a_cookie_returns_to_it_alone(build: BuildStand) -> None:
    stand = await build(routes=ROUTES, script=answering(answer(b"200 OK", STICKY)))
    caller = await stand.call(request(b"POST /cut/hub/negotiate HTTP/1.1", b"Content-Length: 0"))
    told = b"ARRAffinity=1f; Path=/cut; HttpOnly; Domain=x.example"
    assert (await caller.response()).all(b"set-cookie") == [told]
