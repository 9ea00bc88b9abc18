"""Guarantees of gateway/plane/lean_upload.py: the upstream gets the body and nothing behind it."""

import pytest

from gateway.plane.lean_framing import Fault
from gateway.plane.lean_upload import TooLarge, Upload


def sent(upload: Upload, *pieces: bytes) -> tuple[bytes, bytes]:
    """What the upstream is sent for these pieces, and what came behind the body."""
    body = rest = b""
    for piece in pieces:
        if upload.is_over:
            rest += piece
        else:
            out, behind = upload.feed(piece)
            body, rest = body + out, rest + behind
    return body, rest


@pytest.mark.parametrize("length", [None, 0])
def test_no_body_is_over_at_once(length: int | None) -> None:
    assert Upload(length, chunked=False, most=None).is_over


def test_a_declared_length_passes_as_it_came() -> None:
    upload = Upload(5, chunked=False, most=None)
    assert sent(upload, b"he", b"llo", b"GET /") == (b"hello", b"GET /")
    assert (upload.is_over, upload.body_bytes) == (True, 5)


def test_what_comes_behind_in_the_same_read_is_given_back() -> None:
    assert sent(Upload(2, chunked=False, most=None), b"hiGET /") == (b"hi", b"GET /")


@pytest.mark.parametrize(
    ("pieces", "out"),
    [
        pytest.param([b"3\r\nabc\r\n0\r\n\r\n"], b"3\r\nabc\r\n0\r\n\r\n", id="as-it-was"),
        pytest.param(
            [b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"], b"3\r\nabc\r\n0\r\n\r\n", id="one-chunk-for-a-read"
        ),
        pytest.param([b"3\r\na", b"bc\r\n0\r\n", b"\r\n"], b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", id="in-pieces"),
        pytest.param([b"3;x=y\r\nabc\r\n0;z\r\n\r\n"], b"3\r\nabc\r\n0\r\n\r\n", id="without-extensions"),
        pytest.param([b"0003\r\nabc\r\n00\r\n\r\n"], b"3\r\nabc\r\n0\r\n\r\n", id="without-odd-sizes"),
        pytest.param(
            [b"1\r\na\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\n\r\n"],
            b"1\r\na\r\n0\r\nx-sum: 1\r\n\r\n",
            id="with-the-trailer-fields-that-may-pass",
        ),
        pytest.param([b"0\r\n\r\n"], b"0\r\n\r\n", id="empty"),
    ],
)
def test_a_chunked_body_is_framed_anew(pieces: list[bytes], out: bytes) -> None:
    upload = Upload(None, chunked=True, most=None)
    assert sent(upload, *pieces, b"behind") == (out, b"behind")
    assert upload.is_over


@pytest.mark.parametrize(
    "raw", [b"x\r\n", b"0\r\nX A: b\r\n\r\n", b"0\r\nX_A: b\r\n\r\n"], ids=["size", "trailer", "underscore"]
)
def test_a_broken_framing_is_a_fault(raw: bytes) -> None:
    with pytest.raises(Fault):
        Upload(None, chunked=True, most=None).feed(raw)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_too_large_before_its_last_byte_is_passed(chunked: bool) -> None:
    upload = Upload(None if chunked else 6, chunked=chunked, most=5)
    pieces = [b"6\r\nhel", b"lo!"] if chunked else [b"hel", b"lo!"]
    upload.feed(pieces[0])
    with pytest.raises(TooLarge):
        upload.feed(pieces[1])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_at_the_limit_passes(chunked: bool) -> None:
    upload = Upload(None if chunked else 5, chunked=chunked, most=5)
    upload.feed(b"5\r\nhello\r\n0\r\n\r\n" if chunked else b"hello")
    assert (upload.is_over, upload.body_bytes) == (True, 5)
