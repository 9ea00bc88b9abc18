"""Guarantees of gateway/wire/opening.py: all that is sent can be told of, and TLS is known by its knock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Reason
from gateway.wire.opening import glimpse, is_tls, unreadable


@pytest.mark.parametrize(
    ("opening", "seen"),
    [
        (b"GET /any/x HTTP/1.1\r\nHost: h\r\n", ("GET", "/any/x")),
        (b"GET /any/x?api_key=s HTTP/1.1\r\n", ("GET", "/any/x")),
        (b"GET /any/x\r\n", ("GET", "/any/x")),
        (b"GET /any", ("GET", "/any")),
        (b"GET  /any HTTP/1.1", ("GET", "/any")),
        (b"\r\nGET /any HTTP/1.1", ("GET", "/any")),
        (b"GET\t/any\tHTTP/1.1", ("GET", "/any")),
        (b"GET", ("GET", "")),
        (b"G@T /any HTTP/1.1", ("", "/any")),
        (b"GET /\xff\x1b[2J HTTP/1.1", ("GET", "/\udcff\x1b[2J")),
        (b"\x16\x03\x01\x00 \x00 x", ("", "")),
        (b"", ("", "")),
    ],
)
def test_of_an_unreadable_head_what_can_be_seen_is_for_the_log(opening: bytes, seen: tuple[str, str]) -> None:
    assert glimpse(opening) == seen


@given(st.binary())
def test_nothing_can_be_sent_that_cannot_be_glimpsed_at(opening: bytes) -> None:
    method, path = glimpse(opening)
    assert len(method) <= 32
    assert "?" not in path


@pytest.mark.parametrize(
    ("opening", "says_tls"),
    [
        (b"\x16\x03\x01\x02\x00\x01", True),
        (b"\x16\x03", True),
        (b"\x16", False),
        (b"garbage", False),
        (b"", False),
    ],
)
def test_who_speaks_tls_to_a_plain_port_is_told_so(opening: bytes, says_tls: bool) -> None:
    deny = unreadable(opening)
    assert deny.reason is Reason.REQUEST_MALFORMED
    assert ("looks like TLS" in deny.facts["rule"]) is says_tls


@pytest.mark.parametrize("second", range(256))
def test_tls_is_known_by_its_first_two_bytes(second: int) -> None:
    assert is_tls(bytes([0x16, second])) is (second == 3)
