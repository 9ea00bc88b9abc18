"""Guarantees of gateway/wire/upstream.py: what the upstream is sent, and what it is never sent."""

import base64
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.credentials import KEY_HEADERS, Strip, find
from gateway.core.decision import Allow, Identity
from gateway.core.keys import Network, compose_secret
from gateway.core.ours import Ours
from gateway.core.request import Headers, Kind
from gateway.wire.headers import CLAIMS, HOP_BY_HOP
from gateway.wire.request_head import Head
from gateway.wire.upstream import Upstream, compose_head, identity_fields, outline, target_of
from tests.unit.wire.heads import (
    IDENTITY,
    PEER,
    ROUTE,
    UPSTREAM,
    WEBSOCKET,
    allowing,
    head_of,
    hop,
    lookup,
    reading,
)

PROXY = "10.0.0.1"
TRUSTED: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)
SECRET = compose_secret("kh", bytes(range(32))).reveal()
OURS = (b"x-keyhatch-key-id", b"x-keyhatch-key-name", b"x-keyhatch-owner", b"x-keyhatch-scopes")


def sent(head: Head, allow: Allow | None = None, *, peer: str = PEER, trusted: bool = False) -> Headers:
    """The headers that the upstream gets."""
    around = hop(peer, TRUSTED if trusted else ())
    return compose_head(head, allow or allowing(), UPSTREAM, around).headers


def test_the_whole_head_of_a_plain_request() -> None:
    head = head_of(
        (b"Accept", b"*/*"),
        (b"Via", b"1.0 edge"),
        (b"Accept", b"text/html"),
        (b"Content-Length", b"3"),
        method=b"POST",
        target=b"/v1/models?a=%41",
    )
    composed = compose_head(head, allowing(), UPSTREAM, hop())
    assert (composed.method, composed.target) == ("POST", b"/v1/models?a=%41")
    assert composed.headers == (
        (b"host", b"10.9.8.7:11434"),
        (b"accept", b"*/*"),
        (b"via", b"1.0 edge"),
        (b"accept", b"text/html"),
        (b"x-forwarded-for", b"198.51.100.7"),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"gateway.test"),
        (b"via", b"1.1 keyhatch"),
        (b"x-keyhatch-key-id", b"k-1"),
        (b"x-keyhatch-key-name", b"Inventory"),
        (b"x-keyhatch-owner", b"ops"),
        (b"x-keyhatch-scopes", b"chat:write models:read"),
        (b"x-request-id", b"req-1"),
    )


@pytest.mark.parametrize(
    ("scheme", "host", "port", "authority"),
    [
        pytest.param("http", "ai.test", 80, "ai.test", id="http-own-port"),
        pytest.param("https", "ai.test", 443, "ai.test", id="https-own-port"),
        pytest.param("http", "ai.test", 443, "ai.test:443", id="the-other-ones-port"),
        pytest.param("http", "127.0.0.1", 11434, "127.0.0.1:11434", id="ipv4"),
        pytest.param("http", "::1", 80, "[::1]", id="ipv6"),
        pytest.param("http", "::1", 8080, "[::1]:8080", id="ipv6-with-port"),
    ],
)
def test_the_upstream_is_addressed_by_its_own_name(scheme: str, host: str, port: int, authority: str) -> None:
    upstream = Upstream("any", scheme, host, port)
    headers = compose_head(head_of(), allowing(), upstream, hop()).headers
    assert headers[0] == (b"host", authority.encode())
    assert lookup(headers, b"host") == [authority.encode()]


# --- Identity -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(None, id="public-route"),
        pytest.param(Identity(None, "anonymous", "", ("chat:write",)), id="anonymous"),
    ],
)
def test_who_has_no_key_has_no_identity_either(identity: Identity | None) -> None:
    headers = sent(head_of((b"X-Keyhatch-Key-Id", b"admin")), allowing(identity=identity))
    assert [name for name, _ in headers if name.startswith(b"x-keyhatch")] == []


def test_a_name_beyond_ascii_is_percent_encoded_and_can_end_no_line() -> None:
    identity = Identity("k-1", "Zoë's 100% \r\nX-Evil: 1 🗝", "a\x00b", ())
    headers = sent(head_of(), allowing(identity=identity))
    assert lookup(headers, b"x-keyhatch-key-name") == [b"Zo%C3%AB's 100%25 %0D%0AX-Evil: 1 %F0%9F%97%9D"]
    assert lookup(headers, b"x-keyhatch-owner") == [b"a%00b"]
    assert lookup(headers, b"x-keyhatch-scopes") == [b""]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_arrives_whole_in_printable_ascii(name: str) -> None:
    (value,) = lookup(
        sent(head_of(), allowing(identity=replace(IDENTITY, name=name))), b"x-keyhatch-key-name"
    )
    assert all(0x20 <= sign < 0x7F for sign in value)
    assert unquote_to_bytes(value).decode() == name


