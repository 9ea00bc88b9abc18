"""Guarantees of gateway/plane/lean_answer.py: the caller gets the answer, framed rightly, and nothing more.

Any bytes in any pieces are tried by tests/fuzz/test_answer.py.
"""

import pytest

from gateway.plane.lean_answer import HEAD_BYTES_KEPT_MAX, HEADS_MAX, INTERIM_MAX, Answer, AnswerHeads
from gateway.plane.lean_codec import ANSWER_HEAD_BYTES_MAX
from gateway.plane.lean_framing import Fault
from gateway.wire.request_head import Version

DATE = b"Fri, 15 Jan 2027 08:00:00 GMT"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"


def answer_to(
    version: Version = (1, 1),
    *,
    is_head: bool = False,
    identified: bool = False,
    heads: AnswerHeads | None = None,
) -> Answer:
    return Answer(
        heads or AnswerHeads(lambda: DATE), "req-1", version, is_head=is_head, identified=identified
    )


def fed(answer: Answer, *pieces: bytes, may_keep: bool = True) -> bytes:
    """What the caller is sent for these pieces."""
    return b"".join(answer.feed(piece, may_keep=may_keep) for piece in pieces)


def body(sent: bytes) -> bytes:
    return sent.partition(b"\r\n\r\n")[2]


# --- Heads ------------------------------------------------------------------------------------------------


def test_the_callers_head_is_of_our_own_making() -> None:
    raw = b"HTTP/1.0 200 Fine\r\nX-One: 1\r\nConnection: X-One\r\nX-Keyhatch-Owner: root\r\n"
    raw += b"Content-Length: 2\r\n\r\nok"
    answer = answer_to(identified=True)
    assert fed(answer, raw) == (
        b"HTTP/1.1 200 Fine\r\ndate: " + DATE + b"\r\ncache-control: private\r\nx-request-id: req-1\r\n"
        b"content-length: 2\r\n\r\nok"
    )
    assert (answer.is_begun, answer.is_over, answer.body_bytes) == (True, True, 2)


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_head_in_pieces_is_the_same_head(size: int) -> None:
    raw = LENGTH + b"ok"
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert fed(answer_to(), *pieces) == fed(answer_to(), raw)


@pytest.mark.parametrize(
    ("version", "may_keep", "told"),
    [
        pytest.param((1, 1), True, b"", id="1.1-staying"),
        pytest.param((1, 1), False, b"connection: close\r\n", id="1.1-leaving"),
        pytest.param((1, 0), True, b"connection: keep-alive\r\n", id="1.0-staying"),
        pytest.param((1, 0), False, b"connection: close\r\n", id="1.0-leaving"),
    ],
)
def test_the_caller_is_told_whether_the_connection_stays(
    version: Version, may_keep: bool, told: bytes
) -> None:
    answer = answer_to(version)
    sent = fed(answer, LENGTH + b"ok", may_keep=may_keep)
    assert sent.endswith(b"content-length: 2\r\n" + told + b"\r\nok")
    assert answer.keeps_caller is may_keep


@pytest.mark.parametrize(
    ("fields", "version", "keeps"),
    [
        pytest.param(b"", b"1.1", True, id="1.1"),
        pytest.param(b"Connection: close\r\n", b"1.1", False, id="1.1-close"),
        pytest.param(b"Connection: x, Close\r\n", b"1.1", False, id="1.1-close-in-a-list"),
        pytest.param(b"", b"1.0", False, id="1.0"),
        pytest.param(b"Connection: keep-alive\r\n", b"1.0", True, id="1.0-keep-alive"),
    ],
)
def test_the_upstreams_connection_is_kept_where_it_means_to_keep_it(
    fields: bytes, version: bytes, keeps: bool
) -> None:
    answer = answer_to()
    fed(answer, b"HTTP/" + version + b" 200 OK\r\n" + fields + b"Content-Length: 2\r\n\r\nok")
    assert answer.keeps_link is keeps


