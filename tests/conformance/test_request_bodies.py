"""Bodies of requests: framed anew, whole, as they arrive, and never more than was let pass."""

import hashlib
import random

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import KEY, Stand, request
from tests.support.raw_connection import steady
from tests.support.scripted_upstream import OK
from tests.support.strict_http import Framing

SOON_S = 1.0
TE = b"Transfer-Encoding: chunked"
NOISE = random.Random(7).randbytes(300_000)


def post(*fields: bytes, body: bytes = b"", method: bytes = b"POST") -> bytes:
    return request(method + b" /any/x HTTP/1.1", *fields, body=body)


LENGTHS = (
    *(b"Content-Length: %d", b"CONTENT-LENGTH: %d", b"Content-LENGTH: %d", b"Content-Length:%d"),
    *(b"Content-Length:  %d", b"Content-Length:\t%d", b"Content-Length: %d "),
)


@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: length.decode())
async def test_a_body_is_a_body_each_time_however_its_length_is_spelt(stand: Stand, length: bytes) -> None:
    body = request(b"GET /open/smuggled HTTP/1.1", shown=None)
    for number in range(3):
        head = request(b"POST /any/%d HTTP/1.1" % number, length % len(body))
        caller = await stand.call(head + body)
        assert (await caller.response()).status == 200
    seen = stand.upstream.requests()
    assert [(each.target, each.body) for each in seen] == [(b"/any/%d" % number, body) for number in range(3)]
    assert len(stand.notebook.ended) == 3


BODIES = {
    "empty": b"",
    "byte": b"x",
    "crlf": b"\r\n\r\n",
    "looks-like-a-request": b"GET /admin/x HTTP/1.1\r\nHost: h\r\n\r\n",
    "looks-like-a-chunk": b"0\r\n\r\n",
    "json": b'{"model":"m","messages":[]}',
    "binary": bytes(range(256)) * 4,
    "300-kilobytes": NOISE,
}
METHODS = [b"POST", b"PUT", b"PATCH", b"DELETE", b"GET", b"OPTIONS", b"PROPFIND", b"REPORT"]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.decode())
async def test_a_body_by_length_arrives_by_length(stand: Stand, method: bytes, body: bytes) -> None:
    caller = await stand.call(post(b"Content-Length: %d" % len(body), body=body, method=method))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert (seen.method, seen.body) == (method, body)
    if body:
        assert (seen.framing, seen.one(b"content-length")) == (Framing.LENGTH, b"%d" % len(body))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.decode())
async def test_a_body_in_chunks_arrives_in_chunks(stand: Stand, method: bytes, body: bytes) -> None:
    pieces = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    caller = await stand.call(post(TE, body=chunked(*pieces), method=method))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert (seen.method, seen.body, seen.framing) == (method, body, Framing.CHUNKED)


@pytest.mark.parametrize(
    "method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"POST", b"PUT"], ids=lambda method: method.decode()
)
async def test_a_request_without_a_body_stays_without(stand: Stand, method: bytes) -> None:
    caller = await stand.call(post(method=method))
    await caller.response(to=method)
    seen = stand.upstream.the_request()
    assert (seen.body, seen.all(b"transfer-encoding")) == (b"", [])
    assert seen.one(b"content-length") in (None, b"0")


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH"], ids=lambda method: method.decode())
async def test_an_empty_body_is_still_told(stand: Stand, method: bytes) -> None:
    """RFC 9110 §8.6: servers may want a length with these methods, even of nothing."""
    caller = await stand.call(post(b"Content-Length: 0", method=method))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().one(b"content-length") == b"0"


