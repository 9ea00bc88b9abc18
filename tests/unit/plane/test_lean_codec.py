"""Guarantees of gateway/plane/lean_codec.py: raw parts of a strict head, or `Fault`, never anything else.

Any bytes are tried by tests/fuzz/test_codec.py.
"""

import pytest

from gateway.plane.lean_codec import (
    ANSWER_FIELDS_MAX,
    RawAnswer,
    RawRequest,
    fields_in,
    is_hopeless,
    parse_answer,
    parse_request,
)
from gateway.plane.lean_framing import Fault


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nx-one:\r\n\r\n",
            RawRequest(b"GET", b"/a?b", (1, 1), ((b"Host", b"h"), (b"X-One", b"1 "), (b"x-one", b""))),
            id="names-and-values-as-they-came",
        ),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", RawRequest(b"GET", b"/", (1, 0), ()), id="no-fields"),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            RawRequest(b"POST", b"/", (1, 1), ((b"Transfer-Encoding", b"chunked"),)),
            id="a-body-to-come",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            RawRequest(b"GET", b"/", (1, 1), ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))),
            id="an-upgrade",
        ),
    ],
)
def test_a_request_head_in_raw_parts(raw: bytes, expected: RawRequest) -> None:
    parsed = parse_request(raw)
    stripped = tuple((name, value.rstrip()) for name, value in parsed.fields)
    wanted = tuple((name, value.rstrip()) for name, value in expected.fields)
    assert (parsed.method, parsed.target, parsed.version, stripped) == (
        expected.method,
        expected.target,
        expected.version,
        wanted,
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\n", id="not-whole"),
        pytest.param(b"GET / HTTP/1.1\nHost: h\r\n\r\n", id="bare-lf"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\n\r\n", id="bare-lf-behind-a-field"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", id="bare-cr"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", id="a-folded-line"),
        pytest.param(b"GET / HTTP/1.1\r\nA : b\r\n\r\n", id="a-blank-before-the-colon"),
        pytest.param(b"GET / HTTP/1.1\r\n A: b\r\n\r\n", id="a-blank-before-the-first-name"),
        pytest.param(b"GET / HTTP/1.1\r\nA\r\n\r\n", id="no-colon"),
        pytest.param(b"GET / HTTP/1.1\r\n: b\r\n\r\n", id="no-name"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n", id="nul"),
        pytest.param(b"GET / HTTP/1.2\r\n\r\n", id="version-1.2"),
        pytest.param(b"GET / HTTP/2.0\r\n\r\n", id="version-2.0"),
        pytest.param(b"GET / HTTP/0.9\r\n\r\n", id="version-0.9"),
        pytest.param(b"GET /\r\n\r\n", id="no-version"),
        pytest.param(b"GET  / HTTP/1.1\r\n\r\n", id="two-blanks-before-the-target"),
        pytest.param(b"GET /  HTTP/1.1\r\n\r\n", id="two-blanks-behind-the-target"),
        pytest.param(b"\nGET / HTTP/1.1\r\n\r\n", id="a-bare-lf-before-it"),
        pytest.param(b"\rGET / HTTP/1.1\r\n\r\n", id="a-bare-cr-before-it"),
        pytest.param(b"\r\nGET / HTTP/1.1\r\n\r\n", id="a-blank-line-before-it"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", id="a-length-that-is-none"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", id="two-framings"
        ),
    ],
)
def test_what_is_no_request_head_is_a_fault(raw: bytes) -> None:
    with pytest.raises(Fault):
        parse_request(raw)


def test_an_answer_head_in_raw_parts_has_its_names_in_lower_case() -> None:
    parsed = parse_answer(b"HTTP/1.1 404 No \xe9 here\r\nX-One: A\r\n\r\n")
    assert parsed == RawAnswer(404, "No é here", (1, 1), ((b"x-one", b"A"),))


@pytest.mark.parametrize(
    ("raw", "status", "phrase"),
    [
        pytest.param(b"HTTP/1.1 200 \r\n\r\n", 200, "", id="an-empty-phrase"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", 200, "OK", id="http-1.0"),
        pytest.param(
            b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 101, "Go", id="101"
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", 100, "Continue", id="interim"),
    ],
)
def test_an_answers_status_line(raw: bytes, status: int, phrase: str) -> None:
    parsed = parse_answer(raw)
    assert (parsed.status, parsed.phrase) == (status, phrase)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\r\n", id="not-whole"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="two-digits"),
        pytest.param(b"\nHTTP/1.1 200 OK\r\n\r\n", id="a-bare-lf-before-it"),
        pytest.param(b"\r\nHTTP/1.1 200 OK\r\n\r\n", id="a-blank-line-before-it"),
        pytest.param(b"HTTP/1.2 200 OK\r\n\r\n", id="version-1.2"),
        pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", id="version-2.0"),
        pytest.param(b"HTTP/1.1 200 OK\nA: b\r\n\r\n", id="bare-lf"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", id="a-folded-line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", id="a-blank-before-the-colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n", id="nul"),
    ],
)
def test_what_is_no_answer_head_is_a_fault(raw: bytes) -> None:
    with pytest.raises(Fault):
        parse_answer(raw)


def test_an_answer_has_so_many_fields_and_no_more() -> None:
    def head(fields: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * fields + b"\r\n"

    assert len(parse_answer(head(ANSWER_FIELDS_MAX)).fields) == ANSWER_FIELDS_MAX
    with pytest.raises(Fault, match="too many"):
        parse_answer(head(ANSWER_FIELDS_MAX + 1))


@pytest.mark.parametrize(
    ("raw", "hopeless"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost", False, id="half-a-head"),
        pytest.param(b"GET / HTTP/1.1\r", False, id="half-a-line-end"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"\x16\x03\x01", True, id="tls"),
        pytest.param(b"GET / HTTP/1.1\nHost: h", True, id="bare-lf"),
        pytest.param(b"\nGET", True, id="begins-with-a-bare-lf"),
        pytest.param(b"GET /\x00", True, id="nul"),
    ],
)
def test_nobody_waits_for_the_end_of_what_can_never_become_a_head(raw: bytes, hopeless: bool) -> None:
    assert is_hopeless(raw) is hopeless


def test_what_was_looked_at_before_is_not_looked_at_again() -> None:
    assert not is_hopeless(b"GET / HTTP/1.1\r\nA: b", seen=18)
    assert is_hopeless(b"GET / HTTP/1.1\r\nA: b\n", seen=18)
    assert is_hopeless(b"GET / HTTP/1.1\nA", seen=14)


def test_a_line_end_that_arrived_in_halves_is_a_whole_one() -> None:
    assert not is_hopeless(b"GET / HTTP/1.1\r\n", seen=len(b"GET / HTTP/1.1\r"))


@pytest.mark.parametrize(
    ("raw", "count"), [(b"GET / HTTP/1.1\r\n\r\n", 0), (b"GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n", 2)]
)
def test_the_fields_of_a_head_are_counted_before_it_is_parsed(raw: bytes, count: int) -> None:
    assert fields_in(raw) == count
