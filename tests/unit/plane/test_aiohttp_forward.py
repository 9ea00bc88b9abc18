"""Guarantees of gateway/plane/aiohttp_forward.py: no chunk can look like the end of an answer.

How bodies pass in both directions is held on the wire by tests/conformance.
"""

import pytest

from gateway.plane.aiohttp_forward import _framed


@pytest.mark.parametrize(
    ("chunk", "is_chunked", "expected"),
    [
        pytest.param(b"abc", True, b"3\r\nabc\r\n", id="chunk"),
        pytest.param(b"x" * 26, True, b"1a\r\n" + b"x" * 26 + b"\r\n", id="hexadecimal-length"),
        pytest.param(b"0\r\n\r\n", True, b"5\r\n0\r\n\r\n\r\n", id="what-looks-like-the-end"),
        pytest.param(b"", True, b"", id="nothing-is-not-the-end"),
        pytest.param(b"abc", False, b"abc", id="framed-by-length"),
    ],
)
def test_a_chunk_is_framed_as_the_caller_reads_it(chunk: bytes, is_chunked: bool, expected: bytes) -> None:
    assert _framed(chunk, is_chunked=is_chunked) == expected
