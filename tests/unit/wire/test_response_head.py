"""Guarantees of gateway/wire/response_head.py: no upstream can speak for the gateway or end a line for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.request import Headers
from gateway.wire.headers import HOP_BY_HOP
from gateway.wire.response_head import (
    KEY_EXPIRES,
    ResponseFault,
    check_status,
    has_body,
    head_bytes,
    relayed_headers,
    response_headers,
    response_length,
    status_line,
)

ID = (b"x-request-id", b"req-1")
DATE = b"Fri, 15 Jan 2027 08:00:00 GMT"
PRIVATE = (b"cache-control", b"private")


def shown(*headers: tuple[bytes, bytes], identified: bool = False) -> Headers:
    """What the caller sees of the upstream's headers, when they came."""
    told = response_headers(headers, "req-1", DATE, identified=identified)
    assert (b"date", DATE) in told or b"date" in dict(headers)
    return tuple(field for field in told if field != (b"date", DATE))


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        pytest.param("GET", 200, True, id="ok"),
        pytest.param("GET", 404, True, id="not-found"),
        pytest.param("GET", 205, True, id="reset-content-is-framed-as-any"),
        pytest.param("HEAD", 200, False, id="head"),
        pytest.param("GET", 204, False, id="no-content"),
        pytest.param("GET", 304, False, id="not-modified"),
        pytest.param("GET", 101, False, id="switching-protocols"),
        pytest.param("GET", 199, False, id="interim"),
        pytest.param("head", 200, True, id="methods-have-their-case"),
    ],
)
def test_whether_a_body_follows(method: str, status: int, expected: bool) -> None:
    assert has_body(method, status) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(b"content-length", b"0")], 0, id="zero"),
        pytest.param([(b"content-length", b"12")], 12, id="one"),
        pytest.param([(b"content-length", b"12"), (b"content-length", b"12")], 12, id="the-same-twice"),
        pytest.param([(b"content-length", b"9" * 18)], 10**18 - 1, id="longest"),
        pytest.param([(b"transfer-encoding", b"chunked")], None, id="chunked"),
        pytest.param([(b"transfer-encoding", b"Chunked")], None, id="chunked-in-any-case"),
    ],
)
def test_the_length_an_upstream_declares(headers: list[tuple[bytes, bytes]], expected: int | None) -> None:
    assert response_length(tuple(headers)) == expected


@pytest.mark.parametrize(("status", "expected"), [(204, None), (304, 12), (200, 12), (404, 12)])
def test_the_length_of_a_204_is_not_believed(status: int, expected: int | None) -> None:
    assert response_length(((b"content-length", b"12"),), status) == expected


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"content-length", b"1"), (b"content-length", b"2")], id="two"),
        pytest.param([(b"content-length", b"1, 1")], id="list"),
        pytest.param([(b"content-length", b"")], id="empty"),
        pytest.param([(b"content-length", b"-1")], id="minus"),
        pytest.param([(b"content-length", b"+1")], id="plus"),
        pytest.param([(b"content-length", b"1_0")], id="underscore"),
        pytest.param([(b"content-length", "١".encode())], id="arabic-digit"),
        pytest.param([(b"content-length", b"9" * 19)], id="beyond-64-bit"),
        pytest.param([(b"content-length", b"9" * 5_000)], id="more-digits-than-python-reads"),
        pytest.param([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], id="both"),
        pytest.param([(b"content-length", b"1"), (b"transfer-encoding", b"identity")], id="both-identity"),
        pytest.param([(b"transfer-encoding", b"identity")], id="identity"),
        pytest.param([(b"transfer-encoding", b"gzip, chunked")], id="gzip"),
        pytest.param(
            [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], id="chunked-twice"
        ),
    ],
)
def test_a_contradictory_length_is_a_fault(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ResponseFault, match="framing"):
        response_length(tuple(headers))


