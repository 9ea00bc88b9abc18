"""A caller's connection: kept, closed, pipelined, in HTTP/1.0 and with `Expect`, always in order."""

import pytest

from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import KEY, Setting, Stand, request
from tests.support.scripted_upstream import CLOSE, OK, UpstreamConnection, answering, playing
from tests.support.strict_http import Framing

EXPECT = b"Expect: 100-continue"


def get(
    target: bytes = b"/any/x", *fields: bytes, version: bytes = b"1.1", shown: bytes | None = KEY
) -> bytes:
    return request(b"GET " + target + b" HTTP/" + version, *fields, shown=shown)


async def test_a_connection_serves_many_requests(stand: Stand) -> None:
    caller = await stand.call()
    for number in range(20):
        caller.send(get(b"/any/%d" % number))
        response = await caller.response()
        assert (response.status, response.all(b"connection")) == (200, [])
    assert [each.target for each in stand.upstream.requests()] == [
        b"/any/%d" % number for number in range(20)
    ]


@pytest.mark.parametrize("value", [b"close", b"Close", b"CLOSE", b"keep-alive, close", b"x, close"])
async def test_a_caller_that_wants_to_close_is_closed(stand: Stand, value: bytes) -> None:
    caller = await stand.call(get(b"/any/x", b"Connection: " + value))
    response = await caller.last_response()
    assert (response.body, response.one(b"connection")) == (b"ok", b"close")


@pytest.mark.differs("aiohttp", "a broken head behind a good one")
async def test_nothing_is_read_behind_the_request_that_closes(stand: Stand) -> None:
    caller = await stand.call(get(b"/any/x", b"Connection: close") + get(b"/any/never"))
    assert (await caller.last_response()).body == b"ok"
    assert stand.upstream.the_request().target == b"/any/x"


async def test_a_caller_of_http_1_0_is_closed(stand: Stand) -> None:
    caller = await stand.call(get(version=b"1.0"))
    response = await caller.last_response()
    assert (response.body, response.one(b"connection")) == (b"ok", b"close")


async def test_a_caller_of_http_1_0_may_stay(stand: Stand) -> None:
    caller = await stand.call(get(b"/any/x", b"Connection: keep-alive", version=b"1.0"))
    response = await caller.response()
    assert (response.body, response.one(b"connection")) == (b"ok", b"keep-alive")
    caller.send(get(b"/any/y", b"Connection: keep-alive", version=b"1.0"))
    assert (await caller.response()).body == b"ok"


async def test_a_caller_of_http_1_0_needs_no_host(stand: Stand) -> None:
    caller = await stand.call(b"GET /any/x HTTP/1.0\r\nX-API-Key: " + KEY + b"\r\n\r\n")
    assert (await caller.last_response()).status == 200
    assert stand.upstream.the_request().all(b"x-forwarded-host") == []


@pytest.mark.parametrize("ways", [[b"Connection: keep-alive"], []], ids=["staying", "leaving"])
async def test_a_caller_of_http_1_0_gets_no_chunks(build: BuildStand, ways: list[bytes]) -> None:
    script = answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", b"def"))
    stand = await build(script=script)
    caller = await stand.call(get(b"/any/x", *ways, version=b"1.0"))
    response = await caller.last_response()
    assert (response.framing, response.body) == (Framing.CLOSE, b"abcdef")
    assert response.one(b"connection") == b"close"


async def test_the_upstream_is_always_asked_in_http_1_1(stand: Stand) -> None:
    caller = await stand.call(get(version=b"1.0"))
    await caller.last_response()
    assert stand.upstream.the_request().start == b"GET /any/x HTTP/1.1"


@pytest.mark.parametrize("number", [2, 10, 50])
async def test_pipelined_requests_are_answered_in_order(build: BuildStand, number: int) -> None:
    stand = await build(script=answering(*(answer(body=b"%d" % each) for each in range(number))))
    caller = await stand.call(b"".join(get(b"/any/%d" % each) for each in range(number)))
    assert [(await caller.response()).body for _ in range(number)] == [b"%d" % each for each in range(number)]
    assert [each.target for each in stand.upstream.requests()] == [
        b"/any/%d" % each for each in range(number)
    ]


async def test_pipelined_refusals_stand_in_order_too(stand: Stand) -> None:
    caller = await stand.call(get() + get(b"/nowhere") + get(shown=None) + get(b"/.keyhatch/health") + get())
    assert [(await caller.response()).status for _ in range(5)] == [200, 404, 401, 200, 200]


async def test_a_pipelined_request_is_not_sent_before_the_one_ahead_is_answered(by_hand: Stand) -> None:
    caller = await by_hand.call(get(b"/any/1") + get(b"/any/2"))
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    caller.send(get(b"/any/3"))
    upstream.send(answer(body=b"1"))
    assert (await caller.response()).body == b"1"
    for number in (b"2", b"3"):
        assert (await upstream.request()).target == b"/any/" + number
        upstream.send(answer(body=number))
        assert (await caller.response()).body == number


async def test_a_pipelined_malformed_head_ends_it_after_the_answers_before(stand: Stand) -> None:
    caller = await stand.call(get() + get(b"/any/x", b"X_A: b") + get(b"/any/never"))
    assert (await caller.response()).status == 200
    assert (await caller.last_response()).status == 400
    assert len(stand.upstream.requests()) == 1


@pytest.mark.differs("aiohttp", "a broken head behind a good one")
async def test_a_pipelined_head_that_cannot_be_parsed_ends_it_after_the_answers_before(stand: Stand) -> None:
    caller = await stand.call(get() + b"garbage\r\n\r\n" + get(b"/any/never"))
    assert (await caller.response()).status == 200
    assert (await caller.last_response()).status == 400
    assert len(stand.upstream.requests()) == 1