@pytest.mark.parametrize("raw", [LENGTH + b"ok", CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"])
def test_bytes_behind_the_end_are_nobodys_and_cost_the_connection(raw: bytes) -> None:
    clean = fed(answer_to(), raw)
    for pieces in ([raw + b"more"], [raw, b"more"]):
        answer = answer_to()
        assert fed(answer, *pieces) == clean
        assert (answer.is_over, answer.keeps_link) == (True, False)


@pytest.mark.parametrize(
    ("raw", "is_head"),
    [
        pytest.param(LENGTH, True, id="head"),
        pytest.param(CHUNKED, True, id="head-chunked"),
        pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", False, id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", False, id="304"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False, id="empty"),
    ],
)
def test_an_answer_without_a_body_is_over_with_its_head(raw: bytes, is_head: bool) -> None:
    answer = answer_to(is_head=is_head)
    assert body(fed(answer, raw)) == b""
    assert (answer.is_over, answer.keeps_link) == (True, True)


def test_interim_answers_are_read_away_but_not_for_ever() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    assert fed(answer_to(), interim * INTERIM_MAX + LENGTH + b"ok") == fed(answer_to(), LENGTH + b"ok")
    with pytest.raises(Fault, match="interim"):
        fed(answer_to(), interim * (INTERIM_MAX + 1))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 099 No\r\n\r\n", id="no-status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two-lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", id="another-coding"),
        pytest.param(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunks-in-1.0"),
    ],
)
def test_a_head_that_must_not_reach_the_caller_is_a_fault(raw: bytes) -> None:
    answer = answer_to()
    with pytest.raises(Fault):
        fed(answer, raw)
    assert (answer.is_begun, answer.keeps_link) == (False, False)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["endless", "whole"])
def test_a_head_that_is_too_large_is_a_fault(end: bytes) -> None:
    answer = answer_to()
    with pytest.raises(Fault, match="too large"):
        fed(answer, b"HTTP/1.1 200 OK\r\nA: " + b"x" * ANSWER_HEAD_BYTES_MAX + end)


def test_the_meaning_of_a_head_is_kept_and_so_is_who_it_was_for() -> None:
    heads = AnswerHeads(lambda: DATE)
    first = heads.of(LENGTH, identified=False)
    assert heads.of(LENGTH, identified=False) is first
    assert heads.of(LENGTH, identified=True) is not first
    large = b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_BYTES_KEPT_MAX + b"\r\n\r\n"
    assert heads.of(large, identified=False) is not heads.of(large, identified=False)


def test_an_answer_without_a_date_is_given_the_moments() -> None:
    moments = [DATE]
    heads = AnswerHeads(lambda: moments[0])
    first = heads.of(LENGTH, identified=False)
    assert b"date: " + DATE + b"\r\n" in first.lead
    assert heads.of(LENGTH, identified=False) is first
    moments[0] = DATE.replace(b"08:00", b"08:01")
    assert b"date: " + moments[0] + b"\r\n" in heads.of(LENGTH, identified=False).lead
    dated = heads.of(LENGTH.replace(b"\r\n\r\n", b"\r\nDate: then\r\n\r\n"), identified=False)
    assert dated.lead.count(b"date: ") == 1
    assert b"date: then\r\n" in dated.lead


def test_no_more_than_so_many_heads_are_kept() -> None:
    heads = AnswerHeads(lambda: DATE)
    for number in range(HEADS_MAX + 1):
        heads.of(b"HTTP/1.1 200 OK\r\nA: %d\r\n\r\n" % number, identified=False)
    assert 0 < len(heads._kept) <= HEADS_MAX