@pytest.mark.parametrize("status", [101, 200, 204, 304, 404, 599, 999])
@pytest.mark.parametrize("version", [(1, 0), (1, 1)])
def test_a_final_status_of_http_1_is_accepted(status: int, version: tuple[int, int]) -> None:
    check_status(status, version)


@pytest.mark.parametrize(
    ("status", "version"),
    [
        pytest.param(0, (1, 1), id="zero"),
        pytest.param(99, (1, 1), id="two-digits"),
        pytest.param(100, (1, 1), id="interim"),
        pytest.param(199, (1, 1), id="last-interim"),
        pytest.param(1000, (1, 1), id="four-digits"),
        pytest.param(200, (2, 0), id="http-2"),
        pytest.param(200, (0, 9), id="http-0.9"),
        pytest.param(200, (1, 2), id="http-1.2"),
    ],
)
def test_no_other_status_line_is(status: int, version: tuple[int, int]) -> None:
    with pytest.raises(ResponseFault):
        check_status(status, version)


def test_what_concerns_the_caller_passes_in_order_and_framing_is_left_to_the_plane() -> None:
    assert shown(
        (b"Server", b"Ollama"),
        (b"Set-Cookie", b"a=1"),
        (b"Content-Length", b"5"),
        (b"Set-Cookie", b"b=2"),
        (b"Content-Encoding", b"gzip"),
        (b"Transfer-Encoding", b"chunked"),
        (b"ETag", b'W/"caf\xc3\xa9"'),
        (b"X-Raw", b"Gr\xfc\xdfe"),
    ) == (
        (b"server", b"Ollama"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-encoding", b"gzip"),
        (b"etag", b'W/"caf\xc3\xa9"'),
        (b"x-raw", b"Gr\xfc\xdfe"),
        ID,
    )


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP), ids=bytes.decode)
def test_hop_by_hop_fields_end_here(name: bytes) -> None:
    assert shown((name, b"x")) == (ID,)


def test_what_connection_lists_ends_here_but_not_what_the_caller_must_get() -> None:
    listed = (b"Connection", b"close, X-Internal, Set-Cookie, X-Request-Id")
    assert shown(listed, (b"X-Internal", b"1"), (b"Set-Cookie", b"a=1")) == ((b"set-cookie", b"a=1"), ID)


@pytest.mark.parametrize(
    "name",
    [b"X-Keyhatch-Reason", b"x-keyhatch-key-id", b"X_Keyhatch_Reason", b"X.Keyhatch.Reason", b"x-keyhatch-"],
    ids=bytes.decode,
)
def test_the_upstream_cannot_speak_in_the_gateways_name(name: bytes) -> None:
    assert shown((name, b"key_unknown")) == (ID,)


def test_the_request_id_is_ours() -> None:
    assert shown((b"X-Request-ID", b"theirs"), (b"x-request-id", b"theirs-too")) == (ID,)


@pytest.mark.parametrize(
    ("headers", "identified", "expected"),
    [
        pytest.param([], True, [b"private"], id="identified-and-silent"),
        pytest.param([], False, [], id="public-and-silent"),
        pytest.param([(b"Cache-Control", b"")], True, [b"", b"private"], id="empty"),
        pytest.param([(b"Cache-Control", b"max-age=60")], True, [b"max-age=60"], id="the-upstream-decides"),
        pytest.param([(b"Cache-Control", b"max-age=60")], False, [b"max-age=60"], id="public"),
        pytest.param(
            [(b"Connection", b"Cache-Control"), (b"Cache-Control", b"no-store")],
            True,
            [b"private"],
            id="what-it-said-was-for-this-hop-only",
        ),
    ],
)
def test_an_answer_to_a_key_is_kept_by_no_shared_cache_unless_the_upstream_says_so(
    headers: list[tuple[bytes, bytes]], identified: bool, expected: list[bytes]
) -> None:
    answer = shown(*headers, identified=identified)
    assert [value for name, value in answer if name == b"cache-control"] == expected


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\r\nX-Keyhatch-Reason: x", b"\x00", b"\n"], ids=repr)
def test_a_value_that_could_end_its_line_is_a_fault(value: bytes) -> None:
    with pytest.raises(ResponseFault, match="control character"):
        shown((b"x", value))


