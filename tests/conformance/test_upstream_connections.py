"""Connections to the upstream are shared by all callers: only clean ones, and nothing crosses over."""

import asyncio
import itertools
import random

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import OTHER_KEY, Stand, request
from tests.support.scripted_upstream import CLOSE, OK, RESET, Act, Script, UpstreamConnection, answering

HEAD = b"HTTP/1.1 200 OK\r\n"


def get(target: bytes = b"/any/x", *fields: bytes) -> bytes:
    return request(b"GET " + target + b" HTTP/1.1", *fields)


async def test_a_clean_connection_is_used_again(stand: Stand) -> None:
    for _ in range(5):
        caller = await stand.call(get())
        assert (await caller.response()).status == 200
    assert len(stand.upstream.connections) == 1


CLEAN = {
    "by-length": answer(body=b"x"),
    "in-chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"x"),
    "with-trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"x", end=b"0\r\nX-A: b\r\n\r\n"),
    "empty": answer(),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204-of-no-length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "error": answer(b"500 Oops", body=b"x"),
}


@pytest.mark.parametrize("sent", CLEAN.values(), ids=CLEAN)
async def test_so_it_is_after_every_answer_that_ends_by_itself(build: BuildStand, sent: bytes) -> None:
    stand = await build(script=answering(sent))
    caller = await stand.call(get() + get())
    for _ in range(2):
        await caller.response()
    assert len(stand.upstream.connections) == 1


