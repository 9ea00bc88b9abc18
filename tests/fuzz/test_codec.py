"""Properties of reading heads.

1. No input makes the codec raise anything but `Fault`.
2. A request head that is accepted gives the strict reader of tests/support/strict_http.py the same method,
   target and fields, and so does the head of an answer, with these known exceptions in its first line: its
   version may be 1.0, the blank behind the status may be missing, the status may be any three digits
   (`wire.response_head.check_status` judges them), and the phrase may hold control characters
   (`status_line` takes them out).
3. A request head that `wire.request_head` then lets pass is framed as the strict reader frames it.
4. What can never become a head is called hopeless at whatever byte the reading stops, and never what can.
"""

import re

import pytest
from hypothesis import given, settings

from gateway.plane.lean_codec import HEAD_END, is_hopeless, parse_answer, parse_request
from gateway.plane.lean_framing import Fault
from gateway.wire.request_head import Head, Limits, read_head
from tests.fuzz.inputs import corpus, mutated, named_corpus
from tests.support.strict_http import _REQUEST_LINE, Fields, Framing, _read_head, read_request

MANY = settings(max_examples=max(200, settings().max_examples))

REQUESTS, ANSWERS = corpus("request_heads"), corpus("answer_heads")
PARTS = [
    *(b"\r\n", b"\r", b"\n", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b" ", b"  ", b"\t", b":", b" :", b": ", b"_"),
    *(b"\0", b"\x0b", b"\x7f", b"\x80", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 200"),
    *(b"Content-Length: 1\r\n", b"Content-Length: +1\r\n", b"Transfer-Encoding: chunked\r\n", b"chunked"),
    *(
        b"Transfer-Encoding: identity\r\n",
        b"Host: other\r\n",
        b"Connection: upgrade\r\n",
        b"Upgrade: h2c\r\n",
    ),
    *(b"CONNECT", b"GET", b"PRI * HTTP/2.0", b"*", b"http://h/", b"\xef\xbb\xbf", b",", b"0", b"-1", b"999"),
]
_ANSWER_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})( [^\r\n\0]*)?")


def plain(fields: Fields) -> Fields:
    return tuple((name, value.strip(b" \t")) for name, value in fields)


def whole(raw: bytes) -> bytes:
    """Up to the first blank line, as the planes cut it."""
    return raw[: raw.find(HEAD_END) + 4] if HEAD_END in raw else raw


def check_request(raw: bytes) -> bool:
    """Whether it was accepted; fails if it should not have been."""
    try:
        parsed = parse_request(raw)
    except Fault:
        return False
    read = _read_head(raw)
    assert read is not None
    start, fields, size = read
    version = b"HTTP/%d.%d" % parsed.version
    assert size == len(raw)
    assert _REQUEST_LINE.fullmatch(start.removesuffix(version) + b"HTTP/1.1"), start
    assert start == b"%b %b %b" % (parsed.method, parsed.target, version)
    assert plain(parsed.fields) == fields
    head = read_head(parsed.method, parsed.target, parsed.version, parsed.fields, "::1", Limits())
    if isinstance(head, Head):
        check_framing(raw.replace(version, b"HTTP/1.1", 1), head)
    return True


def check_framing(raw: bytes, head: Head) -> None:
    message = read_request(raw)
    assert message is not None
    told = (head.chunked, head.content_length is not None)
    assert told == (message.framing is Framing.CHUNKED, message.framing is Framing.LENGTH)
    if head.content_length is not None:
        assert int(message.one(b"content-length") or b"-1") == head.content_length


def check_answer(raw: bytes) -> bool:
    try:
        parsed = parse_answer(raw)
    except Fault:
        return False
    read = _read_head(raw)
    assert read is not None
    start, fields, size = read
    assert size == len(raw)
    match = _ANSWER_LINE.fullmatch(start)
    assert match is not None, start
    assert parsed.status == int(match[1])
    assert parsed.phrase == (match[2] or b" ")[1:].decode("latin-1")
    assert plain(parsed.fields) == tuple((name.lower(), value) for name, value in fields)
    return True


@pytest.mark.parametrize("raw", named_corpus("request_heads"))
def test_the_corpus_of_requests_is_read_strictly(raw: bytes) -> None:
    check_request(raw)


@pytest.mark.parametrize("raw", named_corpus("answer_heads"))
def test_the_corpus_of_answers_is_read_strictly(raw: bytes) -> None:
    check_answer(raw)


def test_the_corpus_holds_good_and_bad() -> None:
    for found in ([check_request(raw) for raw in REQUESTS], [check_answer(raw) for raw in ANSWERS]):
        assert found.count(True) > 5
        assert found.count(False) > 5


@MANY
@given(mutated(REQUESTS, PARTS))
def test_what_is_accepted_of_a_request_a_strict_reader_reads_alike(raw: bytes) -> None:
    check_request(whole(raw))


@MANY
@given(mutated(ANSWERS, PARTS))
def test_what_is_accepted_of_an_answer_a_strict_reader_reads_alike(raw: bytes) -> None:
    check_answer(whole(raw))


@MANY
@given(mutated(REQUESTS, PARTS))
def test_nothing_that_is_accepted_was_hopeless_on_its_way(raw: bytes) -> None:
    raw = whole(raw)
    hopeless, seen = False, 0
    for end in range(1, len(raw)):
        hopeless = hopeless or is_hopeless(raw[:end], seen)
        seen = end
    assert not (hopeless and check_request(raw))
    assert hopeless >= is_hopeless(raw[:-1])
