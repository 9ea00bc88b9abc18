"""Properties of what a caller is sent of an upstream's answer.

1. No bytes of an upstream, in any pieces, raise anything but `Fault`.
2. What the caller is sent is one strict HTTP response, whole, or cut where anyone can see the cut.
3. It never holds a byte from behind the end of the upstream's answer, and a connection on which there was
   such a byte is never kept.
4. However the bytes are cut into reads, the caller is sent the same head, body and trailer fields.
5. Where the strict reader accepts what the upstream sent, the caller's body is the body it reads there.
6. Nothing of what the upstream sent speaks in the gateway's name.
"""

import re
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.plane.lean_answer import Answer, AnswerHeads
from gateway.plane.lean_framing import Fault
from gateway.wire.headers import is_own
from gateway.wire.request_head import Version
from tests.fuzz.inputs import CUTS, corpus, in_pieces, mutated, named_corpus
from tests.support.strict_http import Message, NotHttp, read_response

MANY = settings(max_examples=max(200, settings().max_examples))

CORPUS = corpus("answers")
PARTS = [
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"0\r\n\r\n",
    ),
    *(
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"HTTP/1.0",
        b"204",
    ),
    *(
        b"1\r\na\r\n",
        b";x",
        b"X-Keyhatch-Reason: no\r\n",
        b"X-Request-Id: a\r\n",
        b"304",
        b"101",
        b"abc",
        b" ",
        b"\0",
    ),
]
WAYS: list[tuple[Version, bool]] = list(product(((1, 1), (1, 0)), (False, True)))
ways = st.sampled_from(WAYS)
_ODD_STATUS = re.compile(rb"(HTTP/1\.1 )[6-9]")


@dataclass(frozen=True)
class Sent:
    """What the caller was sent, and how it ended."""

    out: bytes
    is_whole: bool
    keeps_link: bool
    ends_by_closing: bool
    is_switch: bool = False

    def message(self, method: bytes) -> Message | None:
        """It, read strictly; a status that exists nowhere is one as well."""
        at_end = self.is_whole and self.ends_by_closing
        return read_response(_ODD_STATUS.sub(rb"\g<1>5", self.out, count=1), method, at_end=at_end)


def sent(pieces: list[bytes], version: Version = (1, 1), *, is_head: bool = False) -> Sent:
    """Feed an answer with these pieces and then the end of the connection."""
    answer = Answer(
        AnswerHeads(lambda: b"Fri, 15 Jan 2027 08:00:00 GMT"),
        "req-1",
        version,
        is_head=is_head,
        identified=True,
    )
    out = b""
    try:
        for piece in pieces:
            out += answer.feed(piece, may_keep=True)
            if answer.head is not None and answer.head.status == 101:
                assert out == b""
                return Sent(answer.switched(), True, False, False, is_switch=True)
        if not answer.is_over:
            out += answer.end()
    except Fault:
        assert not answer.keeps_link
        return Sent(out, False, False, answer.ends_by_closing)
    return Sent(out, True, answer.keeps_link, answer.ends_by_closing)


def check(data: bytes, cuts: list[int], way: tuple[Version, bool]) -> None:
    """Properties 1, 2, 4, 5 and 6."""
    version, is_head = way
    method = b"HEAD" if is_head else b"GET"
    told = sent(in_pieces(data, cuts), version, is_head=is_head)
    at_once = sent([data], version, is_head=is_head)
    assert (told.is_whole, told.is_switch) == (at_once.is_whole, at_once.is_switch)
    if not told.out:
        assert not told.is_whole
        return
    message = told.message(method)
    assert message is not None
    assert message.is_whole is told.is_whole
    assert not told.is_whole or message.size == len(told.out), "something behind the end"
    assert [name for name, _ in message.fields if is_own(name)] == []
    assert message.all(b"x-request-id") == [b"req-1"]
    if told.is_whole and not told.is_switch:
        other = at_once.message(method)
        assert other is not None
        same = (other.start, other.fields, other.body, other.trailers)
        assert (message.start, message.fields, message.body, message.trailers) == same
        check_body(data, message, method)


def check_body(data: bytes, message: Message, method: bytes) -> None:
    try:
        reference = read_response(data, method, at_end=True)
    except NotHttp:
        return
    if reference is not None and reference.is_whole:
        assert message.body == reference.body


def answer_alone(data: bytes, version: Version, *, is_head: bool) -> Sent | None:
    """What is sent of an answer that ends by its own framing; None if this is none."""
    answer = Answer(
        AnswerHeads(lambda: b"Fri, 15 Jan 2027 08:00:00 GMT"),
        "req-1",
        version,
        is_head=is_head,
        identified=True,
    )
    try:
        out = answer.feed(data, may_keep=True)
    except Fault:
        return None
    return Sent(out, True, answer.keeps_link, answer.ends_by_closing) if answer.is_over else None


WHOLE = [data for data in CORPUS if answer_alone(data, (1, 1), is_head=False) is not None]


@pytest.mark.parametrize("way", WAYS, ids=["1.1-GET", "1.1-HEAD", "1.0-GET", "1.0-HEAD"])
@pytest.mark.parametrize("data", named_corpus("answers"))
def test_the_corpus_reaches_the_caller_strictly_or_cut(data: bytes, way: tuple[Version, bool]) -> None:
    check(data, [], way)
    check(data, list(range(1, min(len(data), 400))), way)
    for at in range(1, min(len(data), 200)):
        check(data, [at], way)


@MANY
@given(mutated(CORPUS, PARTS), CUTS, ways)
def test_anything_reaches_the_caller_strictly_or_cut(
    data: bytes, cuts: list[int], way: tuple[Version, bool]
) -> None:
    check(data, cuts, way)


@given(mutated(WHOLE, PARTS), mutated(CORPUS, PARTS), CUTS, ways)
def test_no_byte_from_behind_the_end_reaches_the_caller(
    data: bytes, behind: bytes, cuts: list[int], way: tuple[Version, bool]
) -> None:
    version, is_head = way
    alone = answer_alone(data, version, is_head=is_head)
    assume(alone is not None)
    assert alone is not None
    both = sent(
        [*in_pieces(data, cuts), behind] if behind else in_pieces(data, cuts), version, is_head=is_head
    )
    method = b"HEAD" if is_head else b"GET"
    mine, theirs = both.message(method), alone.message(method)
    assert mine is not None
    assert theirs is not None
    assert (mine.start, mine.fields, mine.body, mine.trailers) == (
        theirs.start,
        theirs.fields,
        theirs.body,
        theirs.trailers,
    )
    assert both.is_whole
    assert not (behind and together(data, behind, version, is_head=is_head).keeps_link)


def together(data: bytes, behind: bytes, version: Version, *, is_head: bool) -> Sent:
    return sent([data + behind], version, is_head=is_head)


def test_the_corpus_holds_whole_ones_and_cut_ones() -> None:
    told = [sent(list(map(bytes, zip(data, strict=True)))) for data in CORPUS]
    assert sum(each.is_whole for each in told) > 10
    assert sum(bool(each.out) and not each.is_whole for each in told) > 3
    assert sum(not each.out for each in told) > 10
