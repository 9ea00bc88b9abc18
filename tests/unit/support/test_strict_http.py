"""The referee of the conformance suite sees what is there, waits for what is missing and forgives nothing."""

import pytest

from tests.support.strict_http import Framing, NotHttp, read_request, read_response

OK = b"HTTP/1.1 200 OK\r\n"
RESPONSES = {
    "by-length": (OK + b"Content-Length: 3\r\n\r\nabc", b"GET", Framing.LENGTH, b"abc"),
    "in-chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"GET",
        Framing.CHUNKED,
        b"abc",
    ),
    "head": (OK + b"Content-Length: 3\r\n\r\n", b"HEAD", Framing.NONE, b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", b"GET", Framing.NONE, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", Framing.NONE, b""),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"GET", Framing.NONE, b""),
    "interim-first": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na",
        b"GET",
        Framing.LENGTH,
        b"a",
    ),
}


@pytest.mark.parametrize(("sent", "method", "framing", "body"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_whole_at_its_last_byte_and_not_before(
    sent: bytes, method: bytes, framing: Framing, body: bytes
) -> None:
    for size in range(len(sent)):
        part = read_response(sent[:size], method)
        assert part is None or not part.is_whole
    response = read_response(sent + b"HTTP/1.1 next", method)
    assert response is not None
    assert (response.is_whole, response.framing, response.body, response.size) == (
        True,
        framing,
        body,
        len(sent),
    )


def test_a_body_without_framing_ends_with_the_connection() -> None:
    going, gone = read_response(OK + b"\r\nabc"), read_response(OK + b"\r\nabc", at_end=True)
    assert going is not None
    assert gone is not None
    assert (going.is_whole, gone.is_whole, gone.body) == (False, True, b"abc")


def test_interim_responses_are_kept_apart() -> None:
    response = read_response(RESPONSES["interim-first"][0])
    assert response is not None
    assert [each.status for each in response.interim] == [100]


def test_trailers_are_kept_apart() -> None:
    sent = OK + b"Transfer-Encoding: chunked\r\nX-A: 1\r\n\r\n0\r\nX-B: 2\r\n\r\n"
    response = read_response(sent)
    assert response is not None
    assert (response.all(b"x-a"), response.all(b"x-b"), response.trailers) == ([b"1"], [], ((b"X-B", b"2"),))


def test_a_request_is_read_with_its_parts() -> None:
    request = read_request(b"POST /x?y HTTP/1.1\r\nA: 1\r\na:  2 \r\nContent-Length: 2\r\n\r\nhi")
    assert request is not None
    assert (request.method, request.target, request.all(b"A"), request.body) == (
        b"POST",
        b"/x?y",
        [b"1", b"2"],
        b"hi",
    )


def test_a_field_that_stands_twice_is_not_one() -> None:
    request = read_request(b"GET / HTTP/1.1\r\nA: 1\r\nA: 2\r\n\r\n")
    assert request is not None
    with pytest.raises(AssertionError, match="stands 2 times"):
        request.one(b"a")


WRONG_RESPONSES = {
    "no-status-line": b"hello\r\n\r\n",
    "http-1.0": b"HTTP/1.0 200 OK\r\n\r\n",
    "two-digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "no-blank-after-status": b"HTTP/1.1 200\r\n\r\n",
    "bare-lf": b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
    "bare-lf-in-a-field": OK + b"A: b\nC: d\r\n\r\n",
    "bare-cr-in-a-field": OK + b"A: b\rC: d\r\n\r\n",
    "space-before-colon": OK + b"A : b\r\n\r\n",
    "folded": OK + b"A: b\r\n c\r\n\r\n",
    "nul": OK + b"A: b\x00\r\n\r\n",
    "framed-twice": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two-lengths": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "length-sign": OK + b"Content-Length: +1\r\n\r\na",
    "other-coding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "204-with-length": b"HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n",
    "chunk-size": OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "chunk-extension": OK + b"Transfer-Encoding: chunked\r\n\r\n1;a\r\nb\r\n",
    "chunk-too-long": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "trailer": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n",
}


@pytest.mark.parametrize("sent", WRONG_RESPONSES.values(), ids=WRONG_RESPONSES)
def test_a_response_that_breaks_a_rule_is_not_http(sent: bytes) -> None:
    with pytest.raises(NotHttp):
        read_response(sent)


@pytest.mark.parametrize(
    "line",
    [b"GET / HTTP/1.0", b"GET  / HTTP/1.1", b"GET / x HTTP/1.1", b"G@T / HTTP/1.1", b"GET \xe9 HTTP/1.1"],
)
def test_a_request_line_that_breaks_a_rule_is_not_http(line: bytes) -> None:
    with pytest.raises(NotHttp):
        read_request(line + b"\r\nHost: h\r\n\r\n")
