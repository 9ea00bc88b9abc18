"""Answers of the upstream: the same status, headers and bytes, framed anew for this caller."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import Stand, request
from tests.support.scripted_upstream import CLOSE, answering, playing
from tests.support.strict_http import Framing, Message

TE = b"Transfer-Encoding: chunked"


async def relayed(build: BuildStand, *steps: bytes, line: bytes = b"GET /any/x HTTP/1.1") -> Message:
    stand = await build(script=answering(*steps))
    caller = await stand.call(request(line))
    return await caller.response(to=line.partition(b" ")[0])


STATUSES = [
    *(
        b"200 OK",
        b"201 Created",
        b"202 Accepted",
        b"203 x",
        b"205 Reset Content",
        b"206 Partial Content",
        b"207 x",
    ),
    *(b"226 IM Used", b"299 x", b"300 x", b"301 Moved", b"302 Found", b"303 See", b"307 T", b"308 P"),
    *(
        b"400 Bad",
        b"401 Unauthorized",
        b"402 Pay",
        b"403 No",
        b"404 Not Found",
        b"405 x",
        b"406 x",
        b"409 Conflict",
    ),
    *(
        b"410 Gone",
        b"413 x",
        b"415 x",
        b"416 x",
        b"418 I'm a teapot",
        b"421 x",
        b"422 x",
        b"425 x",
        b"429 Slow down",
    ),
    *(
        b"451 x",
        b"499 x",
        b"500 Oops",
        b"501 x",
        b"502 Bad",
        b"503 Busy",
        b"504 Late",
        b"529 Overloaded",
        b"599 x",
    ),
]


@pytest.mark.parametrize("status", STATUSES, ids=lambda status: status.decode())
async def test_a_status_passes_with_its_reason_and_body(build: BuildStand, status: bytes) -> None:
    response = await relayed(build, answer(status, b"Location: http://elsewhere/", body=b"body"))
    assert (response.start, response.body) == (b"HTTP/1.1 " + status, b"body")
    assert response.one(b"location") == b"http://elsewhere/"
    assert response.all(b"x-keyhatch-reason") == []


@pytest.mark.parametrize("reason", [b"", b"Tout va bien", b"a\tb", b'!"#$%'])
async def test_the_reason_phrase_passes(build: BuildStand, reason: bytes) -> None:
    assert (await relayed(build, answer(b"200 " + reason))).start == b"HTTP/1.1 200 " + reason


BODYLESS = {
    "204": (b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", b"GET", 204),
    "304": (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b"GET", 304),
    "304-with-length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", b"GET", 304),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"HEAD", 200),
    "head-chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HEAD", 200),
    "head-without-length": (b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n", b"HEAD", 200),
    "head-404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", b"HEAD", 404),
    "length-zero": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"GET", 200),
    "options-204": (b"HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n", b"OPTIONS", 204),
}


@pytest.mark.parametrize(("sent", "method", "status"), BODYLESS.values(), ids=BODYLESS)
async def test_an_answer_without_a_body_ends_with_its_head(
    build: BuildStand, sent: bytes, method: bytes, status: int
) -> None:
    stand = await build(script=answering(sent, answer(body=b"next")))
    caller = await stand.call(request(method + b" /any/x HTTP/1.1"))
    response = await caller.response(to=method)
    assert (response.status, response.body) == (status, b"")
    caller.send(request())
    assert (await caller.response()).body == b"next"
    assert caller.rest() == b""


async def test_the_length_of_what_head_would_bring_passes(build: BuildStand) -> None:
    response = await relayed(build, BODYLESS["head"][0], line=b"HEAD /any/x HTTP/1.1")
    assert response.one(b"content-length") == b"100"


@pytest.mark.parametrize(
    "body", [b"", b"x", b"0\r\n\r\n", bytes(range(256)) * 2000], ids=["empty", "byte", "crlf", "512k"]
)
async def test_a_body_by_length_stays_by_length(build: BuildStand, body: bytes) -> None:
    response = await relayed(build, answer(body=body))
    assert (response.framing, response.body) == (Framing.LENGTH, body)


@pytest.mark.parametrize("chunks", [[], [b"x"], [b"a", b"bc", b"def"], [bytes(100_000)] * 5], ids=len)
async def test_a_body_in_chunks_stays_in_chunks(build: BuildStand, chunks: list[bytes]) -> None:
    response = await relayed(build, b"HTTP/1.1 200 OK\r\n" + TE + b"\r\n\r\n" + chunked(*chunks))
    assert (response.framing, response.body) == (Framing.CHUNKED, b"".join(chunks))


@pytest.mark.parametrize("body", [b"", b"to the end", bytes(300_000)], ids=["empty", "short", "300k"])
async def test_a_body_that_ends_with_the_connection_is_framed_for_the_caller(
    build: BuildStand, body: bytes
) -> None:
    stand = await build(script=playing(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n" + body, CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.framing, response.body) == (Framing.CHUNKED, body)
    caller.send(request())
    assert (await caller.response()).body == body


async def test_an_answer_in_http_1_0_is_raised_to_1_1(build: BuildStand) -> None:
    stand = await build(script=playing(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nold", CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.start, response.body) == (b"HTTP/1.1 200 OK", b"old")


async def test_a_connection_that_the_upstream_closes_does_not_close_the_callers(build: BuildStand) -> None:
    stand = await build(script=playing(answer(b"200 OK", b"Connection: close", body=b"x"), CLOSE))
    caller = await stand.call(request())
    response = await caller.response()
    assert (response.body, response.all(b"connection")) == (b"x", [])
    caller.send(request())
    assert (await caller.response()).body == b"x"


INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    "several": b"HTTP/1.1 102 Processing\r\n\r\n" * 5,
    "unknown": b"HTTP/1.1 150 What\r\nX-Keyhatch-Owner: root\r\n\r\n",
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
async def test_interim_answers_are_swallowed(build: BuildStand, interim: bytes) -> None:
    response = await relayed(build, interim + answer(body=b"final"))
    assert (response.status, response.body, response.interim) == (200, b"final", ())
    assert response.all(b"link") == []


RANGES = {
    "single": (b"206 Partial Content", [b"Content-Range: bytes 0-3/10"], b"0123"),
    "multipart": (
        b"206 Partial Content",
        [b"Content-Type: multipart/byteranges; boundary=X"],
        b"--X\r\n\r\n0\r\n--X--",
    ),
    "unsatisfiable": (b"416 Range Not Satisfiable", [b"Content-Range: bytes */10"], b""),
    "ignored": (b"200 OK", [b"Accept-Ranges: bytes"], b"0123456789"),
}


@pytest.mark.parametrize(("status", "fields", "body"), RANGES.values(), ids=RANGES)
async def test_ranges_pass_both_ways(
    build: BuildStand, status: bytes, fields: list[bytes], body: bytes
) -> None:
    stand = await build(script=answering(answer(status, *fields, body=body)))
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Range: bytes=0-3", b'If-Range: "e"'))
    response = await caller.response()
    assert (response.start[9:], response.body) == (status, body)
    name, _, value = fields[0].partition(b": ")
    assert response.all(name) == [value]
    assert stand.upstream.the_request().one(b"range") == b"bytes=0-3"


PASSING = {
    "ordinary": [
        b"Content-Type: text/html; charset=utf-8",
        b'ETag: W/"a"',
        b"Last-Modified: x",
        b"Server: y",
    ],
    "cookies-in-order": [b"Set-Cookie: a=1; Path=/", b"Set-Cookie: b=2", b"Set-Cookie: a=3"],
    "duplicates-in-order": [b"X-A: 1", b"X-B: 2", b"X-A: 3"],
    "empty": [b"X-Empty:"],
    "utf-8": ["X-Name: Zoë 日本".encode()],
    "latin-1": [b"X-Name: Zo\xeb"],
    "cors": [b"Access-Control-Allow-Origin: *", b"Vary: Origin", b"Cross-Origin-Opener-Policy: same-origin"],
    "encoding": [b"Content-Encoding: gzip", b"Vary: Accept-Encoding"],
    "rate": [b"Retry-After: 3", b"x-ratelimit-remaining: 0", b"x-should-retry: false"],
    "own-challenge": [b'WWW-Authenticate: Basic realm="upstream"'],
    "location": [b"Location: /v1/../x?a=b#c"],
    "via": [b"Via: 1.1 other"],
    "date": [b"Date: Sat, 01 Jan 2000 00:00:00 GMT"],
    "odd-names": [b"X!#$%&'*+-.^_`|~9: 1"],
    "tab": [b"X-Tab: a\tb"],
    "cache": [b"Cache-Control: public, max-age=60", b"Age: 1"],
}


@pytest.mark.parametrize("fields", PASSING.values(), ids=PASSING)
async def test_headers_pass_unchanged_and_in_order(build: BuildStand, fields: list[bytes]) -> None:
    stand = await build(script=answering(answer(b"200 OK", *fields)))
    caller = await stand.call(request())
    await caller.response()
    head = bytes(caller.received).partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    sent = [(name.lower(), value.strip()) for name, _, value in (field.partition(b":") for field in fields)]
    names = {name for name, _ in sent}
    got = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in head)]
    assert [(name, value) for name, value in got if name in names] == sent


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"304 Not Modified", b"204 No Content"])
async def test_an_answer_without_a_date_is_given_the_clocks(build: BuildStand, status: bytes) -> None:
    stand = await build(script=answering(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"))
    for second in (b"00", b"01"):
        caller = await stand.call(request())
        response = await caller.response()
        assert response.all(b"date") == [b"Fri, 15 Jan 2027 08:00:%b GMT" % second]
        stand.clock.at += 1


async def test_a_compressed_body_is_not_touched(build: BuildStand) -> None:
    body = b"\x1f\x8b\x08 this only claims to be gzip"
    response = await relayed(build, answer(b"200 OK", b"Content-Encoding: gzip", body=body))
    assert (response.body, response.one(b"content-encoding")) == (body, b"gzip")


DROPPED = {
    "identity": [b"X-Keyhatch-Key-Id: key_root"],
    "reason": [b"X-Keyhatch-Reason: key_revoked"],
    "reason-otherwise": [b"x_keyhatch_reason: key_revoked"],
    "keep-alive": [b"Keep-Alive: timeout=5"],
    "proxy": [b"Proxy-Connection: close"],
    "proxy-challenge": [b"Proxy-Authenticate: Basic"],
    "upgrade-offer": [b"Upgrade: h2c"],
    "trailer": [b"Trailer: X-Sum"],
    "listed": [b"X-Hop: 1", b"Connection: X-Hop, keep-alive"],
    "request-id": [b"X-Request-Id: not-ours"],
}


@pytest.mark.parametrize("fields", DROPPED.values(), ids=DROPPED)
async def test_what_the_upstream_may_not_say_is_dropped(build: BuildStand, fields: list[bytes]) -> None:
    response = await relayed(build, answer(b"200 OK", *fields))
    for field in fields:
        name, _, value = field.partition(b": ")
        assert value not in response.all(name)


@pytest.mark.parametrize(
    "name", [b"Content-Length", b"Set-Cookie", b"Transfer-Encoding"], ids=lambda name: name.decode()
)
async def test_connection_cannot_take_away_framing_or_cookies(build: BuildStand, name: bytes) -> None:
    response = await relayed(build, answer(b"200 OK", b"Set-Cookie: a=b", b"Connection: " + name, body=b"x"))
    assert (response.body, response.one(b"set-cookie")) == (b"x", b"a=b")


async def test_an_answer_to_a_key_is_private_unless_the_upstream_says_otherwise(build: BuildStand) -> None:
    assert (await relayed(build, answer())).all(b"cache-control") == [b"private"]
    assert (await relayed(build, answer(), line=b"GET /open/x HTTP/1.1")).all(b"cache-control") == []
    said = answer(b"200 OK", b"Cache-Control: no-cache")
    assert (await relayed(build, said)).all(b"cache-control") == [b"no-cache"]


@pytest.mark.parametrize(
    "status", [b"301 Moved", b"302 Found", b"303 See", b"307 Temporary", b"308 Permanent"]
)
async def test_a_redirect_is_passed_and_not_followed(build: BuildStand, status: bytes) -> None:
    stand = await build(script=answering(answer(status, b"Location: /admin/x")))
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"))
    response = await caller.response()
    assert (response.start[9:], response.one(b"location")) == (status, b"/admin/x")
    assert stand.upstream.the_request().target == b"/any/x"


TRAILERS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
)


async def test_trailers_never_become_headers(build: BuildStand) -> None:
    response = await relayed(build, TRAILERS)
    assert (response.body, response.all(b"x-sum")) == (b"abc", [])


@pytest.mark.differs("aiohttp", "trailers")
async def test_trailers_arrive_as_trailers(build: BuildStand) -> None:
    response = await relayed(build, TRAILERS)
    assert [(name.lower(), value) for name, value in response.trailers] == [(b"x-sum", b"1")]


async def test_chunk_extensions_of_the_upstream_stay_with_it(build: BuildStand) -> None:
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0;c\r\n\r\n"
    assert (await relayed(build, sent)).body == b"abc"


@pytest.mark.parametrize(
    "method", [b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"PROPFIND", b"MKCOL", b"REPORT", b"SEARCH"]
)
async def test_every_forwarded_method_gets_its_answer(stand: Stand, method: bytes) -> None:
    caller = await stand.call(request(method + b" /any/x HTTP/1.1"))
    assert (await caller.response(to=method)).body == b"ok"
    assert stand.upstream.the_request().method == method


async def test_a_method_that_a_route_names_is_forwarded(stand: Stand) -> None:
    caller = await stand.call(request(b"PURGE /odd HTTP/1.1"))
    assert (await caller.response()).body == b"ok"
    assert stand.upstream.the_request().method == b"PURGE"


async def test_each_route_leads_to_its_own_upstream(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /second/x HTTP/1.1"))
    assert (await caller.response()).status == 200
    assert stand.second.the_request().target == b"/second/x"
    stand.assert_untouched()