async def test_a_head_that_cannot_be_parsed_ends_it_when_it_comes_later(stand: Stand) -> None:
    caller = await stand.call(get())
    assert (await caller.response()).status == 200
    caller.send(b"garbage\r\n\r\n" + get(b"/any/never"))
    assert (await caller.last_response()).status == 400
    assert len(stand.upstream.requests()) == 1


async def test_empty_lines_between_requests_are_passed_over(stand: Stand) -> None:
    caller = await stand.call(b"\r\n" + get() + b"\r\n" + get())
    assert [(await caller.response()).status for _ in range(2)] == [200, 200]


async def test_a_caller_that_half_closes_still_gets_its_answer_or_is_gone(by_hand: Stand) -> None:
    """Whoever sends FIN may be gone for good, and often is: a plane may take it as leaving, or answer."""
    caller = await by_hand.call(get())
    upstream = await by_hand.upstream.connection()
    await upstream.request()
    caller.end()
    upstream.send(answer(body=b"late"))
    await caller.until_ended()
    assert caller.peek() is None or (await caller.response()).body == b"late"


async def test_many_callers_at_once_get_their_own_answers(build: BuildStand) -> None:
    async def echo_target(connection: UpstreamConnection) -> None:
        while True:
            asked = await connection.request(within_s=60)
            connection.send(answer(body=asked.target))

    stand = await build(script=echo_target)
    callers = [await stand.call(get(b"/any/%d" % number)) for number in range(100)]
    for number, caller in enumerate(callers):
        assert (await caller.response()).body == b"/any/%d" % number


# --- Expect ---------------------------------------------------------------------------------------


def upload(*fields: bytes, version: bytes = b"1.1", shown: bytes | None = KEY) -> bytes:
    return request(b"POST /any/x HTTP/" + version, EXPECT, *fields, shown=shown)


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_body_is_asked_for_once_the_key_was_judged(stand: Stand, framing: str) -> None:
    field = b"Content-Length: 5" if framing == "length" else b"Transfer-Encoding: chunked"
    caller = await stand.call(upload(field))
    await caller.until_received(b"HTTP/1.1 100 Continue\r\n\r\n")
    caller.send(b"hello" if framing == "length" else chunked(b"hello"))
    response = await caller.response()
    assert (response.status, [each.start for each in response.interim]) == (200, [b"HTTP/1.1 100 Continue"])
    seen = stand.upstream.the_request()
    assert (seen.body, seen.all(b"expect")) == (b"hello", [])


REFUSED_UPLOADS = {
    "no-key": (upload(b"Content-Length: 5", shown=None), Setting().limits, 401),
    "no-scope": (upload(b"Content-Length: 5").replace(b"/any/x", b"/admin/x"), Setting().limits, 403),
    "no-route": (upload(b"Content-Length: 5").replace(b"/any/x", b"/nowhere"), Setting().limits, 404),
    "no-method": (upload(b"Content-Length: 5").replace(b"/any/x", b"/read"), Setting().limits, 405),
    "too-large": (upload(b"Content-Length: 5000"), Limits(body_bytes_max=1000), 413),
    "malformed": (upload(b"Content-Length: 5", b"X_A: b"), Setting().limits, 400),
}


@pytest.mark.parametrize(("sent", "limits", "status"), REFUSED_UPLOADS.values(), ids=REFUSED_UPLOADS)
async def test_no_body_is_asked_for_when_it_is_refused(
    build: BuildStand, sent: bytes, limits: Limits, status: int
) -> None:
    stand = await build(limits=limits)
    caller = await stand.call(sent)
    await caller.until(lambda: caller.peek() is not None, "an answer")
    response = await caller.response()
    assert (response.status, response.interim) == (status, ())
    assert response.one(b"connection") == b"close"
    stand.assert_untouched()


async def test_while_the_store_is_asked_no_body_is_asked_for(stand: Stand) -> None:
    stand.store.may_answer.clear()
    caller = await stand.call(upload(b"Content-Length: 5"))
    await stand.until_looking()
    assert caller.received == b""
    stand.store.may_answer.set()
    await caller.until_received(b"100 Continue\r\n\r\n")
    caller.send(b"hello")
    assert (await caller.response()).status == 200


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue", b"100-CONTINUE"])
async def test_the_expectation_is_read_in_any_case(stand: Stand, value: bytes) -> None:
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Expect: " + value, b"Content-Length: 2"))
    await caller.until_received(b"100 Continue\r\n\r\n")
    caller.send(b"hi")
    assert (await caller.response()).status == 200


async def test_without_a_body_there_is_nothing_to_ask_for(stand: Stand) -> None:
    caller = await stand.call(get(b"/any/x", EXPECT))
    response = await caller.response()
    assert (response.status, response.interim) == (200, ())


async def test_in_http_1_0_nobody_is_asked(stand: Stand) -> None:
    caller = await stand.call(upload(b"Content-Length: 5", version=b"1.0") + b"hello")
    response = await caller.last_response()
    assert (response.status, response.interim) == (200, ())


async def test_a_body_that_came_unasked_is_used(stand: Stand) -> None:
    caller = await stand.call(upload(b"Content-Length: 5") + b"hello")
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().body == b"hello"


async def test_an_upstream_that_asks_too_changes_nothing(build: BuildStand) -> None:
    stand = await build(script=playing(b"HTTP/1.1 100 Continue\r\n\r\n", OK, CLOSE))
    caller = await stand.call(upload(b"Content-Length: 5"))
    await caller.until_received(b"100 Continue\r\n\r\n")
    caller.send(b"hello")
    response = await caller.response()
    assert (response.status, len(response.interim)) == (200, 1)
