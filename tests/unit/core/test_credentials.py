"""Guarantees of gateway/core/credentials.py: exactly one key of ours is judged, and none is passed on."""

import base64

import pytest

from gateway.core.credentials import (
    KEY_HEADERS,
    NOTHING_TO_STRIP,
    Findings,
    Shown,
    Strip,
    authorization_texts,
    choose,
    find,
    forgive,
)
from gateway.core.keys import digest_of
from gateway.core.ours import Ours
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind
from tests.unit.core.samples import A, B, secret, view
from tests.unit.core.showings import ACCEPTED, FOREIGN, NOTHING_SHOWN, PLAIN, SOCKET, STREAM, basic

ENCODED = A.replace("_", "%5F")


def chosen(*headers: tuple[str, str | bytes], query: str = "", kind: Kind = PLAIN) -> bytes | Deny:
    """What `choose` makes of a request with these headers and this query."""
    return choose(find(view(*headers, path="/?" + query, kind=kind), Ours("kh")), "kh")


def left(*headers: tuple[str, str | bytes], query: str = "", kind: Kind = PLAIN) -> tuple[Headers, str]:
    """What is forwarded of these headers and this query."""
    asked = view(*headers, path="/?" + query, kind=kind)
    strip = find(asked, Ours("kh")).strip
    return strip.apply(asked.headers), (asked.target.query if strip.query is None else strip.query).decode()


# --- Where a key may stand ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
@pytest.mark.parametrize("kind", Kind)
def test_a_key_in_an_accepted_header_is_judged_and_stripped(name: str, value: str, kind: Kind) -> None:
    assert chosen((name, value), kind=kind) == digest_of(A)
    assert left((name, value), kind=kind) == ((), "")


@pytest.mark.parametrize("kind", [STREAM, SOCKET])
@pytest.mark.parametrize(
    "query",
    [
        f"access_token={A}",
        f"api_key={A}",
        f"api%5Fkey={A}",
        f"access_token={ENCODED}",
        f"access_token=%20{A}+",
        f"access_token=Bearer%20{A}",
        f"access_token=Bearer+{A}",
        f"api_key=%22{A}%22",
    ],
)
def test_a_key_in_the_query_is_judged_where_headers_cannot_be_set(query: str, kind: Kind) -> None:
    assert chosen(query=query, kind=kind) == digest_of(A)
    assert left(query=query, kind=kind) == ((), "")
    assert left(query=f"a=1&{query}&b=%2F&&c", kind=kind) == ((), "a=1&b=%2F&&c")


@pytest.mark.parametrize("name", ["access_token", "api_key"])
def test_a_key_in_the_query_of_a_plain_request_is_stripped_and_not_judged(name: str) -> None:
    assert chosen(query=f"{name}={A}") == Deny(Reason.CREDENTIAL_MISSING, {"stray": f"?{name}="})
    assert left(query=f"x&{name}={A}") == ((), "x")


@pytest.mark.parametrize("query", [f"key={A}", f"token={ENCODED}", f"API_KEY={A}", A, f"{A}=1", f"q=see+{A}"])
@pytest.mark.parametrize("kind", Kind)
def test_a_key_elsewhere_in_the_query_is_stripped_and_never_judged(query: str, kind: Kind) -> None:
    assert chosen(query=query, kind=kind) == Deny(Reason.CREDENTIAL_MISSING, {"stray": "the query"})
    assert left(query=f"{query}&a=1", kind=kind) == ((), "a=1")


def test_a_key_in_a_subprotocol_is_judged_on_a_websocket_and_taken_out_of_the_offer() -> None:
    offer = ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{A},openai-beta.realtime-v1")
    assert chosen(offer, kind=SOCKET) == digest_of(A)
    assert left(offer, kind=SOCKET) == (
        ((b"sec-websocket-protocol", b"realtime,openai-beta.realtime-v1"),),
        "",
    )


@pytest.mark.parametrize("kind", [PLAIN, STREAM])
def test_a_key_in_a_subprotocol_counts_only_on_a_websocket(kind: Kind) -> None:
    offer = ("sec-websocket-protocol", f"openai-insecure-api-key.{A}")
    assert chosen(offer, kind=kind) == Deny(Reason.CREDENTIAL_MISSING, {"stray": "Sec-WebSocket-Protocol"})
    assert left(offer, kind=kind) == ((), "")