DIRTY = {
    "bytes-behind-a-body-by-length": answer(body=b"x") + b"y",
    "bytes-behind-the-last-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"x") + b"y",
    "bytes-behind-a-204": b"HTTP/1.1 204 No Content\r\n\r\nbody",
    "bytes-behind-a-304": b"HTTP/1.1 304 Not Modified\r\n\r\nbody",
    "two-answers": answer(body=b"x") + answer(body=b"poison"),
    "an-interim-answer-behind": answer(body=b"x") + b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "a-204-that-announces-a-length": b"HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n",
    "a-204-that-announces-chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "it-says-close": answer(b"200 OK", b"Connection: close", body=b"x"),
    "http-1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("sent", DIRTY.values(), ids=DIRTY)
async def test_a_connection_that_is_not_clean_is_never_used_again(build: BuildStand, sent: bytes) -> None:
    stand = await build(script=answering(sent, OK))
    caller = await stand.call(get())
    response = await caller.response()
    assert response.body in (b"x", b"") or response.status == 502
    for _ in range(3):
        caller.send(get())
        assert (await caller.response()).body == b"ok"
    assert len(stand.upstream.connections[0].requests()) == 1
    await stand.upstream.connections[0].until_ended(within_s=1)


async def test_bytes_that_come_while_it_is_idle_spoil_it(by_hand: Stand) -> None:
    caller = await by_hand.call(get(b"/any/1"))
    first = await by_hand.upstream.connection()
    await first.request()
    first.send(answer(body=b"1"))
    assert (await caller.response()).body == b"1"
    first.send(answer(body=b"poison"))
    await first.until_ended(within_s=1)
    caller.send(get(b"/any/2"))
    second = await by_hand.upstream.connection(1)
    await second.request()
    second.send(answer(body=b"2"))
    assert (await caller.response()).body == b"2"


async def test_a_second_answer_in_one_piece_with_the_end_of_a_body_goes_to_nobody(by_hand: Stand) -> None:
    caller = await by_hand.call(get(b"/any/1"))
    first = await by_hand.upstream.connection()
    await first.request()
    first.send(HEAD + b"Content-Length: 2\r\n\r\n")
    await caller.until_body(b"")
    first.send(b"ok" + answer(body=b"poison"))
    assert (await caller.response()).body == b"ok"
    await first.until_ended(within_s=1)
    caller.send(get(b"/any/2"))
    second = await by_hand.upstream.connection(1)
    await second.request()
    second.send(answer(body=b"2"))
    assert (await caller.response()).body == b"2"


async def test_a_head_request_that_is_answered_with_a_body_spoils_it(build: BuildStand) -> None:
    stand = await build(script=answering(answer(body=b"a body that does not belong"), OK))
    caller = await stand.call(request(b"HEAD /any/x HTTP/1.1"))
    assert (await caller.response(to=b"HEAD")).status in (200, 502)
    for _ in range(3):
        caller.send(get())
        assert (await caller.response()).body == b"ok"
    assert len(stand.upstream.connections[0].requests()) == 1


@pytest.mark.parametrize("phase", ["before", "within"])
async def test_a_connection_whose_caller_left_is_never_used_again(by_hand: Stand, phase: str) -> None:
    leaving = await by_hand.call(get(b"/any/leaving"))
    first = await by_hand.upstream.connection()
    await first.request()
    if phase == "within":
        first.send(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        await leaving.until_received(b"half")
    leaving.close()
    caller = await by_hand.call(get(b"/any/staying"))
    second = await by_hand.upstream.connection(1)
    assert (await second.request()).target == b"/any/staying"
    first.send(answer(body=b"poison"))
    second.send(answer(body=b"mine"))
    assert (await caller.response()).body == b"mine"


async def test_a_connection_whose_upload_stopped_is_never_used_again(by_hand: Stand) -> None:
    uploading = await by_hand.call(request(b"POST /any/1 HTTP/1.1", b"Content-Length: 100", body=b"half"))
    first = await by_hand.upstream.connection()
    await first.until_received(b"half")
    first.send(answer(b"400 Bad Request", body=b"enough"))
    await uploading.until(uploading.peek, "an answer")
    caller = await by_hand.call(get(b"/any/2"))
    second = await by_hand.upstream.connection(1)
    assert (await second.request()).target == b"/any/2"
    second.send(OK)
    assert (await caller.response()).status == 200


# --- A connection that dies while it is idle ------------------------------------------------------


def dying(act: Act) -> Script:
    """The second request on the first connection gets no answer but an end."""
    left = [False, True]

    async def script(connection: UpstreamConnection) -> None:
        for turn in itertools.count():
            asked = await connection.request(within_s=60)
            if turn == 1 and left.pop():
                connection.play(act)
                return
            connection.send(OK.removesuffix(b"ok") if asked.method == b"HEAD" else OK)

    return script


@pytest.mark.parametrize("act", [CLOSE, RESET], ids=["closes", "resets"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"], ids=lambda method: method.decode())
async def test_a_safe_request_without_a_body_is_sent_once_more(
    build: BuildStand, method: bytes, act: Act
) -> None:
    stand = await build(script=dying(act))
    caller = await stand.call(get(b"/any/warm"))
    assert (await caller.response()).status == 200
    caller.send(request(method + b" /any/x HTTP/1.1"))
    assert (await caller.response(to=method)).status == 200
    asked = [each.start for each in stand.upstream.requests()]
    assert asked == [b"GET /any/warm HTTP/1.1", *[method + b" /any/x HTTP/1.1"] * 2]
    assert len(stand.upstream.connections) == 2


UNREPEATABLE = {
    "post": request(b"POST /any/x HTTP/1.1"),
    "post-with-body": request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"),
    "put": request(b"PUT /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"),
    "put-without-body": request(b"PUT /any/x HTTP/1.1"),
    "delete": request(b"DELETE /any/x HTTP/1.1"),
    "patch": request(b"PATCH /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"),
    "get-with-body": request(b"GET /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"),
    "propfind": request(b"PROPFIND /any/x HTTP/1.1"),
}


@pytest.mark.parametrize("act", [CLOSE, RESET], ids=["closes", "resets"])
@pytest.mark.parametrize("sent", UNREPEATABLE.values(), ids=UNREPEATABLE)
async def test_nothing_else_is_ever_repeated(build: BuildStand, sent: bytes, act: Act) -> None:
    stand = await build(script=dying(act))
    caller = await stand.call(get(b"/any/warm"))
    assert (await caller.response()).status == 200
    caller.send(sent)
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (502, b"upstream_protocol")
    assert [each.target for each in stand.upstream.requests()] == [b"/any/warm", b"/any/x"]


async def test_it_is_sent_once_more_and_not_twice(build: BuildStand) -> None:
    async def script(connection: UpstreamConnection) -> None:
        if connection is stand.upstream.connections[0]:
            await connection.request(within_s=60)
            connection.send(OK)
        await connection.request(within_s=60)
        connection.close()

    stand = await build(script=script)
    caller = await stand.call(get(b"/any/warm"))
    assert (await caller.response()).status == 200
    caller.send(get())
    assert (await caller.response()).status == 502
    assert [each.target for each in stand.upstream.requests()] == [b"/any/warm", b"/any/x", b"/any/x"]


async def test_connections_that_the_upstream_closed_are_not_tried(build: BuildStand) -> None:
    stand = await build()
    callers = [await stand.call(get()) for _ in range(5)]
    for caller in callers:
        assert (await caller.response()).status == 200
    for connection in stand.upstream.connections:
        connection.close()
        await connection.until_ended()
    callers[0].send(request(b"POST /any/x HTTP/1.1"))
    assert (await callers[0].response()).status == 200


# --- Nothing passes between callers ---------------------------------------------------------------


async def test_cookies_of_one_caller_never_reach_another(build: BuildStand) -> None:
    stand = await build(script=answering(answer(b"200 OK", b"Set-Cookie: session=ada; Path=/")))
    stand.lead("main", stand.upstream.port, host="localhost")  # cookie jars leave bare addresses out
    for shown in (None, OTHER_KEY):
        caller = await stand.call(get(b"/any/x") if shown is None else request(shown=shown))
        assert (await caller.response()).one(b"set-cookie") == b"session=ada; Path=/"
    assert [each.all(b"cookie") for each in stand.upstream.requests()] == [[], []]


async def test_nothing_of_one_request_stays_for_the_next(stand: Stand) -> None:
    caller = await stand.call(get(b"/any/1", b"X-Mine: secret", b"Authorization: Basic eDp5", b"Accept: x/y"))
    assert (await caller.response()).status == 200
    other = await stand.call(request(b"GET /open/2 HTTP/1.1", shown=None))
    assert (await other.response()).status == 200
    names = {name.lower() for name, _ in stand.upstream.requests()[1].fields}
    assert names == {
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"via",
        b"x-request-id",
    }


async def echo_in_pieces(connection: UpstreamConnection) -> None:
    """Answer with the target many times over, in another framing and rhythm each time."""
    chance = random.Random(id(connection))
    while True:
        asked = await connection.request(within_s=60)
        body = asked.target * chance.randrange(1, 400)
        if chance.random() < 0.5:
            connection.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
            pieces = [body]
        else:
            connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            pieces = [chunked(body[: len(body) // 2], end=b""), chunked(body[len(body) // 2 :])]
        for piece in pieces:
            await asyncio.sleep(0)
            connection.send(piece)


@pytest.mark.parametrize("seed", range(3))
async def test_answers_never_mix_whoever_comes_and_goes(build: BuildStand, seed: int) -> None:
    stand = await build(script=echo_in_pieces)
    chance = random.Random(seed)

    async def one(number: int) -> None:
        for turn in range(10):
            mark = b"/any/m%d-%d-%d" % (seed, number, turn)
            caller = await stand.call(get(mark))
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() / 500)
                caller.reset()
                continue
            body = (await caller.response(within_s=10)).body
            assert body == mark * (len(body) // len(mark))
            caller.close()

    await asyncio.gather(*(one(number) for number in range(30)))