SPELLED = st.tuples(
    st.sampled_from([name.decode() for name in OURS] + ["x-keyhatch-", "x-keyhatch-reason"]),
    st.lists(st.sampled_from("-_.!~|"), min_size=4, max_size=4),
).map(lambda drawn: "".join(drawn[1].pop() if sign == "-" else sign for sign in drawn[0]).encode())


@given(
    st.lists(st.tuples(SPELLED, st.sampled_from([b"admin", b"", b"a, b"])), max_size=4),
    st.lists(SPELLED, max_size=3),
    st.sampled_from([None, IDENTITY]),
)
def test_identity_is_ours_alone_in_any_spelling_and_whatever_connection_lists(
    forged: list[tuple[bytes, bytes]], listed: list[bytes], identity: Identity | None
) -> None:
    head = head_of()
    headers = (*head.view.headers, (b"connection", b", ".join([b"close", *listed])), *forged)
    head = replace(head, view=replace(head.view, headers=headers))
    for trusted in (False, True):
        composed = sent(head, allowing(identity=identity), peer=PROXY, trusted=trusted)
        left = [name for name, _ in composed if name.translate(_AS_CGI).startswith(b"X_KEYHATCH_")]
        assert left == ([] if identity is None else list(OURS))


_AS_CGI = bytes(ord(chr(sign).upper()) if chr(sign).isalnum() and sign < 128 else 0x5F for sign in range(256))


# --- Hop by hop -----------------------------------------------------------------------------------


def test_hop_by_hop_fields_end_here() -> None:
    fields = [(name, b"1") for name in sorted(HOP_BY_HOP - {b"expect", b"transfer-encoding"})]
    names = {name for name, _ in sent(head_of(*fields, (b"Expect", b"100-continue")))}
    assert names & HOP_BY_HOP == set()


def test_connection_cannot_take_away_what_this_hop_adds() -> None:
    listed = b"close, X-Keyhatch-Key-Id, X-Forwarded-For, X-Request-Id, Via, Host, Cookie, X-Mine"
    head = head_of((b"Connection", listed), (b"Cookie", b"a=1"), (b"X-Mine", b"1"))
    headers = sent(head)
    assert lookup(headers, b"x-keyhatch-key-id") == [b"k-1"]
    assert lookup(headers, b"x-forwarded-for") == [b"198.51.100.7"]
    assert lookup(headers, b"x-request-id") == [b"req-1"]
    assert lookup(headers, b"via") == [b"1.1 keyhatch"]
    assert lookup(headers, b"host") == [b"10.9.8.7:11434"]
    assert lookup(headers, b"cookie") == [b"a=1"]
    assert lookup(headers, b"x-mine") == []


def test_a_websocket_is_asked_for_anew() -> None:
    head = head_of(*WEBSOCKET, (b"Sec-WebSocket-Protocol", b"chat"), (b"Connection", b"Sec-WebSocket-Key"))
    assert head.view.kind is Kind.WEBSOCKET
    headers = sent(head)
    assert lookup(headers, b"connection") == [b"Upgrade"]
    assert lookup(headers, b"upgrade") == [b"websocket"]
    assert lookup(headers, b"sec-websocket-key") == [b"dGhlIHNhbXBsZSBub25jZQ=="]
    assert lookup(headers, b"sec-websocket-version") == [b"13"]
    assert lookup(headers, b"sec-websocket-protocol") == [b"chat"]