def test_another_gateways_prefix_is_foreign_here() -> None:
    asked = view(("x-api-key", secret(1, "acme")))
    assert choose(find(asked, Ours("acme")), "acme") == digest_of(secret(1, "acme"))
    refused = choose(find(asked, Ours("kh")), "kh")
    assert isinstance(refused, Deny)
    assert refused.reason is Reason.CREDENTIAL_FOREIGN


# --- None of ours, several of ours, half of ours --------------------------------------------------------


@pytest.mark.parametrize(("headers", "query", "kind"), NOTHING_SHOWN)
def test_without_a_credential_one_is_missing(headers: list[tuple[str, str]], query: str, kind: Kind) -> None:
    facts = {"also": "?access_token="} if kind is SOCKET else {}
    assert chosen(*headers, query=query, kind=kind) == Deny(Reason.CREDENTIAL_MISSING, facts)


@pytest.mark.parametrize(
    ("headers", "query", "kind", "place"),
    [
        ([("authorization", f"Bearer {FOREIGN}")], "", PLAIN, "Authorization"),
        ([("authorization", FOREIGN)], "", PLAIN, "Authorization"),
        ([("authorization", basic(f"x:{FOREIGN}"))], "", PLAIN, "Authorization"),
        ([("x-api-key", FOREIGN)], "", PLAIN, "X-API-Key"),
        ([("api-key", FOREIGN)], "", PLAIN, "api-key"),
        ([("xi-api-key", FOREIGN)], "", PLAIN, "xi-api-key"),
        ([("x-goog-api-key", FOREIGN)], "", PLAIN, "x-goog-api-key"),
        ([], f"api_key={FOREIGN}", STREAM, "?api_key="),
        ([], f"access_token={FOREIGN}", SOCKET, "?access_token="),
        (
            [("sec-websocket-protocol", f"openai-insecure-api-key.{FOREIGN}")],
            "",
            SOCKET,
            "Sec-WebSocket-Protocol",
        ),
    ],
)
def test_another_kind_of_credential_is_named_and_passes_untouched(
    headers: list[tuple[str, str]], query: str, kind: Kind, place: str
) -> None:
    facts = {"place": place, "looks_like": "an OpenAI key"}
    assert chosen(*headers, query=query, kind=kind) == Deny(Reason.CREDENTIAL_FOREIGN, facts)
    asked = view(*headers, path="/?" + query, kind=kind)
    assert find(asked, Ours("kh")).strip is NOTHING_TO_STRIP
    assert NOTHING_TO_STRIP.apply(asked.headers) is asked.headers


PLACES = {
    "Authorization": ([("authorization", "Bearer {}")], ""),
    "X-API-Key": ([("x-api-key", "{}")], ""),
    "xi-api-key": ([("xi-api-key", "{}")], ""),
    "Sec-WebSocket-Protocol": ([("sec-websocket-protocol", "openai-insecure-api-key.{}")], ""),
    "?api_key=": ([], "api_key={}"),
    "the query": ([], "q={}"),
}


@pytest.mark.parametrize("one", PLACES)
@pytest.mark.parametrize("other", PLACES)
def test_the_same_key_twice_is_one_and_two_different_ones_are_ambiguous(one: str, other: str) -> None:
    def shown(first: str, second: str) -> bytes | Deny:
        pairs = ((PLACES[one], first), (PLACES[other], second))
        headers = [(name, value.format(text)) for (held, _), text in pairs for name, value in held]
        query = "&".join(query.format(text) for (_, query), text in pairs if query)
        assert left(*headers, query=query, kind=SOCKET) == ((), "")
        return chosen(*headers, query=query, kind=SOCKET)

    same = shown(A, A)
    assert same == (
        Deny(Reason.CREDENTIAL_MISSING, {"stray": one}) if one == other == "the query" else digest_of(A)
    )
    for first, second in ((A, B), (A, A[:-1]), (A[:-1], A)):
        if (first, second) != (A, B) and "the query" in (one, other):
            continue  # half a key is no key where none is looked for
        refused = shown(first, second)
        assert isinstance(refused, Deny)
        assert refused.reason is Reason.CREDENTIAL_AMBIGUOUS
        assert set(refused.facts["places"].split(" and ")) == {one, other}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (A[:-1], "wrong_length"),
        (A + "x", "wrong_length"),
        ("kh_", "wrong_length"),
        (A[:-2] + A[-1] + A[-2], "wrong_checksum"),
        (A[:20] + "-" + A[21:], "wrong_characters"),
        (f"{A}, {A}", "wrong_characters"),
        (f"{A} {FOREIGN}", "wrong_characters"),
    ],
)
def test_a_mistyped_key_is_told_from_an_unknown_one_and_stripped(text: str, problem: str) -> None:
    facts = {"problem": problem, "length": str(len(text)), "expected": "52"}
    assert chosen(("x-api-key", text)) == Deny(Reason.CREDENTIAL_MALFORMED, facts)
    assert left(("x-api-key", text)) == ((), "")


