"""A caller whose key ends within 14 days is told when, in every forwarded answer and in none of our own."""

import pytest

from gateway.core.keys import EXPIRING_WINDOW_S
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, answer, chunked, switching, websocket
from tests.support.plane_stand import EPOCH_S, KEY, Stand, key, other_key, request

HEADER = b"x-keyhatch-key-expires"
DAY_S = 86_400.0


async def expiring(build: BuildStand, *, script: bool = True, in_s: float = DAY_S) -> Stand:
    keys = (key(expires_at=EPOCH_S + in_s), other_key())
    return await build(keys=keys, **({} if script else {"script": None}))


@pytest.mark.parametrize("line", [b"GET /any/x HTTP/1.1", b"GET /any/x HTTP/1.0"])
async def test_a_forwarded_answer_tells_when_the_key_ends(build: BuildStand, line: bytes) -> None:
    stand = await expiring(build)
    for _ in range(3):  # the lean plane remembers heads that come again
        caller = await stand.call(request(line))
        response = await caller.response()
        assert response.one(HEADER) == b"2027-01-16T08:00:00Z"


@pytest.mark.parametrize(
    "expires_at", [None, EPOCH_S + EXPIRING_WINDOW_S + 1], ids=["never", "in-more-than-14-days"]
)
async def test_a_key_that_does_not_end_soon_is_told_nothing(
    build: BuildStand, expires_at: float | None
) -> None:
    stand = await build(keys=(key(expires_at=expires_at),))
    caller = await stand.call(request())
    assert (await caller.response()).one(HEADER) is None


async def test_it_is_told_from_the_moment_at_which_the_14_days_begin(build: BuildStand) -> None:
    stand = await expiring(build, in_s=EXPIRING_WINDOW_S + 10)
    caller = await stand.call()
    for _ in range(3):
        caller.send(request())
        assert (await caller.response()).one(HEADER) is None
    stand.clock.at += 10
    for _ in range(3):
        caller.send(request())
        assert (await caller.response()).one(HEADER) == b"2027-01-29T08:00:10Z"


async def test_an_expiry_that_is_put_off_is_told_no_more(build: BuildStand) -> None:
    stand = await expiring(build)
    caller = await stand.call(request(), request())
    for _ in range(2):
        assert (await caller.response()).one(HEADER) == b"2027-01-16T08:00:00Z"
    await stand.change_key(expires_at=None)
    caller.send(request())
    assert (await caller.response()).one(HEADER) is None


async def test_a_stream_tells_it_in_its_head(build: BuildStand) -> None:
    stand = await expiring(build, script=False)
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", EVENTS))
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"data: 1\n\n"))
    response = await caller.response()
    assert (response.one(HEADER), response.body) == (b"2027-01-16T08:00:00Z", b"data: 1\n\n")


async def test_a_websocket_is_told_in_its_upgrade(build: BuildStand) -> None:
    stand = await expiring(build, script=False)
    caller = await stand.call(websocket())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(switching())
    response = await caller.response()
    assert (response.status, response.one(HEADER)) == (101, b"2027-01-16T08:00:00Z")


@pytest.mark.parametrize("spelling", [b"X-Keyhatch-Key-Expires", b"x_keyhatch_key_expires"])
@pytest.mark.parametrize("is_near", [True, False])
async def test_what_the_upstream_says_under_this_name_is_dropped(
    build: BuildStand, spelling: bytes, is_near: bool
) -> None:
    stand = await expiring(build, script=False, in_s=DAY_S if is_near else 2 * EXPIRING_WINDOW_S)
    caller = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(
        answer(b"200 OK", spelling + b": tomorrow", b"Access-Control-Expose-Headers: X-One", body=b"ok")
    )
    response = await caller.response()
    told = [value for name, value in response.fields if name.lower().replace(b"_", b"-") == HEADER]
    assert told == ([b"2027-01-16T08:00:00Z"] if is_near else [])
    assert response.one(b"access-control-expose-headers") == b"X-One"


async def test_neither_refusals_nor_public_routes_nor_our_own_answers_carry_it(build: BuildStand) -> None:
    stand = await expiring(build)
    lines = {
        b"GET /admin/x HTTP/1.1": 403,
        b"GET /nowhere HTTP/1.1": 404,
        b"GET /down/x HTTP/1.1": 502,
        b"GET /open/x HTTP/1.1": 200,
        b"GET /.keyhatch/me HTTP/1.1": 200,
    }
    for line, status in lines.items():
        caller = await stand.call(request(line, shown=KEY))
        response = await caller.response()
        assert (response.status, response.one(HEADER)) == (status, None)
    stand.clock.at = EPOCH_S + DAY_S
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.status, response.one(HEADER)) == (401, None)