# --- Bodies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "raw", "pieces", "sent"),
    [
        pytest.param(
            (1, 1), CHUNKED, [b"2\r\nok\r\n", b"0\r\n\r\n"], b"2\r\nok\r\n0\r\n\r\n", id="as-it-came"
        ),
        pytest.param((1, 0), CHUNKED, [b"2\r\nok\r\n", b"0\r\n\r\n"], b"ok", id="1.0-unpacked"),
        pytest.param((1, 1), ENDLESS, [b"ok"], b"2\r\nok\r\n", id="to-the-end-in-chunks"),
        pytest.param((1, 0), ENDLESS, [b"ok"], b"ok", id="1.0-to-the-end"),
        pytest.param(
            (1, 1), CHUNKED, [b"2;x\r\nok\r\n0\r\n\r\n"], b"2\r\nok\r\n0\r\n\r\n", id="no-extension"
        ),
        pytest.param(
            (1, 1),
            CHUNKED,
            [b"2\r\nok\r\n", b"1;x\r\n!\r\n0\r\n\r\n"],
            b"2\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
            id="later",
        ),
        pytest.param(
            (1, 1),
            CHUNKED,
            [b"3\r\nab", b"c\r\n1;x\r\nd\r\n0\r\n\r\n"],
            b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            id="within-a-chunk-that-was-announced",
        ),
        pytest.param(
            (1, 1),
            CHUNKED,
            [b"3\r\nabc", b"\r\n1;x\r\nd\r\n0\r\n\r\n"],
            b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            id="before-the-end-of-a-chunk",
        ),
        pytest.param(
            (1, 1),
            CHUNKED,
            [b"1\r\na\r\n0\r\nX-Sum: 1\r\nDate: x\r\n\r\n"],
            b"1\r\na\r\n0\r\nx-sum: 1\r\n\r\n",
            id="trailer",
        ),
        pytest.param((1, 0), CHUNKED, [b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"], b"a", id="1.0-trailer"),
    ],
)
def test_a_body_passes_as_it_came_or_is_framed_anew(
    version: Version, raw: bytes, pieces: list[bytes], sent: bytes
) -> None:
    answer = answer_to(version)
    fed(answer, raw)
    assert fed(answer, *pieces) == sent


def test_where_both_frame_it_alike_nothing_is_copied() -> None:
    answer = answer_to()
    fed(answer, CHUNKED)
    piece = b"5\r\nhello\r\n"
    assert answer.feed(piece, may_keep=True) is piece


@pytest.mark.parametrize("section", [b"X A: b\r\n\r\n", b"X_A: b\r\n\r\n"])
def test_a_broken_trailer_cuts_the_answer(section: bytes) -> None:
    answer = answer_to()
    fed(answer, CHUNKED)
    with pytest.raises(Fault, match="trailer"):
        fed(answer, b"1\r\na\r\n0\r\n" + section)
    assert not answer.keeps_link


# --- The end of the connection --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "last", "by_closing"),
    [pytest.param((1, 1), b"0\r\n\r\n", False, id="1.1"), pytest.param((1, 0), b"", True, id="1.0")],
)
def test_a_body_without_framing_ends_with_the_connection(
    version: Version, last: bytes, by_closing: bool
) -> None:
    answer = answer_to(version)
    fed(answer, ENDLESS + b"all")
    assert answer.end() == last
    assert (answer.is_over, answer.ends_by_closing, answer.keeps_link) == (True, by_closing, False)
    assert answer.keeps_caller is not by_closing


@pytest.mark.parametrize("raw", [LENGTH + b"o", CHUNKED + b"2\r\nok\r\n"], ids=["length", "chunks"])
def test_any_other_body_is_cut_by_it(raw: bytes) -> None:
    answer = answer_to()
    fed(answer, raw)
    with pytest.raises(Fault, match="before the answer did"):
        answer.end()


def test_a_connection_that_breaks_cuts_every_body() -> None:
    answer = answer_to()
    fed(answer, ENDLESS + b"all")
    with pytest.raises(Fault, match="broke"):
        answer.end(ConnectionResetError("reset"))
    assert not answer.is_over


# --- Switching protocols ----------------------------------------------------------------------------------


def test_a_101_is_told_and_said_only_when_asked_to() -> None:
    answer = answer_to()
    raw = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n"
    assert fed(answer, raw + b"frames") == b""
    assert (answer.is_begun, answer.rest) == (False, b"frames")
    assert answer.switched() == (
        b"HTTP/1.1 101 Switching Protocols\r\nx-a: b\r\ndate: " + DATE + b"\r\nx-request-id: req-1\r\n"
        b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"
    )
    assert answer.is_begun