def test_no_refusal_repeats_a_credential() -> None:
    for text in (A, A[:-1], FOREIGN):
        findings = find(view(("x-api-key", text), ("cookie", f"a={FOREIGN}"), path=f"/?q={A}"), Ours("kh"))
        assert text not in repr(findings)
        assert FOREIGN not in repr(findings)
        assert text not in repr(choose(findings, "kh"))


# --- What is passed on ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        A,
        f"x {A} y",
        f"k={A};",
        ENCODED,
        A.replace("_", "%255f"),
        A.replace("_", "%25255f"),
        f"token{A}",
        f"{A}x",
        f"{B}{A}",
        f"%20{A}%20{B}",
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "referer",
        "x-forwarded-uri",
        "x-auth",
        "proxy-authorization",
        "authorization",
        *map(bytes.decode, sorted(KEY_HEADERS)),
    ],
)
def test_a_key_anywhere_in_a_header_takes_the_header_with_it(name: str, value: str) -> None:
    assert left((name, value), ("accept", "*/*")) == (((b"accept", b"*/*"),), "")


@pytest.mark.parametrize(
    "value",
    [
        f'Digest username="{A}", realm="x"',
        f"AWS4-HMAC-SHA256 Credential={A}/20261101",
        f"Bearer {FOREIGN}, Bearer {A}",
        basic(f"x:see {A}"),
        basic(f"x:y:{A}"),
        basic(f"x{A}"),
        basic(f"x:{ENCODED}"),
        basic(f"x:see {A}").rstrip("=").replace("Basic ", "Basic  "),
    ],
)
def test_a_key_amid_another_credential_is_not_passed_on(value: str) -> None:
    assert left(("authorization", value)) == ((), "")
    refused = chosen(("authorization", value))
    assert isinstance(refused, Deny)
    assert refused.reason is Reason.CREDENTIAL_FOREIGN


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("cookie", f"a=1; k={A}; b=2", b"a=1; b=2"),
        ("cookie", f"k={A}; b=2", b"b=2"),
        ("cookie", f"a=1; k={A}", b"a=1"),
        ("cookie", f'a=1;k="{ENCODED}";b=2', b"a=1;b=2"),
        ("cookie", f"k={A}; l={B}", None),
        ("cookie", f"k={A};", None),
        ("cookie", f"a=x{A}", None),
        ("cookie", f"{A}=a; b=2", b"b=2"),
        ("sec-websocket-protocol", f"a,{A},b", b"a,b"),
        ("sec-websocket-protocol", f"a, bearer.{A}, b", b"a, b"),
        ("sec-websocket-protocol", f"x-openai-insecure-api-key.{A}, b", b"b"),
        ("sec-websocket-protocol", f"base64url.{ENCODED},b", b"b"),
        ("sec-websocket-protocol", f"openai-insecure-api-key.{A}, ", None),
        ("sec-websocket-protocol", f"openai-insecure-api-key.{A[:-1]}, b", b"b"),
    ],
)
def test_of_a_list_only_what_holds_a_key_is_taken_out(name: str, value: str, kept: bytes | None) -> None:
    assert left((name, value), kind=SOCKET) == (() if kept is None else ((name.encode(), kept),), "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie", f"a=1;b = 2 ;; c=%4B; t={FOREIGN}"),
        ("authorization", f"Bearer  {FOREIGN} "),
        ("authorization", basic(f"ada:{FOREIGN}")),
        ("x-api-key", FOREIGN),
        ("sec-websocket-protocol", f"a ,  b,openai-insecure-api-key.{FOREIGN}"),
        ("x-note", "kh_ is the prefix, kh_AbCd\u2026wXyZ a preview"),
        ("x-note", "kh_" + "0" * 49),
        ("x-note", b"\xff\xfe%zz"),
        ("x-note", "%25252525252541"),
    ],
)
def test_what_is_foreign_beside_ours_survives_byte_for_byte(name: str, value: str | bytes) -> None:
    ours = ("xi-api-key", A)
    raw = value if isinstance(value, bytes) else value.encode()
    query = f"api_key={FOREIGN}&z=%2f&y=+"
    assert left((name, value), ours, query=query, kind=SOCKET) == (((name.encode(), raw),), query)
    assert chosen((name, value), ours, query=query, kind=SOCKET) == digest_of(A)


