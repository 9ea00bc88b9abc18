"""Guarantees of gateway/wire/trailers.py: what comes after everything was decided decides nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.credentials import KEY_HEADERS
from gateway.core.keys import compose_secret
from gateway.wire.headers import CLAIMS, HOP_BY_HOP, UNLISTABLE
from gateway.wire.trailers import TrailerFault, passed_on

SECRET = compose_secret("kh", bytes(range(32))).reveal().encode()


def passed(*lines: bytes) -> bytes:
    """What is passed on of these fields, without the last line."""
    section = passed_on(b"".join(line + b"\r\n" for line in lines) + b"\r\n", from_caller=False)
    assert section.endswith(b"\r\n")
    return section[:-2]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], b"", id="none"),
        pytest.param([b"X-Checksum: a b"], b"x-checksum: a b\r\n", id="one"),
        pytest.param([b"Server-Timing:\t a;dur=1 \t"], b"server-timing: a;dur=1\r\n", id="blanks-around"),
        pytest.param([b"X-A:"], b"x-a: \r\n", id="empty"),
        pytest.param([b"X-A: \t "], b"x-a: \r\n", id="blank"),
        pytest.param([b"X-A: 1", b"X-B: 2", b"x-a: 3"], b"x-a: 1\r\nx-b: 2\r\nx-a: 3\r\n", id="in-order"),
        pytest.param(["X-A: é".encode()], "x-a: é\r\n".encode(), id="utf-8"),
        pytest.param([b"X-A: a:b"], b"x-a: a:b\r\n", id="a-colon-in-the-value"),
        pytest.param([b"X-A: a\tb"], b"x-a: a\tb\r\n", id="a-tab-in-the-value"),
        pytest.param(
            [b"grpc-status: 0", b"grpc-message: "], b"grpc-status: 0\r\ngrpc-message: \r\n", id="grpc"
        ),
    ],
)
def test_what_describes_the_body_passes(lines: list[bytes], expected: bytes) -> None:
    assert passed(*lines) == expected


@pytest.mark.parametrize(
    "name", sorted(HOP_BY_HOP | UNLISTABLE | CLAIMS | KEY_HEADERS), ids=lambda name: name.decode()
)
def test_what_frames_routes_or_authenticates_is_left_out(name: bytes) -> None:
    assert passed(name.title() + b": 1", b"X-A: b") == b"x-a: b\r\n"


@pytest.mark.parametrize(
    "name",
    [
        b"Authorization",
        b"Content-Encoding",
        b"Content-Type",
        b"Cache-Control",
        b"Date",
        b"Location",
        b"Vary",
        b"Via",
        b"X-Request-Id",
        b"Www-Authenticate",
        b"X-Forwarded-For",
        b"X-Forwarded-Anything",
        b"X-Keyhatch-Owner",
        b"X-Keyhatch-Anything",
        b"X.Keyhatch.Owner",
        b"X.Forwarded.For",
        b"Content.Length",
        b"Access-Control-Allow-Origin",
        b"Sec-WebSocket-Accept",
    ],
    ids=bytes.decode,
)
def test_what_controls_or_is_ours_is_left_out_in_any_spelling(name: bytes) -> None:
    assert passed(name + b": 1") == b""


@pytest.mark.parametrize("around", [b"%b", b"a %b", b"Bearer %b", b"a%%20%b"])
def test_a_key_is_left_out_wherever_it_stands(around: bytes) -> None:
    assert passed(b"X-A: " + around % SECRET, b"X-B: c") == b"x-b: c\r\n"
    encoded = SECRET.replace(b"_", b"%5F").replace(b"a", b"%61")
    assert passed(b"X-A: " + around % encoded, b"X-B: c") == b"x-b: c\r\n"
    assert passed(b"X-A: " + around % encoded.replace(b"%", b"%25"), b"X-B: c") == b"x-b: c\r\n"


def test_a_value_that_is_encoded_without_end_is_looked_at_for_so_long_and_no_longer() -> None:
    endless = b"X-A: %" + b"25" * 9
    assert passed(endless) == endless.lower() + b"\r\n"


@pytest.mark.parametrize("piece", [b" ", b"\t ", b"a ", b"%25"])
def test_a_section_costs_by_its_length_whatever_stands_in_it(piece: bytes) -> None:
    """By its square, a megabyte would take an hour."""
    line = b"X-A:" + piece * (1_000_000 // len(piece))
    with pytest.raises(TrailerFault):
        passed_on(line + b"\x01\r\n\r\n", from_caller=True)
    assert passed_on(line + b"\r\n\r\n", from_caller=True).startswith(b"x-a: ")


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"X-A: b\r\n", id="no-last-line"),
        pytest.param(b"X-A\r\n\r\n", id="no-colon"),
        pytest.param(b": b\r\n\r\n", id="no-name"),
        pytest.param(b"X-A : b\r\n\r\n", id="a-blank-before-the-colon"),
        pytest.param(b" X-A: b\r\n\r\n", id="a-blank-before-the-name"),
        pytest.param(b"X-A: b\r\n c\r\n\r\n", id="folded"),
        pytest.param(b"X-A: b\n\r\n", id="bare-lf"),
        pytest.param(b"X-A: b\rc\r\n\r\n", id="bare-cr"),
        pytest.param(b"X-A: b\0\r\n\r\n", id="nul"),
        pytest.param(b"X-A: \x1b[2J\r\n\r\n", id="escape"),
        pytest.param(b"X-\xe9: b\r\n\r\n", id="latin-1-name"),
        pytest.param(b"X_A: b\r\n\r\n", id="underscore"),
        pytest.param(b"X_Keyhatch_Owner: b\r\n\r\n", id="underscores-like-ours"),
    ],
)
def test_a_line_that_is_no_field_is_a_fault(section: bytes) -> None:
    with pytest.raises(TrailerFault):
        passed_on(section, from_caller=False)


@pytest.mark.parametrize(
    "name",
    [
        b"Content-Length",
        b"TRANSFER-ENCODING",
        b"host",
        b"Content.Length",
        b"Connection",
        b"Upgrade",
        b"Trailer",
        b"TE",
    ],
)
def test_a_callers_trailer_that_frames_or_routes_is_a_fault_and_an_upstreams_is_left_out(name: bytes) -> None:
    section = name + b": 5\r\n\r\n"
    with pytest.raises(TrailerFault):
        passed_on(section, from_caller=True)
    assert passed_on(section, from_caller=False) == b"\r\n"
    assert passed_on(b"X-Sum: 5\r\nAuthorization: x\r\n\r\n", from_caller=True) == b"x-sum: 5\r\n\r\n"


@given(st.binary(max_size=60) | st.text("aX-_:. \t\r\n", max_size=30).map(str.encode))
def test_nothing_raises_but_a_fault_and_what_passes_is_a_trailer_section(raw: bytes) -> None:
    try:
        section = passed_on(raw, from_caller=False)
    except TrailerFault:
        return
    assert passed_on(section, from_caller=False) == section
    assert section.endswith(b"\r\n")
    assert b"\r\n\r\n" not in section[:-4]
