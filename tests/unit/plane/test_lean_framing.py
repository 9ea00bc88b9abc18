"""Guarantees of gateway/plane/lean_framing.py: a body ends in one place only, and what is odd is a `Fault`.

Any bytes in any pieces are tried by tests/fuzz/test_framing.py.
"""

import pytest

from gateway.plane.lean_framing import (
    LINE_BYTES_MAX,
    TRAILER_BYTES_MAX,
    ByChunks,
    ByLength,
    Fault,
    ToTheEnd,
    chunk,
    payload,
)


def read(framing: ByChunks | ByLength | ToTheEnd, *pieces: bytes) -> tuple[bytes, bytes]:
    """The payload of these pieces, and what came behind the body."""
    body = rest = b""
    for piece in pieces:
        if framing.is_over:
            rest += piece
            continue
        spans, end = framing.walk(piece)
        body += payload(piece, spans)
        rest += piece[end:]
    return body, rest


# --- By length ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "pieces", "body", "rest", "is_over"),
    [
        pytest.param(0, [], b"", b"", True, id="nothing"),
        pytest.param(3, [b"abc"], b"abc", b"", True, id="whole"),
        pytest.param(3, [b"ab", b"c"], b"abc", b"", True, id="in-pieces"),
        pytest.param(3, [b"abcde"], b"abc", b"de", True, id="with-more-behind"),
        pytest.param(3, [b"ab", b"cde", b"f"], b"abc", b"def", True, id="in-pieces-with-more-behind"),
        pytest.param(3, [b"ab"], b"ab", b"", False, id="in-part"),
        pytest.param(3, [b""], b"", b"", False, id="an-empty-piece"),
    ],
)
def test_a_declared_length_is_kept_to_the_byte(
    length: int, pieces: list[bytes], body: bytes, rest: bytes, is_over: bool
) -> None:
    framing = ByLength(length)
    assert read(framing, *pieces) == (body, rest)
    assert framing.is_over is is_over
    assert framing.left == length - len(body)


# --- To the end ---------------------------------------------------------------------------------------


def test_without_framing_everything_is_payload_and_nothing_ends_it() -> None:
    framing = ToTheEnd()
    assert read(framing, b"0\r\n\r\n", b"GET / HTTP/1.1\r\n") == (b"0\r\n\r\nGET / HTTP/1.1\r\n", b"")
    assert not framing.is_over


# --- By chunks ----------------------------------------------------------------------------------------