def test_the_order_of_what_is_left_is_kept() -> None:
    headers = [("b", "1"), ("x-api-key", A), ("a", "2"), ("b", "3"), ("cookie", f"k={A}; c"), ("a", "4")]
    kept = ((b"b", b"1"), (b"a", b"2"), (b"b", b"3"), (b"cookie", b"c"), (b"a", b"4"))
    assert left(*headers) == (kept, "")


def test_a_query_that_held_only_a_key_is_left_empty_not_unchanged() -> None:
    assert find(view(path=f"/?api_key={A}"), Ours("kh")).strip.query == b""
    assert find(view(path="/?"), Ours("kh")).strip.query is None


def test_a_strip_shows_nothing_of_what_it_leaves() -> None:
    assert FOREIGN not in repr(Strip({0: FOREIGN.encode()}, FOREIGN.encode()))


# --- In the path ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [f"/{A}", f"/v1/{A}/models", f"/v1;k={A}", f"/token{A}x", f"/{ENCODED}", f"/{A.replace('_', '%255f')}"],
)
@pytest.mark.parametrize("kind", Kind)
def test_a_key_in_the_path_is_found_and_never_judged(path: str, kind: Kind) -> None:
    findings = find(view(("x-api-key", B), path=path, kind=kind), Ours("kh"))
    assert findings.in_path
    assert [shown.text for shown in findings.ours] == [B]
    assert A not in repr(findings)


@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/kh_", f"/{A[:-1]}", "/kh_" + "0" * 49, "/a%20b", f"/?q={A}"]
)
def test_a_path_without_a_whole_key_is_an_ordinary_one(path: str) -> None:
    assert not find(view(path=path), Ours("kh")).in_path
    assert not find(view(path=f"/{A}"), Ours("acme")).in_path


# --- The parts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "forgiven"),
    [
        ("", ""),
        ("k", "k"),
        (" k\t\r\n", "k"),
        ("'\"`k`\"'", "k"),
        ("Bearer k", "k"),
        ("bearer:k", "k"),
        ('"Bearer Bearer: k",', "k"),
        ("BEARER\u00a0k", "k"),
        ("Bearer", "Bearer"),
        ("Bearerk", "Bearerk"),
        ("k Bearer k", "k Bearer k"),
        ("a b", "a b"),
        ("«k»", "k"),
        ("\udca0k", "k"),
    ],
)
def test_what_people_paste_around_a_key_is_forgiven(pasted: str, forgiven: str) -> None:
    assert forgive(pasted) == forgiven


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (b"Bearer k", ["k"]),
        (b"Bearer", [""]),
        (b"", [""]),
        (b"k", ["k"]),
        (b"Digest a=b", ["Digest a=b"]),
        (b"Basic " + base64.b64encode(b"u:p:q"), ["p:q", "u"]),
        (b"Basic " + base64.b64encode(b"u"), ["u"]),
        (b"Basic " + base64.b64encode(b"\xff:p"), ["p", "\udcff"]),
        (b"Basic !", []),
    ],
)
def test_the_texts_of_an_authorization(value: bytes, texts: list[str]) -> None:
    assert list(authorization_texts(value)) == texts


def test_choose_needs_no_request() -> None:
    findings = Findings((Shown("X-API-Key", A),), (), NOTHING_TO_STRIP)
    assert choose(findings, "kh") == digest_of(A)


@pytest.mark.parametrize(
    "value", [b"Bearer " * 4600, b"'Bearer " * 4000, b" " * 32_000 + b"x", b"kh_" * 10_000, b"%" * 32_000]
)
def test_a_hostile_header_is_refused_without_an_accident(value: bytes) -> None:
    assert isinstance(chosen(("x-api-key", value), ("authorization", value), ("x", value)), Deny)
