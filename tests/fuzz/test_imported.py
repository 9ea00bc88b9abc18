"""Properties of imported secrets, which have no form and are known by their digest.

1. Wherever an imported secret is shown as a whole credential, and whatever stands beside it, it is not
   forwarded from there, and it is what is judged, alone or ambiguous beside another.
2. What was not imported is found and forwarded exactly as if nothing had been.
3. While nobody knows what was imported, no request passes that shows what might be.
"""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.credentials import KEY_HEADERS, choose, find
from gateway.core.decision import Allow
from gateway.core.keys import digest_of
from gateway.core.ours import Ours, could_be_imported
from gateway.core.policy import admit
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind, RequestView, Target, read_target
from gateway.core.routes import Route, RouteTable
from gateway.core.strength import weakness

MANY = settings(max_examples=max(200, settings().max_examples))
TABLE = RouteTable([Route("public", "/public", public=True), Route("any", "/**")])
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&()*+-./:=?@[]^_{|}~"

strings = st.text(CHARS, min_size=16, max_size=80).filter(lambda text: weakness(text, "kh") is None)
places = st.sampled_from(
    [
        "?api_key",
        "?access_token",
        "basic-user",
        "basic-password",
        "subprotocol",
        "SUBPROTOCOL",
        "percent-encoded",
        "twice-encoded",
        "scheme",
        "basic-elsewhere",
        "bearer",
        *sorted(KEY_HEADERS),
    ]
)
around = st.sampled_from(["", " ", '"', "'", "Bearer ", "bearer: ", '"Bearer '])
kinds = st.sampled_from(Kind)


def shown(place: str | bytes, text: str, before: str) -> tuple[Headers, bytes]:
    """The text in this place, with what people paste before it."""
    if isinstance(place, bytes):
        return ((place, (before + text).encode()),), b""
    if place.startswith("?"):
        encoded = "".join(f"%{ord(sign):02X}" if not sign.isalnum() else sign for sign in text)
        return (), f"{place[1:]}={encoded}".encode()
    if place.startswith("basic"):
        pair = f"{text}:" if place == "basic-user" else f"x:{before}{text}"
        return ((b"authorization", b"Basic " + base64.b64encode(pair.encode())),), b""
    if place in ("percent-encoded", "twice-encoded"):
        encoded = "".join(f"%{ord(sign):02X}" for sign in text)
        if place == "percent-encoded":
            return ((b"authorization", f"Bearer {encoded}".encode()),), b""
        return (), b"access_token=" + encoded.replace("%", "%25").encode()
    if place == "scheme":
        return ((b"x-api-key", f"Token {before}{text}".encode()),), b""
    if place == "basic-elsewhere":
        return ((b"api-key", b"Basic " + base64.b64encode(f"{text}:".encode())),), b""
    if place == "SUBPROTOCOL":
        return ((b"sec-websocket-protocol", f'a, "OpenAI-Insecure-API-Key.{text}"'.encode()),), b""
    if place == "subprotocol":
        return ((b"sec-websocket-protocol", f"a, openai-insecure-api-key.{text}".encode()),), b""
    return ((b"authorization", f"Bearer {before}{text}".encode()),), b""


def view(showings: list[tuple[str | bytes, str, str]], kind: Kind, path: bytes = b"/v1") -> RequestView:
    both = [shown(*each) for each in showings]
    target = read_target(path + b"?" + b"&".join(query for _, query in both if query))
    assert isinstance(target, Target)
    return RequestView("GET", target, tuple(pair for pairs, _ in both for pair in pairs), "::1", kind)


@MANY
@given(st.lists(st.tuples(places, strings, around), min_size=1, max_size=4))
def test_an_imported_secret_is_judged_and_goes_no_further(showings: list[tuple[str, str, str]]) -> None:
    """Property 1."""
    asked = view(list(showings), Kind.WEBSOCKET)
    texts = {text for _, text, _ in showings}
    findings = find(asked, Ours("kh", frozenset(map(digest_of, texts))))
    chosen = choose(findings, "kh")
    if len(texts) == 1:
        assert chosen == digest_of(texts.pop())
    else:
        assert isinstance(chosen, Deny)
        assert chosen.reason is Reason.CREDENTIAL_AMBIGUOUS
    assert {each.text for each in findings.foreign} <= {"x"}
    kept = findings.strip.apply(asked.headers)
    assert {value for _, value in kept} <= {b"a"}
    assert not asked.target.query or findings.strip.query == b""
    assert [
        text for _, text, _ in showings if text in repr((findings, chosen, admit(asked, TABLE, Ours("kh"))))
    ] == []


@MANY
@given(st.lists(st.tuples(places, strings, around), max_size=4), strings, kinds)
def test_what_was_not_imported_is_treated_as_before(
    showings: list[tuple[str, str, str]], other: str, kind: Kind
) -> None:
    """Property 2."""
    asked = view([each for each in showings if each[1] != other], kind)
    assert find(asked, Ours("kh", frozenset({digest_of(other)}))) == find(asked, Ours("kh"))


@MANY
@given(
    st.lists(st.tuples(places, strings, around), min_size=1, max_size=3),
    kinds,
    st.sampled_from([b"/v1", b"/public"]),
)
def test_while_nobody_knows_nothing_passes_that_might_be_one(
    showings: list[tuple[str, str, str]], kind: Kind, path: bytes
) -> None:
    """Property 3."""
    assert all(could_be_imported(text) for _, text, _ in showings)
    asked = view(list(showings), kind, path)
    assert not isinstance(admit(asked, TABLE, Ours("kh", None)), Allow)