GOOD = [
    pytest.param(b"0\r\n\r\n", b"", b"\r\n", id="empty"),
    pytest.param(b"3\r\nabc\r\n0\r\n\r\n", b"abc", b"\r\n", id="one"),
    pytest.param(b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", b"\r\n", id="two"),
    pytest.param(b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789", b"\r\n", id="hexadecimal"),
    pytest.param(b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", b"\r\n", id="capital-hexadecimal"),
    pytest.param(b"0000000000000001\r\na\r\n00\r\n\r\n", b"a", b"\r\n", id="leading-zeros"),
    pytest.param(b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b"\r\n", id="line-ends-as-payload"),
    pytest.param(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", b"\r\n", id="an-end-as-payload"),
    pytest.param(b"1;a=b\r\nx\r\n0;c\r\n\r\n", b"x", b"\r\n", id="extensions"),
    pytest.param(b"1 \t;a\r\nx\r\n0\r\n\r\n", b"x", b"\r\n", id="blanks-before-an-extension"),
    pytest.param(b'1;a="b;c"\r\nx\r\n0\r\n\r\n', b"x", b"\r\n", id="a-quoted-extension"),
    pytest.param(b"0\r\nX: y\r\nZ: w\r\n\r\n", b"", b"X: y\r\nZ: w\r\n\r\n", id="trailer-fields"),
]


@pytest.mark.parametrize(("raw", "body", "trailer"), GOOD)
def test_chunks_are_read_alike_however_they_are_cut(raw: bytes, body: bytes, trailer: bytes) -> None:
    behind = b"GET /next HTTP/1.1\r\n"
    cuts = [[raw + behind], [bytes([byte]) for byte in raw + behind]]
    cuts += [[raw[:at], raw[at:] + behind] for at in range(1, len(raw))]
    for pieces in cuts:
        framing = ByChunks()
        assert read(framing, *pieces) == (body, behind), pieces
        assert (framing.is_over, framing.trailer) == (True, trailer)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\r\n", id="no-size"),
        pytest.param(b"x\r\n", id="no-number"),
        pytest.param(b"+1\r\n", id="plus"),
        pytest.param(b"-1\r\n", id="minus"),
        pytest.param(b"0x1\r\n", id="prefixed"),
        pytest.param(b"1_0\r\n", id="underscore"),
        pytest.param(b" 1\r\n", id="blank-before"),
        pytest.param(b"1 \r\n", id="blank-behind"),
        pytest.param(b"1\t\r\n", id="tab-behind"),
        pytest.param(b"1 2\r\n", id="two-numbers"),
        pytest.param(b"1,1\r\n", id="list"),
        pytest.param(b"1.0\r\n", id="fraction"),
        pytest.param("١\r\n".encode(), id="arabic-digit"),
        pytest.param(b"f" * 17 + b"\r\n", id="beyond-64-bit"),
        pytest.param(b"1\n", id="bare-lf-behind-a-size"),
        pytest.param(b"1\r\r\n", id="two-returns"),
        pytest.param(b"1\rX\n", id="bare-cr-behind-a-size"),
        pytest.param(b"1;a\nb\r\n", id="bare-lf-in-an-extension"),
        pytest.param(b"1;a\rb\r\n", id="bare-cr-in-an-extension"),
        pytest.param(b"1;a\x00\r\n", id="nul-in-an-extension"),
        pytest.param(b"1;a\x7f\r\n", id="delete-in-an-extension"),
        pytest.param(b"1\r\nab\r\n", id="longer-than-it-says"),
        pytest.param(b"3\r\nab\r\n0\r\n", id="shorter-than-it-says"),
        pytest.param(b"1\r\na\n0\r\n", id="bare-lf-behind-a-chunk"),
        pytest.param(b"1\r\na\r0\r\n", id="bare-cr-behind-a-chunk"),
        pytest.param(b"1\r\na0\r\n", id="nothing-behind-a-chunk"),
        pytest.param(b"0\r\n\n", id="bare-lf-at-the-end"),
        pytest.param(b"0\r\nX: y\n\r\n", id="bare-lf-behind-a-trailer-field"),
    ],
)
def test_what_is_no_chunk_to_the_letter_is_a_fault_however_it_is_cut(raw: bytes) -> None:
    for pieces in ([raw], [bytes([byte]) for byte in raw]):
        with pytest.raises(Fault):
            read(ByChunks(), *pieces)


@pytest.mark.parametrize("end", [b"\r\n", b""], ids=["whole", "without-an-end"])
def test_an_endless_extension_is_a_fault(end: bytes) -> None:
    fits = b"1;" + b"a" * (LINE_BYTES_MAX - 4)
    read(ByChunks(), fits + b"\r\n")
    with pytest.raises(Fault, match="too long"):
        read(ByChunks(), fits + b"aaa" + end)
    with pytest.raises(Fault, match="too long"):
        read(ByChunks(), *(bytes([byte]) for byte in fits + b"aaa" + end))


@pytest.mark.parametrize(
    ("field", "count"), [(b"X: y\r\n", 2_000), (b"X: " + b"y" * 9_000, 1)], ids=["many-fields", "one-field"]
)
def test_an_endless_trailer_section_is_a_fault(field: bytes, count: int) -> None:
    assert len(field) * count > TRAILER_BYTES_MAX
    with pytest.raises(Fault, match="too long"):
        read(ByChunks(), b"0\r\n", *([field] * count))
    with pytest.raises(Fault, match="too long"):
        read(ByChunks(), b"0\r\n" + field * count)


def test_a_fault_quotes_nothing_that_was_sent() -> None:
    with pytest.raises(Fault) as caught:
        read(ByChunks(), b"kh_secret\r\n")
    assert "kh_" not in str(caught.value)


@pytest.mark.parametrize(
    ("pieces", "clean"),
    [
        pytest.param([b"3\r\nabc\r\n", b"0\r\n\r\n"], [True, True], id="between-lines"),
        pytest.param([b"3\r\nab", b"c\r\n0\r\n\r\n"], [True, True], id="within-a-chunk"),
        pytest.param([b"3\r\nabc", b"\r\n0\r\n\r\n"], [True, True], id="before-the-end-of-a-chunk"),
        pytest.param([b"3\r\nabc\r", b"\n0\r\n\r\n"], [False, False], id="within-the-end-of-a-chunk"),
        pytest.param([b"3", b"\r\nabc\r\n", b"0\r\n\r\n"], [False, False, True], id="within-a-size"),
        pytest.param([b"3\r", b"\nabc\r\n0\r\n\r\n"], [False, False], id="within-the-end-of-a-size"),
        pytest.param([b"0\r\n", b"\r\n"], [False, False], id="before-the-last-line"),
        pytest.param([b"1;a\r\nx\r\n", b"0\r\n\r\n"], [False, True], id="an-extension"),
        pytest.param([b"0;a\r\n\r\n"], [False], id="an-extension-at-the-end"),
        pytest.param([b"1\r\nx\r\n", b"0\r\nX: y\r\n\r\n"], [True, False], id="a-trailer-field"),
    ],
)
def test_only_what_a_caller_may_be_sent_as_it_came_is_clean(pieces: list[bytes], clean: list[bool]) -> None:
    framing, found = ByChunks(), []
    for piece in pieces:
        framing.walk(piece)
        found.append(framing.is_clean)
    assert found == clean
    assert framing.is_over


@pytest.mark.parametrize(
    ("raw", "announced", "awaits_end"),
    [
        pytest.param(b"", 0, False, id="before-everything"),
        pytest.param(b"5\r\n", 5, False, id="behind-a-size"),
        pytest.param(b"5\r\nab", 3, False, id="within-a-chunk"),
        pytest.param(b"5\r\nabcde", 0, True, id="before-its-end"),
        pytest.param(b"5\r\nabcde\r", 0, True, id="within-its-end"),
        pytest.param(b"5\r\nabcde\r\n", 0, False, id="behind-it"),
    ],
)
def test_it_tells_what_of_a_chunk_is_still_to_come(raw: bytes, announced: int, awaits_end: bool) -> None:
    framing = ByChunks()
    framing.walk(raw)
    assert (framing.announced, framing.awaits_end) == (announced, awaits_end)


# --- Spans and chunks ---------------------------------------------------------------------------------


def test_the_payload_is_what_the_spans_say() -> None:
    data = b"0123456789"
    assert payload(data, [(1, 3), (5, 6)]) == b"125"
    assert payload(data, [(2, 4)]) == b"23"
    assert payload(data, []) == b""


def test_all_of_the_data_is_not_copied() -> None:
    data = b"0123456789"
    assert payload(data, [(0, 10)]) is data


def test_a_chunk_says_its_size_and_nothing_makes_none() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert chunk(b"") == b""
