"""Properties of where a body ends.

1. No input makes a framing raise anything but `Fault`.
2. However the bytes are cut into reads, the same payload, the same end and the same verdict come out.
3. They are those of a naive strict reader (`naive_chunks`), which has all of the bytes at once.
4. What is clean may be passed on: read again it gives the same payload, without extensions or trailer.
5. A body of a declared length is its first so many bytes, however they are cut.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.plane.lean_framing import ByChunks, ByLength, Fault, payload
from tests.fuzz.inputs import CUTS, corpus, in_pieces, mutated, named_corpus
from tests.fuzz.naive_chunks import Reading, read_chunks

MANY = settings(max_examples=max(200, settings().max_examples))

CORPUS = corpus("framing")
PARTS = [
    *(b"\r\n", b"\r", b"\n", b"0\r\n\r\n", b"0\r\n", b"1\r\na\r\n", b";", b";x=y", b" ", b"\t", b"0x", b"+1"),
    *(
        b"-",
        b"_",
        b"f" * 16,
        b"0" * 15,
        b"A: b\r\n",
        b"\0",
        b"\x7f",
        b"\xff",
        b"g",
        b'"',
        b"10\r\n",
        b"a" * 260,
    ),
]
bodies = st.one_of(mutated(CORPUS, PARTS), st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join))


def walked(pieces: list[bytes]) -> Reading | None:
    """What `ByChunks` makes of them."""
    framing, body, end = ByChunks(), b"", 0
    for piece in pieces:
        if framing.is_over:
            break
        try:
            spans, upto = framing.walk(piece)
        except Fault:
            return None
        body += payload(piece, spans)
        end += upto
    return Reading(body, end, framing.is_over, framing.trailer if framing.is_over else b"")


def check(data: bytes, pieces: list[bytes]) -> None:
    assert walked(pieces) == read_chunks(data)


@pytest.mark.parametrize("data", named_corpus("framing"))
def test_the_corpus_is_read_as_a_naive_reader_reads_it_however_it_is_cut(data: bytes) -> None:
    check(data, [data])
    check(data, [bytes([byte]) for byte in data])
    for at in range(0, len(data), 1 + len(data) // 500):  # of a long one, every so many bytes
        check(data, in_pieces(data, [at]))


@MANY
@given(bodies, CUTS)
def test_any_bytes_are_read_as_a_naive_reader_reads_them_however_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    check(data, in_pieces(data, cuts))


@MANY
@given(st.binary(max_size=60), CUTS)
def test_noise_is_read_so_too(data: bytes, cuts: list[int]) -> None:
    check(data, in_pieces(data, cuts))


@MANY
@given(bodies, CUTS)
def test_what_is_clean_reads_the_same_when_it_is_passed_on(data: bytes, cuts: list[int]) -> None:
    framing, passed, body = ByChunks(), b"", b""
    for piece in in_pieces(data, cuts):
        try:
            spans, end = framing.walk(piece)
        except Fault:
            return
        if not framing.is_clean:
            return
        passed += piece[:end]
        body += payload(piece, spans)
    again = read_chunks(passed)
    assert again is not None
    assert (again.body, again.over) == (body, framing.is_over)
    assert again.trailer in {b"", b"\r\n"}
    assert b";" not in passed.replace(body, b"") or b";" in body


@given(st.binary(max_size=60), st.integers(0, 80), CUTS)
def test_a_declared_length_is_kept_however_the_bytes_are_cut(
    data: bytes, length: int, cuts: list[int]
) -> None:
    framing, body = ByLength(length), b""
    for piece in in_pieces(data, cuts):
        spans, _ = framing.walk(piece)
        body += payload(piece, spans)
    assert body == data[:length]
    assert framing.is_over is (len(data) >= length)


def test_the_corpus_holds_good_and_bad() -> None:
    readings = [read_chunks(data) for data in CORPUS]
    assert sum(reading is None for reading in readings) > 10
    assert sum(reading is not None and reading.over for reading in readings) > 8