CHUNKINGS = {
    "upper-case-hex": b"A\r\n0123456789\r\n0\r\n\r\n",
    "lower-case-hex": b"a\r\n0123456789\r\n0\r\n\r\n",
    "leading-zeros": b"000a\r\n0123456789\r\n000\r\n\r\n",
    "extension": b"a;name=value\r\n0123456789\r\n0;last\r\n\r\n",
    "quoted-extension": b'a;name="va lue"\r\n0123456789\r\n0\r\n\r\n',
    "bytewise": b"".join(b"1\r\n%c\r\n" % digit for digit in b"0123456789") + b"0\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKINGS.values(), ids=CHUNKINGS)
async def test_chunks_are_read_by_their_sizes_and_framed_anew(stand: Stand, body: bytes) -> None:
    caller = await stand.call(post(TE, body=body))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.body == b"0123456789"
    assert b";" not in bytes(stand.upstream.connections[0].received).partition(b"\r\n\r\n")[2]


async def test_the_name_of_the_coding_may_be_in_any_case(stand: Stand) -> None:
    caller = await stand.call(post(b"transfer-encoding: Chunked", body=chunked(b"abc")))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().body == b"abc"


BROKEN_CHUNKS = {
    "no-hex": b"x\r\nabc\r\n0\r\n\r\n",
    "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "empty-size": b"\r\nabc\r\n0\r\n\r\n",
    "space-before-size": b" 3\r\nabc\r\n0\r\n\r\n",
    "bare-lf-after-size": b"3\nabc\r\n0\r\n\r\n",
    "bare-lf-after-data": b"3\r\nabc\n0\r\n\r\n",
    "bare-cr-after-size": b"3\rabc\r\n0\r\n\r\n",
    "longer-than-it-says": b"3\r\nabcdef\r\n0\r\n\r\n",
    "shorter-than-it-says": b"5\r\nabc\r\n0\r\n\r\n",
    "beyond-64-bits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "lf-in-extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "cr-in-extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "nul-in-extension": b"3;a\x00b\r\nabc\r\n0\r\n\r\n",
    "no-crlf-after-zero": b"3\r\nabc\r\n0\r\nGET /x HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
async def test_broken_chunks_that_come_with_the_head_reach_nobody_whole(stand: Stand, chunks: bytes) -> None:
    second = request(b"GET /open/smuggled HTTP/1.1", shown=None)
    caller = await stand.call(post(TE, body=chunks + second))
    response = await caller.last_response(within_s=SOON_S)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"request_malformed")
    assert not any(each.is_whole for each in stand.upstream.requests())


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
async def test_broken_chunks_that_come_later_end_the_request_at_once(
    by_hand: Stand, chunks: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    second = request(b"GET /open/smuggled HTTP/1.1", shown=None)
    caller = await by_hand.call(post(TE, body=chunked(b"good", end=b"")))
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"good")
    caller.send(chunks + second)
    await upstream.until_ended(within_s=SOON_S)
    assert [each.is_whole for each in upstream.requests()] == [False]
    response = await caller.last_response(within_s=SOON_S)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"request_malformed")
    assert b"smuggled" not in by_hand.upstream.everything()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("way", ["half-closes", "closes", "resets"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_an_upload_that_breaks_off_is_never_whole_upstream(
    by_hand: Stand, framing: str, way: str
) -> None:
    fields, body = (
        ([b"Content-Length: 100"], b"x" * 50) if framing == "length" else ([TE], chunked(b"x" * 50, end=b""))
    )
    caller = await by_hand.call(post(*fields, body=body))
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"x" * 50)
    {"half-closes": caller.end, "closes": caller.close, "resets": caller.reset}[way]()
    await upstream.until_ended(within_s=1)
    assert [each.is_whole for each in upstream.requests()] == [False]


async def test_an_upload_arrives_while_it_is_sent(by_hand: Stand) -> None:
    caller = await by_hand.call(post(TE))
    upstream = await by_hand.upstream.connection()
    for number in range(5):
        piece = b"piece %d" % number
        caller.send(chunked(piece, end=b""))
        await upstream.until_received(piece)
    caller.send(b"0\r\n\r\n")
    assert (await upstream.request()).body == b"piece 0piece 1piece 2piece 3piece 4"
    upstream.send(OK)
    assert (await caller.response()).status == 200


async def test_the_head_goes_ahead_of_the_body(by_hand: Stand) -> None:
    await by_hand.call(post(b"Content-Length: 10"))
    upstream = await by_hand.upstream.connection()
    assert (await upstream.head()).one(b"content-length") == b"10"


async def test_an_upload_that_the_upstream_does_not_read_is_held_back(by_hand: Stand) -> None:
    size = 64_000_000
    caller = await by_hand.call(post(b"Content-Length: %d" % size))
    upstream = await by_hand.upstream.connection()
    await upstream.head()
    upstream.stop_reading()
    sending = by_hand.task(caller.send_all(bytes(size)))
    written = await steady(lambda: caller.bytes_sent)
    assert written < size // 2
    upstream.go_on_reading()
    await upstream.until(lambda: len(upstream.received) > size, "the whole body", within_s=20)
    assert (await upstream.request()).body == bytes(size)
    await sending
    upstream.send(OK)
    assert (await caller.response()).status == 200


async def test_a_large_upload_arrives_byte_for_byte(by_hand: Stand) -> None:
    body = NOISE * 40
    caller = await by_hand.call(post(b"Content-Length: %d" % len(body)))
    sending = by_hand.task(caller.send_all(body))
    upstream = await by_hand.upstream.connection()
    await upstream.until(lambda: len(upstream.received) > len(body), "the whole body", within_s=20)
    seen = await upstream.request()
    await sending
    assert hashlib.sha256(seen.body).digest() == hashlib.sha256(body).digest()
    upstream.send(OK)
    assert (await caller.response()).status == 200


@pytest.mark.parametrize("sent", [0, 1_000], ids=["before-its-first-byte", "in-the-middle"])
async def test_an_upstream_may_answer_before_the_body_is_whole(by_hand: Stand, sent: int) -> None:
    caller = await by_hand.call(post(b"Content-Length: 1000000", body=b"x" * sent))
    upstream = await by_hand.upstream.connection()
    await upstream.head()
    upstream.send(answer(b"413 Content Too Large", body=b"enough"))
    await caller.until(lambda: caller.peek() is not None, "an answer")
    response = await caller.response()
    assert (response.status, response.body) == (413, b"enough")
    assert response.one(b"connection") == b"close"
    await upstream.until_ended(within_s=1)
    await caller.send_all(b"x" * (1_000_000 - sent))
    await caller.until_ended()
    assert not caller.was_reset


async def test_what_follows_a_body_is_the_next_request(stand: Stand) -> None:
    first = post(b"Content-Length: 3", body=b"abc")
    second = post(TE, body=chunked(b"def"))
    caller = await stand.call(first + second + request(b"GET /any/last HTTP/1.1"))
    for _ in range(3):
        assert (await caller.response()).status == 200
    assert [each.body for each in stand.upstream.requests()] == [b"abc", b"def", b""]


TRAILERS = b"3\r\nabc\r\n0\r\nX-Checksum: 900150983cd24fb0\r\nX-Keyhatch-Owner: root\r\n\r\n"


async def test_trailers_never_become_headers(stand: Stand) -> None:
    caller = await stand.call(post(TE, b"Trailer: X-Checksum", body=TRAILERS))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.body == b"abc"
    assert (seen.all(b"x-checksum"), seen.one(b"x-keyhatch-owner")) == ([], b"ada@example.org")


async def test_identity_cannot_come_in_a_trailer(stand: Stand) -> None:
    caller = await stand.call(post(TE, body=TRAILERS))
    assert (await caller.response()).status == 200
    assert b"root" not in stand.upstream.everything()


@pytest.mark.differs("aiohttp", "trailers")
async def test_trailers_arrive_as_trailers(stand: Stand) -> None:
    caller = await stand.call(post(TE, b"Trailer: X-Checksum", body=TRAILERS))
    assert (await caller.response()).status == 200
    assert (b"X-Checksum".lower(), b"900150983cd24fb0") in [
        (name.lower(), value) for name, value in stand.upstream.the_request().trailers
    ]


async def test_a_key_in_a_body_is_the_callers_business_and_no_credential(build: BuildStand) -> None:
    stand = await build()
    caller = await stand.call(
        request(b"POST /any/x HTTP/1.1", b"Content-Length: 4", shown=None, body=b"kh_x")
    )
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_missing"
    assert KEY not in stand.upstream.everything()


async def test_large_bodies_follow_each_other_on_one_connection(stand: Stand) -> None:
    """Each time more than a buffer of it comes with the head, and a connection to the upstream is idle."""
    caller = await stand.call()
    body = b"x" * 1_000_000
    for _ in range(3):
        await caller.send_all(post(b"Content-Length: 1000000", body=body))
        assert (await caller.response()).status == 200
    assert [len(seen.body) for seen in stand.upstream.requests()] == [1_000_000] * 3