@pytest.mark.parametrize(
    "name",
    [b"", b"x: y\r\nz", b"x\r", b"x\n", b"x\x00", b"x y", b"x:", b" x", b"x\t", b"x(", b"\xc3\xa9"],
    ids=repr,
)
def test_a_name_that_could_be_read_as_something_else_is_a_fault(name: bytes) -> None:
    with pytest.raises(ResponseFault, match="name"):
        shown((name, b"1"))


@pytest.mark.parametrize(
    ("status", "reason", "version", "expected"),
    [
        pytest.param(200, "OK", "1.1", b"HTTP/1.1 200 OK\r\n", id="plain"),
        pytest.param(418, "", "1.1", b"HTTP/1.1 418 \r\n", id="no-phrase"),
        pytest.param(200, "OK", "1.0", b"HTTP/1.0 200 OK\r\n", id="old"),
        pytest.param(200, "O\r\nX: 1\x00K\x7f", "1.1", b"HTTP/1.1 200 OX: 1K\r\n", id="cleared"),
        pytest.param(200, "Пока é\tK", "1.1", b"HTTP/1.1 200  \tK\r\n", id="beyond-ascii"),
    ],
)
def test_a_status_line_has_one_end(status: int, reason: str, version: str, expected: bytes) -> None:
    assert status_line(status, reason, version) == expected


def test_a_head_is_its_line_its_fields_and_an_empty_line() -> None:
    assert head_bytes(b"HTTP/1.1 200 OK\r\n", ()) == b"HTTP/1.1 200 OK\r\n\r\n"
    headers = ((b"a", b"1"), (b"b", b""), (b"a", b"2"))
    assert head_bytes(b"L\r\n", headers) == b"L\r\na: 1\r\nb: \r\na: 2\r\n\r\n"


@given(
    st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=8)), max_size=4),
    st.text(max_size=10),
    st.booleans(),
)
def test_no_upstream_can_make_one_head_look_like_two(
    raw: list[tuple[bytes, bytes]], reason: str, identified: bool
) -> None:
    try:
        headers = shown(*raw, identified=identified)
    except ResponseFault:
        return
    whole = head_bytes(status_line(200, reason), headers)
    assert whole.endswith(b"\r\n\r\n")
    lines = whole[:-4].split(b"\r\n")
    assert len(lines) == 1 + len(headers)
    assert [tuple(line.split(b": ", 1)) for line in lines[1:]] == list(headers)
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_what_is_relayed_is_the_head_less_our_request_id() -> None:
    raw = ((b"X-One", b"1"), (b"X-Request-Id", b"theirs"), (b"Connection", b"X-Two"), (b"X-Two", b"2"))
    assert relayed_headers(raw, DATE, identified=True) == ((b"x-one", b"1"), (b"date", DATE), PRIVATE)
    for identified in (True, False):
        relayed = relayed_headers(raw, DATE, identified=identified)
        assert response_headers(raw, "req-1", DATE, identified=identified) == (*relayed, ID)


def test_an_end_of_the_callers_key_that_is_to_be_told_is_told_and_the_upstreams_word_for_it_is_not() -> None:
    raw = ((b"X-Keyhatch-Key-Expires", b"never"), (b"X_Keyhatch_Key_Expires", b"never"), (b"Date", DATE))
    for identified in (True, False):
        told = response_headers(raw, "req-1", DATE, identified=identified, expires_at=1_800_000_000.9)
        assert told[-2:] == (ID, (KEY_EXPIRES, b"2027-01-15T08:00:00Z"))
        assert b"never" not in dict(told).values()