def test_framing_is_left_to_the_plane() -> None:
    for framing in ((b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")):
        names = {name for name, _ in sent(head_of(framing, method=b"POST"))}
        assert names & {b"content-length", b"transfer-encoding"} == set()


# --- What other hops say --------------------------------------------------------------------------

TOLD = (
    (b"Forwarded", b"for=127.0.0.1"),
    (b"X-Forwarded-For", b"127.0.0.1"),
    (b"X-Forwarded-For", b"203.0.113.9"),
    (b"X-Forwarded-Host", b"shop.test"),
    (b"X-Forwarded-Port", b"443"),
    (b"X-Forwarded-Prefix", b"/admin"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-User", b"root"),
    (b"X-Original-URL", b"/admin"),
    (b"X-Real-IP", b"127.0.0.1"),
)


def test_a_stranger_says_nothing_about_the_caller_the_path_or_the_method() -> None:
    headers = sent(
        head_of(*TOLD, *((name, b"/admin") for name in sorted(CLAIMS)), (b"X-Forwarded-New", b"1"))
    )
    assert {name for name, _ in headers if name.startswith((b"x-forwarded", b"forwarded"))} == {
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
    assert lookup(headers, b"x-forwarded-for") == [b"198.51.100.7"]
    assert lookup(headers, b"x-forwarded-proto") == [b"http"]
    assert lookup(headers, b"x-forwarded-host") == [b"gateway.test"]
    assert {name for name, _ in headers} & CLAIMS == set()


def test_what_a_trusted_proxy_says_passes_with_its_own_address_added() -> None:
    headers = sent(head_of(*TOLD, peer=PROXY, trusted=TRUSTED), peer=PROXY, trusted=True)
    assert lookup(headers, b"x-forwarded-for") == [b"127.0.0.1, 203.0.113.9, 10.0.0.1"]
    assert lookup(headers, b"x-forwarded-proto") == [b"https"]
    assert lookup(headers, b"x-forwarded-host") == [b"shop.test"]
    assert lookup(headers, b"x-forwarded-port") == [b"443"]
    assert lookup(headers, b"x-forwarded-prefix") == [b"/admin"]
    assert lookup(headers, b"x-real-ip") == [b"127.0.0.1"]
    assert lookup(headers, b"forwarded") == [b"for=127.0.0.1"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((), id="nothing"),
        pytest.param(
            ((b"X-Forwarded-For", b""), (b"X-Forwarded-Proto", b""), (b"X-Forwarded-Host", b"")), id="empty"
        ),
    ],
)
def test_where_a_trusted_proxy_says_nothing_this_hop_speaks(said: Headers) -> None:
    headers = sent(head_of(*said), peer=PROXY, trusted=True)
    assert lookup(headers, b"x-forwarded-for") == [b"10.0.0.1"]
    assert lookup(headers, b"x-forwarded-proto") == [b"http"]
    assert lookup(headers, b"x-forwarded-host") == [b"gateway.test"]


@pytest.mark.parametrize("sign", [b".", b"!", b"~", b"+", b"'"])
def test_of_a_trusted_proxy_no_claim_is_taken_in_a_spelling_that_it_passed_unseen(sign: bytes) -> None:
    claims = (*CLAIMS - {b"forwarded"}, b"x-forwarded-user", b"x-forwarded-for")
    odd = tuple((name.replace(b"-", sign), b"lie") for name in sorted(claims))
    mixed = (b"x-real" + sign + b"ip", b"lie")
    asked = head_of(*TOLD, *odd, mixed, (b"x" + sign + b"app", b"kept"), peer=PROXY)
    headers = sent(asked, peer=PROXY, trusted=True)
    assert [name for name, value in headers if value == b"lie"] == []
    assert lookup(headers, b"x" + sign + b"app") == [b"kept"]
    assert lookup(headers, b"x-real-ip") == [b"127.0.0.1"]


@pytest.mark.parametrize("trusted", [False, True])
def test_a_request_without_a_host_has_no_forwarded_host(trusted: bool) -> None:
    head = reading(version=(1, 0))
    assert isinstance(head, Head)
    assert lookup(sent(head, peer=PROXY, trusted=trusted), b"x-forwarded-host") == []


@pytest.mark.parametrize(
    ("peer", "expected"),
    [pytest.param("fe80::1%é", [b"fe80::1%?"], id="odd-zone"), pytest.param("", [], id="no-address")],
)
def test_a_peer_is_forwarded_in_ascii_or_not_at_all(peer: str, expected: list[bytes]) -> None:
    assert lookup(sent(head_of(), peer=peer), b"x-forwarded-for") == expected


def test_the_request_id_is_the_one_this_hop_decided_on() -> None:
    head = head_of((b"X-Request-Id", b"forged"), (b"x-request-id", b"forged-too"))
    assert lookup(sent(head), b"x-request-id") == [b"req-1"]


# --- The key --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "query", "expected"),
    [
        pytest.param(b"/a?", None, b"/a?", id="untouched-to-the-last-sign"),
        pytest.param(b"/%7Ea?q=%2f", None, b"/%7Ea?q=%2f", id="not-requoted"),
        pytest.param(b"/a?access_token=k&b=1", b"b=1", b"/a?b=1", id="one-parameter-cut-out"),
        pytest.param(b"/a?access_token=k", b"", b"/a", id="nothing-left"),
    ],
)
def test_the_target_is_the_judged_one_but_for_our_key(
    target: bytes, query: bytes | None, expected: bytes
) -> None:
    allow = allowing(Strip(query=query))
    assert compose_head(head_of(target=target), allow, UPSTREAM, hop()).target == expected


def test_only_what_is_to_be_stripped_is_stripped() -> None:
    head = head_of((b"Authorization", b"Bearer theirs"), (b"X-API-Key", b"ours"), (b"Cookie", b"a=1; k=ours"))
    headers = sent(head, allowing(Strip({2: None, 3: b"a=1"})))
    assert lookup(headers, b"authorization") == [b"Bearer theirs"]
    assert lookup(headers, b"x-api-key") == []
    assert lookup(headers, b"cookie") == [b"a=1"]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


HEADER_PLACES = st.sampled_from(
    [
        *sorted(KEY_HEADERS | {b"authorization", b"cookie", b"sec-websocket-protocol", b"user-agent"}),
        *(b"proxy-authorization", b"referer", b"x-anything", b"x-forwarded-uri", b"via", b"connection"),
    ]
)
HEADER_FORMS = st.sampled_from(
    [
        "{key}",
        "Bearer {key}",
        "bearer  Bearer {key}",
        "Token {key}",
        "Bearer '{key}'",
        "a=1; key={key}; b=2",
        "openai-insecure-api-key.{key}, chat",
        "https://u:{key}@host/?q={key}#f",
        "x ({key}) y",
        "kh%5F{tail}",
    ]
)
QUERY_FORMS = st.sampled_from(
    ["access_token={key}", "api_key={key}", "q={key}", "{key}", "{key}=1", "q=a%20{key}+b", "q=kh%5f{tail}"]
)


def filled(form: str) -> bytes:
    return form.format(key=SECRET, tail=SECRET.removeprefix("kh_")).encode()


@given(
    st.lists(st.tuples(HEADER_PLACES, HEADER_FORMS), max_size=4),
    st.sampled_from([None, basic(f"{SECRET}:"), basic(f"user:{SECRET}"), basic(f"{SECRET}:{SECRET}")]),
    st.lists(QUERY_FORMS, max_size=3),
    st.booleans(),
    st.sampled_from([None, IDENTITY]),
)
def test_the_key_never_gets_through_wherever_it_stood(
    placed: list[tuple[bytes, str]],
    login: str | None,
    parameters: list[str],
    is_websocket: bool,
    identity: Identity | None,
) -> None:
    headers = [(name, filled(form)) for name, form in placed]
    if login is not None:
        headers.append((b"Authorization", login.encode()))
    query = b"&".join(filled(form) for form in ["first=1", *parameters])
    head = head_of(*headers, *(WEBSOCKET if is_websocket else ()), target=b"/v1/x?" + query)
    allow = Allow(ROUTE, find(head.view, Ours("kh")).strip, identity)
    composed = compose_head(head, allow, UPSTREAM, hop())
    everything = b"\n".join([composed.target, *(b": ".join(pair) for pair in composed.headers)])
    logins = [
        base64.b64decode(value.partition(b" ")[2] + b"==")
        for value in lookup(composed.headers, b"authorization")
        if value.startswith(b"Basic ")
    ]
    for text in (everything, unquote_to_bytes(everything), *logins):
        assert SECRET.encode() not in text
    assert composed.target.startswith(b"/v1/x?first=1")


def test_the_property_above_would_see_a_key() -> None:
    head = head_of((b"X-API-Key", SECRET.encode()), target=f"/?q={quote(SECRET)}".encode())
    composed = compose_head(head, allowing(), UPSTREAM, hop())
    assert SECRET.encode() in composed.target
    assert lookup(composed.headers, b"x-api-key") == [SECRET.encode()]


def test_a_key_in_the_place_of_the_host_is_told_to_nobody() -> None:
    head = reading((b"Host", SECRET.encode()))
    assert isinstance(head, Head)
    headers = sent(head, allowing(Strip({0: None})))
    assert lookup(headers, b"x-forwarded-host") == []
    assert not any(SECRET.encode() in value for _, value in headers)


# --- In parts, for a plane that keeps what repeats ------------------------------------------------------


@pytest.mark.parametrize("identity", [IDENTITY, None], ids=["identified", "public"])
def test_a_head_is_its_outline_then_who_calls_then_the_request_id(identity: Identity | None) -> None:
    head = head_of((b"Accept", b"*/*"), (b"X-Request-Id", b"mine"), target=b"/v1/models?a=b")
    allow = allowing(identity=identity)
    composed = compose_head(head, allow, UPSTREAM, hop())
    parts = (*outline(head, allow, UPSTREAM, hop()), *identity_fields(identity))
    assert composed.headers == (*parts, (b"x-request-id", b"req-1"))
    assert composed.target == target_of(head, allow.route, allow.strip)


@pytest.mark.parametrize(("query", "sent"), [(None, b"/v1?a=%41&b"), (b"b", b"/v1?b"), (b"", b"/v1")])
def test_the_target_is_the_judged_one_less_a_parameter_of_ours(query: bytes | None, sent: bytes) -> None:
    assert target_of(head_of(target=b"/v1?a=%41&b"), ROUTE, Strip(query=query)) == sent
