"""Guarantees of gateway/wire/request_head.py: no two servers could read a head that passes differently."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Deny, Reason
from gateway.core.request import WHOLE_SERVER, Kind
from gateway.wire.request_head import Head, Limits, Version, is_host, read_head
from tests.unit.wire.heads import HOST, WEBSOCKET, head_of, reading
from tests.unit.wire.hosts import BAD_HOSTS, GOOD_HOSTS

MIB = 1 << 20


def reason_of(answer: Head | Deny) -> Reason | None:
    """Why a head was refused, or None if it was not."""
    return answer.reason if isinstance(answer, Deny) else None


def test_a_plain_head_is_read_as_it_came() -> None:
    head = reading(
        (b"Host", b"gateway.test:8080"),
        (b"X-Mixed-Case", b" \tvalue with blanks\t "),
        method=b"PROPFIND",
        target=b"/v1/models?a=1",
        peer="2001:db8::9",
    )
    assert isinstance(head, Head)
    assert head.view.method == "PROPFIND"
    assert head.view.target.raw == b"/v1/models?a=1"
    assert head.view.headers == ((b"host", b"gateway.test:8080"), (b"x-mixed-case", b"value with blanks"))
    assert (head.view.peer, head.view.kind) == ("2001:db8::9", Kind.PLAIN)
    assert (head.host, head.version) == (b"gateway.test:8080", (1, 1))
    assert (head.content_length, head.chunked, head.expects_continue) == (None, False, False)


def test_a_trusted_proxy_says_who_calls() -> None:
    told = (b"X-Forwarded-For", b"203.0.113.9")
    trusted = (ip_network("10.0.0.0/8"),)
    assert head_of(told, peer="10.0.0.1", trusted=trusted).view.peer == "203.0.113.9"
    assert head_of(told, peer="10.0.0.1").view.peer == "10.0.0.1"


# --- Weight ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        pytest.param({"target_bytes_max": 8}, True, id="target-at-its-limit"),
        pytest.param({"target_bytes_max": 7}, False, id="target-too-long"),
        pytest.param({"fields_max": 2}, True, id="fields-at-their-limit"),
        pytest.param({"fields_max": 1}, False, id="too-many-fields"),
        pytest.param({"head_bytes_max": 23 + 20 + 8}, True, id="head-at-its-limit"),
        pytest.param({"head_bytes_max": 23 + 20 + 8 - 1}, False, id="head-too-heavy"),
    ],
)
def test_a_head_may_weigh_what_the_limits_say(limits: dict[str, Any], fits: bool) -> None:
    line, host, field = b"GET /1234567 HTTP/1.1\r\n", b"Host: gateway.test\r\n", b"A: bcd\r\n"
    assert (len(line), len(host), len(field)) == (23, 20, 8)
    answer = reading(HOST, (b"A", b"bcd"), target=b"/1234567", limits=Limits(**limits))
    assert reason_of(answer) == (None if fits else Reason.HEADER_TOO_LARGE)


@pytest.mark.parametrize(
    ("limits", "facts"),
    [
        pytest.param({"target_bytes_max": 7}, {"what": "bytes in the target", "limit": "7"}, id="target"),
        pytest.param({"fields_max": 1}, {"what": "header fields", "limit": "1"}, id="fields"),
        pytest.param({"head_bytes_max": 40}, {"what": "bytes in the head", "limit": "40"}, id="head"),
    ],
)
def test_too_heavy_a_head_is_told_the_limit(limits: dict[str, Any], facts: dict[str, str]) -> None:
    answer = reading(HOST, (b"A", b"bcd"), target=b"/1234567", limits=Limits(**limits))
    assert answer == Deny(Reason.HEADER_TOO_LARGE, facts)


@pytest.mark.parametrize(
    ("length", "limit", "expected"),
    [
        pytest.param(b"1048576", MIB, None, id="at-the-limit"),
        pytest.param(b"1048577", MIB, Reason.BODY_TOO_LARGE, id="over-the-limit"),
        pytest.param(b"999999999999999999", None, None, id="no-limit"),
        pytest.param(None, 0, None, id="no-length"),
        pytest.param(b"0", 0, None, id="nothing-fits-nothing"),
    ],
)
def test_a_declared_body_beyond_the_limit_is_refused_by_its_head(
    length: bytes | None, limit: int | None, expected: Reason | None
) -> None:
    fields = [] if length is None else [(b"Content-Length", length)]
    answer = reading(HOST, *fields, method=b"POST", limits=Limits(body_bytes_max=limit))
    assert reason_of(answer) == expected
    if isinstance(answer, Deny):
        assert answer.facts == {"limit": str(limit)}


# --- Method, names, values ------------------------------------------------------------------------


NO_METHODS = (b"", b"CONNECT", b"GET ", b" GET", b"G\tT", b"GET\r\n", b"G@T", b"G(T", b"G\x00T", b"X" * 33)


@pytest.mark.parametrize("method", [*NO_METHODS, b"G\xc3\x89T"], ids=repr)
def test_a_method_that_is_no_token_or_asks_for_a_tunnel_is_refused(method: bytes) -> None:
    assert reason_of(reading(HOST, method=method)) is Reason.REQUEST_MALFORMED


@pytest.mark.parametrize("method", [b"get", b"GeT", b"X", b"M-SEARCH", b"X_Y", b"X" * 32], ids=repr)
def test_a_method_keeps_its_case_and_any_token_is_one(method: bytes) -> None:
    assert head_of(method=method).view.method == method.decode()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param(b"", "a header name is not a token", id="empty"),
        pytest.param(b"X-Key ", "a header name is not a token", id="blank-before-the-colon"),
        pytest.param(b" X-Key", "a header name is not a token", id="folded-line"),
        pytest.param(b"X\tKey", "a header name is not a token", id="tab"),
        pytest.param(b"X\rKey", "a header name is not a token", id="carriage-return"),
        pytest.param(b"X\nKey", "a header name is not a token", id="line-feed"),
        pytest.param(b"X\x00Key", "a header name is not a token", id="nul"),
        pytest.param(b"X(Key)", "a header name is not a token", id="separator"),
        pytest.param(b"X-Sch\xc3\xbcssel", "a header name is not a token", id="not-ascii"),
        pytest.param(
            b"X_Keyhatch_Key_Id",
            "a header name has an underscore, which some servers read as '-'",
            id="underscore",
        ),
    ],
)
def test_a_field_name_that_servers_read_differently_is_refused(name: bytes, rule: str) -> None:
    assert reading(HOST, (name, b"1")) == Deny(Reason.REQUEST_MALFORMED, {"rule": rule})


def test_every_other_sign_of_a_token_may_stand_in_a_name() -> None:
    assert head_of((b"!#$%&'*+-.^`|~09AZaz", b"1")).view.headers[1] == (b"!#$%&'*+-.^`|~09azaz", b"1")


@pytest.mark.parametrize("control", [*range(0x09), *range(0x0A, 0x20), 0x7F], ids=hex)
def test_a_value_holds_no_control_character(control: int) -> None:
    answer = reading(HOST, (b"X", b"a" + bytes([control]) + b"b"))
    assert reason_of(answer) is Reason.REQUEST_MALFORMED


@pytest.mark.parametrize("value", [b"", b"a\tb", "Grüße 🗝".encode(), bytes(range(0x80, 0x100))], ids=repr)
def test_any_other_value_passes_as_it_is(value: bytes) -> None:
    assert head_of((b"X", value)).view.headers[1] == (b"x", value)


def test_the_whole_server_may_be_asked_for_its_options_and_for_nothing_else() -> None:
    asked = read_head(b"OPTIONS", b"*", (1, 1), [HOST], "192.0.2.7", Limits())
    assert isinstance(asked, Head)
    assert asked.view.target is WHOLE_SERVER
    for method in (b"GET", b"options", b"POST"):
        answer = read_head(method, b"*", (1, 1), [HOST], "192.0.2.7", Limits())
        assert reason_of(answer) is Reason.TARGET_AMBIGUOUS


# --- Host -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", GOOD_HOSTS, ids=repr)
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(text: bytes) -> None:
    assert is_host(text)
    assert isinstance(reading((b"Host", text)), Head)


@pytest.mark.parametrize("text", BAD_HOSTS, ids=repr)
def test_anything_else_as_host_is_refused(text: bytes) -> None:
    assert not is_host(text)
    assert reason_of(reading((b"Host", text))) is Reason.REQUEST_MALFORMED


@given(st.binary(max_size=300))
def test_whatever_passes_as_host_cannot_be_taken_for_more_than_an_authority(text: bytes) -> None:
    if is_host(text):
        assert len(text) <= 255
        assert text.isascii()
        assert text.decode().isprintable()
        assert not set(text) & set(b"/?#@\\ ,;%\"'<>")


@pytest.mark.parametrize(
    ("hosts", "version", "expected"),
    [
        pytest.param([b"a"], (1, 1), None, id="one"),
        pytest.param([], (1, 1), Reason.REQUEST_MALFORMED, id="none-in-1.1"),
        pytest.param([b"a", b"a"], (1, 1), Reason.REQUEST_MALFORMED, id="the-same-twice"),
        pytest.param([b"a", b"b"], (1, 1), Reason.REQUEST_MALFORMED, id="two"),
        pytest.param([], (1, 0), None, id="none-in-1.0"),
        pytest.param([b"a"], (1, 0), None, id="one-in-1.0"),
        pytest.param([b"a", b"b"], (1, 0), Reason.REQUEST_MALFORMED, id="two-in-1.0"),
        pytest.param([b"a/b"], (1, 0), Reason.REQUEST_MALFORMED, id="bad-in-1.0"),
    ],
)
def test_a_request_is_addressed_once(hosts: list[bytes], version: Version, expected: Reason | None) -> None:
    answer = reading(*((b"Host", host) for host in hosts), version=version)
    assert reason_of(answer) == expected
    if isinstance(answer, Head):
        assert answer.host == b"".join(hosts)


@pytest.mark.parametrize("target", [b"http://other.test/x", b"*", b"other.test:443", b"//other.test/x"])
def test_only_the_origin_form_of_a_target_is_understood(target: bytes) -> None:
    assert reason_of(reading(HOST, target=target)) is Reason.TARGET_AMBIGUOUS


# --- Framing --------------------------------------------------------------------------------------

CL, TE = b"Content-Length", b"Transfer-Encoding"


@pytest.mark.parametrize(
    ("framing", "version", "passes"),
    [
        pytest.param([(CL, b"0")], (1, 1), True, id="length-0"),
        pytest.param([(CL, b"5")], (1, 0), True, id="length-in-1.0"),
        pytest.param([(CL, b"007")], (1, 1), True, id="leading-zeros"),
        pytest.param([(CL, b"9" * 18)], (1, 1), True, id="longest-length"),
        pytest.param([(CL, b"9" * 19)], (1, 1), False, id="length-beyond-64-bit"),
        pytest.param([(CL, b"5"), (CL, b"5")], (1, 1), False, id="length-twice"),
        pytest.param([(CL, b"5"), (CL, b"6")], (1, 1), False, id="two-lengths"),
        pytest.param([(CL, b"5, 5")], (1, 1), False, id="list-of-lengths"),
        pytest.param([(CL, b"")], (1, 1), False, id="empty-length"),
        pytest.param([(CL, b"+5")], (1, 1), False, id="plus"),
        pytest.param([(CL, b"-5")], (1, 1), False, id="minus"),
        pytest.param([(CL, b"0x5")], (1, 1), False, id="hexadecimal"),
        pytest.param([(CL, b"5_0")], (1, 1), False, id="underscore"),
        pytest.param([(CL, b"5 0")], (1, 1), False, id="blank-inside"),
        pytest.param([(CL, b"5.0")], (1, 1), False, id="fraction"),
        pytest.param([(CL, "٥".encode())], (1, 1), False, id="arabic-digit"),
        pytest.param([(TE, b"chunked")], (1, 1), True, id="chunked"),
        pytest.param([(TE, b"Chunked")], (1, 1), True, id="chunked-in-any-case"),
        pytest.param([(TE, b"chunked")], (1, 0), False, id="chunked-in-1.0"),
        pytest.param([(TE, b"chunked"), (TE, b"chunked")], (1, 1), False, id="chunked-twice"),
        pytest.param([(TE, b"chunked, chunked")], (1, 1), False, id="chunked-chunked"),
        pytest.param([(TE, b"gzip, chunked")], (1, 1), False, id="gzip-chunked"),
        pytest.param([(TE, b"chunked, identity")], (1, 1), False, id="chunked-identity"),
        pytest.param([(TE, b"identity")], (1, 1), False, id="identity"),
        pytest.param([(TE, b"")], (1, 1), False, id="no-coding"),
        pytest.param([(TE, b"xchunked")], (1, 1), False, id="nearly-chunked"),
        pytest.param([(TE, b"chunked;q=1")], (1, 1), False, id="parameter"),
        pytest.param([(TE, b'"chunked"')], (1, 1), False, id="quoted"),
        pytest.param([(TE, b"\xc2\xa0chunked")], (1, 1), False, id="no-break-space"),
        pytest.param([(CL, b"5"), (TE, b"chunked")], (1, 1), False, id="both"),
        pytest.param([(TE, b"chunked"), (CL, b"0")], (1, 1), False, id="both-with-length-0"),
        pytest.param([(CL, b"5"), (TE, b"identity")], (1, 1), False, id="both-with-identity"),
    ],
)
def test_a_body_is_framed_in_one_way_only(
    framing: list[tuple[bytes, bytes]], version: Version, passes: bool
) -> None:
    answer = reading(HOST, *framing, method=b"POST", version=version)
    assert reason_of(answer) == (None if passes else Reason.REQUEST_MALFORMED)


@pytest.mark.parametrize(
    ("framing", "has_body", "length", "chunked"),
    [
        pytest.param([], False, None, False, id="none"),
        pytest.param([(CL, b"0")], False, 0, False, id="length-0"),
        pytest.param([(CL, b"12")], True, 12, False, id="length"),
        pytest.param([(TE, b"chunked")], True, None, True, id="chunked"),
    ],
)
def test_whether_a_body_follows(
    framing: list[tuple[bytes, bytes]], has_body: bool, length: int | None, chunked: bool
) -> None:
    head = head_of(*framing, method=b"POST")
    assert (head.has_body, head.content_length, head.chunked) == (has_body, length, chunked)


# --- What is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "version", "passes", "expects"),
    [
        pytest.param([], (1, 1), True, False, id="nothing"),
        pytest.param([b"100-continue"], (1, 1), True, True, id="continue"),
        pytest.param([b"100-Continue"], (1, 1), True, True, id="in-any-case"),
        pytest.param([b"100-continue"], (1, 0), True, False, id="ignored-in-1.0"),
        pytest.param([b""], (1, 1), True, False, id="empty"),
        pytest.param([b"200-ok"], (1, 1), False, False, id="another"),
        pytest.param([b"100-continue, x"], (1, 1), False, False, id="more"),
        pytest.param([b"100-continue", b"100-continue"], (1, 1), False, False, id="twice"),
    ],
)
def test_the_only_expectation_is_continue(
    expect: list[bytes], version: Version, passes: bool, expects: bool
) -> None:
    answer = reading(HOST, *((b"Expect", value) for value in expect), version=version)
    assert reason_of(answer) == (None if passes else Reason.REQUEST_MALFORMED)
    if isinstance(answer, Head):
        assert answer.expects_continue is expects


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        pytest.param([], Kind.PLAIN, id="plain"),
        pytest.param([(b"Accept", b"application/json")], Kind.PLAIN, id="json"),
        pytest.param([(b"Accept", b"text/event-stream")], Kind.EVENT_STREAM, id="event-stream"),
        pytest.param([(b"Accept", b"a/b, Text/Event-Stream;q=1")], Kind.EVENT_STREAM, id="among-others"),
        pytest.param(
            [(b"Accept", b"a/b"), (b"Accept", b"text/event-stream")], Kind.EVENT_STREAM, id="second-line"
        ),
        pytest.param(list(WEBSOCKET), Kind.WEBSOCKET, id="websocket"),
        pytest.param([*WEBSOCKET, (CL, b"0")], Kind.WEBSOCKET, id="websocket-with-length-0"),
        pytest.param([(b"Upgrade", b"websocket")], Kind.PLAIN, id="upgrade-that-is-not-asked-for"),
        pytest.param([(b"Connection", b"upgrade")], Kind.PLAIN, id="upgrade-to-nothing"),
        pytest.param([(b"Connection", b"x"), (b"Upgrade", b"h2c")], Kind.PLAIN, id="h2c-not-asked-for"),
    ],
)
def test_what_kind_of_request_it_is(headers: list[tuple[bytes, bytes]], kind: Kind) -> None:
    assert head_of(*headers).view.kind is kind


def websocket(**changed: bytes | None) -> list[tuple[bytes, bytes]]:
    """The fields of a WebSocket handshake with some of them replaced, or taken out (None)."""
    fields = {name.decode().lower().replace("-", "_"): (name, value) for name, value in WEBSOCKET}
    for name, value in changed.items():
        raw_name = name.replace("_", "-").encode()
        fields[name] = (raw_name, b"" if value is None else value)
    return [fields[name] for name in fields if changed.get(name, b"") is not None]


@pytest.mark.parametrize(
    ("headers", "method", "version"),
    [
        pytest.param(websocket(upgrade=b"h2c"), b"GET", (1, 1), id="h2c"),
        pytest.param(websocket(upgrade=b"websocket, h2c"), b"GET", (1, 1), id="websocket-or-h2c"),
        pytest.param(websocket(upgrade=b"websocket/13"), b"GET", (1, 1), id="protocol-with-version"),
        pytest.param(websocket(upgrade=b"TLS/1.0"), b"GET", (1, 1), id="tls"),
        pytest.param(websocket(), b"POST", (1, 1), id="post"),
        pytest.param(websocket(), b"get", (1, 1), id="get-in-lower-case"),
        pytest.param(websocket(), b"GET", (1, 0), id="http-1.0"),
        pytest.param(websocket(content_length=b"5"), b"GET", (1, 1), id="with-a-body"),
        pytest.param(websocket(content_length=b"00"), b"GET", (1, 1), id="with-a-strange-0"),
        pytest.param(websocket(transfer_encoding=b"chunked"), b"GET", (1, 1), id="with-chunks"),
        pytest.param(websocket(sec_websocket_version=None), b"GET", (1, 1), id="no-version"),
        pytest.param(websocket(sec_websocket_version=b"777"), b"GET", (1, 1), id="version-777"),
        pytest.param(websocket(sec_websocket_version=b"8, 13"), b"GET", (1, 1), id="two-versions"),
        pytest.param(websocket(sec_websocket_key=None), b"GET", (1, 1), id="no-key"),
        pytest.param(websocket(sec_websocket_key=b"c2hvcnQ="), b"GET", (1, 1), id="short-key"),
        pytest.param(websocket(sec_websocket_key=b"*" * 22 + b"=="), b"GET", (1, 1), id="key-not-base64"),
        pytest.param(
            [*websocket(), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")],
            b"GET",
            (1, 1),
            id="two-keys",
        ),
    ],
)
def test_the_only_upgrade_is_a_well_formed_websocket(
    headers: list[tuple[bytes, bytes]], method: bytes, version: Version
) -> None:
    assert reason_of(reading(HOST, *headers, method=method, version=version)) is Reason.REQUEST_MALFORMED


# --- Whatever comes -------------------------------------------------------------------------------

NAMES = st.sampled_from(
    b"Host Content-Length Transfer-Encoding Connection Upgrade Expect Accept X-Forwarded-For "
    b"Sec-WebSocket-Key Sec-WebSocket-Version".split()
)
VALUES = st.sampled_from(
    b"a a:80 0 5 chunked upgrade websocket 13 100-continue [::1] dGhlIHNhbXBsZSBub25jZQ== "
    b"text/event-stream 10.0.0.1".split()
)


@given(
    method=st.one_of(st.just(b"GET"), st.binary(max_size=8)),
    target=st.one_of(st.just(b"/"), st.binary(max_size=20)),
    version=st.sampled_from([(1, 0), (1, 1), (0, 9), (2, 0)]),
    headers=st.lists(st.tuples(NAMES | st.binary(max_size=12), VALUES | st.binary(max_size=20)), max_size=8),
    peer=st.sampled_from(["10.0.0.1", "", "::1"]),
)
def test_no_input_makes_the_reader_raise_and_what_passes_is_unambiguous(
    method: bytes, target: bytes, version: Version, headers: list[tuple[bytes, bytes]], peer: str
) -> None:
    limits = Limits(body_bytes_max=4)
    trusted = (ip_network("10.0.0.0/8"),)
    answer = read_head(method, target, version, [HOST, *headers], peer, limits, trusted)
    if isinstance(answer, Head):
        assert version in {(1, 0), (1, 1)}
        names = [name for name, _ in answer.view.headers]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert names.count(b"host") == 1
        assert answer.view.target.raw == target
        assert not any(b"_" in name or not name.isascii() for name in names)
        assert (answer.content_length or 0) <= 4
