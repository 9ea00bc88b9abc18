"""An upstream's own credential: callers use it without ever seeing it, and never instead of their key."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from gateway.core.request import Headers
from gateway.wire.injection import Injection
from tests.support.http_samples import answer, switching, websocket
from tests.support.plane_stand import KEY, Stand, request
from tests.support.scripted_upstream import OK, answering

REAL = b"sk-real-0123456789abcdef"
FIELDS: Headers = ((b"authorization", b"Bearer " + REAL),)
OWN = Injection(FIELDS)
EITHER = Injection(FIELDS, passes_callers=True)
LOCKED = Injection(())
UNAUTHORIZED = answer(
    b"401 Unauthorized", b"WWW-Authenticate: Bearer", body=b'{"error": "bad key ' + REAL + b'"}'
)

Build = Callable[..., Awaitable[Stand]]


@pytest.fixture(autouse=True)
def _it_is_never_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert REAL.decode() not in caplog.text


async def test_the_upstream_sees_its_credential_and_not_the_callers_key(build: Build) -> None:
    stand = await build(injection=OWN)
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer " + KEY, shown=None))
    response = await caller.response()
    seen = stand.upstream.the_request()
    assert seen.all(b"authorization") == [b"Bearer " + REAL]
    assert seen.one(b"x-keyhatch-key-id") == b"key_ada"
    assert (response.status, REAL in bytes(caller.received)) == (200, False)


async def test_the_same_head_again_is_lent_the_same(build: Build) -> None:
    """Plans are remembered on the lean plane; a remembered one is as good as the first."""
    stand = await build(injection=OWN)
    caller = await stand.call()
    for _ in range(4):
        caller.send(request(b"GET /any/x?a=1 HTTP/1.1", b"X-Goog-Api-Key: AIza1"))
        assert (await caller.response()).status == 200
    for seen in stand.upstream.requests():
        assert seen.all(b"authorization") == [b"Bearer " + REAL]
        assert seen.all(b"x-goog-api-key") == []
        assert seen.target == b"/any/x?a=1"


async def test_a_query_is_judged_anew_although_the_head_is_known(build: Build) -> None:
    stand = await build(injection=OWN)
    caller = await stand.call()
    for target in (b"/any/x", b"/any/x", b"/any/x?key=AIza1&b=2", b"/any/x?b=2&Key=AIza1"):
        caller.send(request(b"GET " + target + b" HTTP/1.1"))
        assert (await caller.response()).status == 200
    targets = [seen.target for seen in stand.upstream.requests()]
    assert targets == [b"/any/x", b"/any/x", b"/any/x?b=2", b"/any/x?b=2"]


@pytest.mark.parametrize("fields", [FIELDS, ()], ids=["there", "locked"])
async def test_a_credential_of_another_kind_alone_opens_nothing(build: Build, fields: Headers) -> None:
    stand = await build(injection=Injection(fields, passes_callers=True))
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer sk-mine", shown=None))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"credential_foreign")
    stand.assert_untouched()


async def test_a_caller_may_show_their_own_beside_the_key_where_that_is_allowed(build: Build) -> None:
    stand = await build(injection=EITHER)
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer sk-mine"))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.all(b"authorization") == [b"Bearer sk-mine"]
    assert seen.all(b"x-api-key") == []


async def test_who_shows_none_of_their_own_is_lent_ours(build: Build) -> None:
    stand = await build(injection=EITHER)
    caller = await stand.call(request())
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"authorization") == [b"Bearer " + REAL]


async def test_elsewhere_a_callers_own_is_dropped(build: Build) -> None:
    stand = await build(injection=OWN)
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer sk-mine"))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"authorization") == [b"Bearer " + REAL]


async def test_a_websocket_is_lent_it_too(build: Build) -> None:
    protocols = b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-mine"
    stand = await build(injection=OWN, script=answering(switching(b"Sec-WebSocket-Protocol: realtime")))
    caller = await stand.call(websocket(b"/any/ws", protocols))
    assert (await caller.response()).status == 101
    seen = stand.upstream.the_request()
    assert seen.all(b"authorization") == [b"Bearer " + REAL]
    assert seen.one(b"sec-websocket-protocol") == b"realtime"


async def test_a_lock_is_told_to_callers_who_were_let_in_and_to_nobody_else(build: Build) -> None:
    stand = await build(injection=LOCKED)
    stranger = await stand.call(request(shown=None))
    assert (await stranger.response()).status == 401
    caller = await stand.call()
    for body in (b"", b"some body"):
        caller.send(request(b"POST /any/x HTTP/1.1", b"Content-Length: %d" % len(body), body=body))
        response = await caller.response()
        assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_credential_invalid")
    exchange = await stand.exchange(1)
    assert (exchange.upstream, exchange.detail, exchange.key_id) == ("main", "locked", "key_ada")
    stand.assert_untouched()


async def test_a_lock_closes_one_upstream_and_no_other(build: Build) -> None:
    stand = await build(injection=LOCKED)
    stand.unlock("second")
    caller = await stand.call(request(b"GET /second/x HTTP/1.1"))
    assert (await caller.response()).status == 200


async def test_a_refused_credential_is_not_blamed_on_the_callers_key(build: Build) -> None:
    """Nothing of the upstream's answer goes on: it would say that the caller's key is wrong."""
    stand = await build(injection=OWN, script=answering(UNAUTHORIZED))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 4", body=b"body"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_credential_invalid")
    assert response.one(b"www-authenticate") is None
    assert REAL not in bytes(caller.received)
    exchange = await stand.exchange()
    assert (exchange.upstream, exchange.detail) == ("main", "refused by the upstream")
    assert exchange.first_byte_s is not None


async def test_a_refused_websocket_is_told_so_too(build: Build) -> None:
    stand = await build(injection=OWN, script=answering(UNAUTHORIZED))
    caller = await stand.call(websocket())
    assert (await caller.response()).status == 502


@pytest.mark.parametrize("injection", [None, EITHER], ids=["none is held", "their own was passed"])
async def test_an_answer_to_the_callers_own_credential_is_theirs(build: Build, injection: Injection) -> None:
    stand = await build(injection=injection, script=answering(answer(b"401 Unauthorized", body=b"no")))
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer sk-mine"))
    response = await caller.response()
    assert (response.status, response.body, response.one(b"x-keyhatch-reason")) == (401, b"no", None)


async def test_a_new_credential_counts_from_the_next_request_on(build: Build) -> None:
    """Whoever swaps the ground gives a credential: what was planned with the old one is forgotten."""
    stand = await build(injection=LOCKED, script=answering(OK))
    caller = await stand.call()
    for status in (502, 502, 200, 200):
        if status == 200:
            stand.unlock("main", OWN)
        caller.send(request())
        assert (await caller.response()).status == status
    assert all(seen.all(b"authorization") == [b"Bearer " + REAL] for seen in stand.upstream.requests())
