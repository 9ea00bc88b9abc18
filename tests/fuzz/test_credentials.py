"""Properties of finding, choosing and stripping credentials.

1. Nothing that anyone sends makes `find`, `choose` or the whole decision raise.
2. Whatever is put anywhere, no well-formed key of ours is left to forward: not in a header, a cookie, a
   subprotocol or the query, percent-encoded up to three times, or within Basic.
3. The same key in two places is one; two different ones are ambiguous.
4. What is foreign beside ours survives, byte for byte, and what is left has nothing more to strip.
5. No refusal, and nothing else that may be shown, holds a key.
6. A foreign header changes no choice.
7. A target that shows nothing, as `may_show` says, adds nothing to what is found or stripped.
"""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.credentials import KEY_HEADERS, choose, find, forgive, may_show
from gateway.core.decision import NeedKey
from gateway.core.keys import compose_secret, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind, RequestView, Target, read_target
from gateway.core.routes import Route, RouteTable
from tests.fuzz.inputs import named_corpus

MANY = settings(max_examples=max(200, settings().max_examples))

KEYS = [compose_secret("kh", bytes([number]) * 32).reveal() for number in (17, 99, 201)]
TABLE = RouteTable([Route("public", "/public", public=True), Route("any", "/**")])
JUDGED = (b"authorization", *sorted(KEY_HEADERS))
OTHER = (
    b"cookie",
    b"sec-websocket-protocol",
    b"referer",
    b"x-forwarded-uri",
    b"x-custom",
    b"forwarded",
    b"host",
)
SCHEMES = (
    b"",
    b"Bearer ",
    b"bearer:",
    b"Basic ",
    b"Token ",
    b"Digest ",
    b'"Bearer ',
    b"openai-insecure-api-key.",
)

kinds = st.sampled_from(Kind)
keys = st.sampled_from(KEYS)
names = st.sampled_from((*JUDGED, *OTHER))
noise = st.one_of(
    st.sampled_from(
        [b"", b"", b" ", b"%20", b"=", b"; ", b", ", b"&", b"kh_", b"%", b"a", b"Z9", b"-", b"%2", b"Bearer "]
    ),
    st.binary(max_size=8),
)
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=8).map(
    str.encode
)


@st.composite
def spellings(draw: st.DrawFn) -> bytes:
    """A key of ours as it stands, or with some characters percent-encoded, up to three times over."""
    raw = draw(keys).encode()
    for _ in range(draw(st.integers(0, 3))):
        chosen = draw(st.sets(st.integers(0, len(raw) - 1), max_size=2)) | {raw.find(b"%")}
        parts = (b"%%%02x" % byte if at in chosen else bytes([byte]) for at, byte in enumerate(raw))
        raw = b"".join(parts)
    return raw


amid = st.lists(st.one_of(noise, spellings()), max_size=4).map(b"".join)
values = st.builds(bytes.__add__, st.sampled_from(SCHEMES), amid)


@st.composite
def basics(draw: st.DrawFn) -> bytes:
    """A value of `Authorization: Basic`, in either alphabet, with padding or without."""
    value = draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))(draw(amid))
    return b"Basic " + (value.rstrip(b"=") if draw(st.booleans()) else value)


@st.composite
def views(draw: st.DrawFn) -> RequestView:
    """Any request: keys in any places, spelled in any way."""
    headers = draw(
        st.lists(st.tuples(names, values) | st.tuples(st.just(b"authorization"), basics()), max_size=4)
    )
    fields = st.tuples(
        st.sampled_from([b"api_key=", b"access_token=", b"api%5fkey=", b"q=", b"", b"="]),
        st.lists(st.one_of(visible, spellings()), max_size=3).map(b"".join),
    )
    query = b"&".join(name + value for name, value in draw(st.lists(fields, max_size=3)))
    target = read_target(draw(st.sampled_from([b"/public", b"/v1"])) + b"?" + query)
    assert isinstance(target, Target)
    return RequestView("GET", target, tuple(headers), "192.0.2.7", draw(kinds))


def decodings(value: bytes) -> list[bytes]:
    found = [value]
    for _ in range(3):
        found.append(unquote_to_bytes(found[-1]))
    return found


def inside_basic(value: bytes) -> bytes:
    match = re.fullmatch(rb"\s*basic\s+(.*)", value, re.IGNORECASE | re.DOTALL)
    text = re.sub(rb"[^A-Za-z0-9+/]", b"", match[1].replace(b"-", b"+").replace(b"_", b"/")) if match else b""
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def left(view: RequestView) -> tuple[Headers, bytes]:
    strip = find(view, Ours("kh")).strip
    return strip.apply(view.headers), view.target.query if strip.query is None else strip.query


def view_from(raw: bytes, kind: Kind) -> RequestView:
    """What a file of the corpus says: `name: value` on each line, or a query that begins with `?`."""
    fields = [line.partition(b":") for line in raw.split(b"\n") if line and not raw.startswith(b"?")]
    headers = tuple((name, value.strip()) for name, _, value in fields)
    target = read_target(b"/v1" + (raw if raw.startswith(b"?") else b""))
    assert isinstance(target, Target)
    return RequestView("GET", target, headers, "192.0.2.7", kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("raw", named_corpus("credentials"))
def test_the_corpus_leaves_no_key_to_forward_and_none_to_be_shown(raw: bytes, kind: Kind) -> None:
    view = view_from(raw, kind)
    check_nothing_left(view)
    check_nothing_more(view)
    check_nothing_shown(view)
    check_silent_target(view)


@MANY
@given(views())
def test_no_key_of_ours_is_left_to_forward(view: RequestView) -> None:
    check_nothing_left(view)


def check_nothing_left(view: RequestView) -> None:
    """Property 2."""
    headers, query = left(view)
    forwarded = [query, *(value for _, value in headers)]
    forwarded += [inside_basic(value) for name, value in headers if name == b"authorization"]
    for text in KEYS:
        assert [raw for value in forwarded for raw in decodings(value) if text.encode() in raw] == []


@MANY
@given(views())
def test_a_target_that_shows_nothing_adds_nothing(view: RequestView) -> None:
    check_silent_target(view)


def check_silent_target(view: RequestView) -> None:
    """Property 7."""
    if not may_show(view.target.raw, "kh"):
        bare = read_target(b"/v1")
        assert isinstance(bare, Target)
        assert find(view, Ours("kh")) == find(
            RequestView(view.method, bare, view.headers, view.peer, view.kind), Ours("kh")
        )


@MANY
@given(views())
def test_what_is_left_has_nothing_more_to_strip(view: RequestView) -> None:
    check_nothing_more(view)


def check_nothing_more(view: RequestView) -> None:
    """Property 4."""
    headers, query = left(view)
    target = read_target(view.target.path.encode() + b"?" + query)
    assert isinstance(target, Target)
    again = find(RequestView("GET", target, headers, view.peer, view.kind), Ours("kh"))
    assert again.ours == ()
    assert (again.strip.headers, again.strip.query) == ({}, None)


@MANY
@given(views())
def test_no_answer_shows_a_key(view: RequestView) -> None:
    check_nothing_shown(view)


def check_nothing_shown(view: RequestView) -> None:
    """Property 5."""
    findings = find(view, Ours("kh"))
    shown = repr((view, findings, choose(findings, "kh"), admit(view, TABLE, Ours("kh"))))
    assert [text for text in KEYS if text in shown] == []


@MANY
@given(
    st.lists(st.tuples(st.one_of(names, st.binary(max_size=6)), st.binary(max_size=60)), max_size=5),
    visible,
    kinds,
)
def test_nothing_sent_makes_the_decision_raise(
    headers: list[tuple[bytes, bytes]], query: bytes, kind: Kind
) -> None:
    target = read_target(b"/v1?api_key=" + query)
    assert isinstance(target, Target)
    view = RequestView("GET", target, tuple(headers), "nonsense", kind)
    assert isinstance(admit(view, TABLE, Ours("kh")), Deny | NeedKey)


def placed(place: str, text: str) -> tuple[Headers, bytes]:
    if place.startswith("?"):
        return (), f"{place[1:]}={text}".encode()
    if place == "basic":
        return ((b"authorization", b"Basic " + base64.b64encode(f"x:{text}".encode())),), b""
    if place == "subprotocol":
        return ((b"sec-websocket-protocol", f"a, openai-insecure-api-key.{text}".encode()),), b""
    return ((place.encode(), text.encode()),), b""


places = st.sampled_from(["?api_key", "?access_token", "basic", "subprotocol", *map(bytes.decode, JUDGED)])


@MANY
@given(st.lists(st.tuples(places, keys), min_size=1, max_size=4))
def test_the_same_key_in_two_places_is_one_and_two_different_ones_are_ambiguous(
    shown: list[tuple[str, str]],
) -> None:
    both = [placed(place, text) for place, text in shown]
    target = read_target(b"/v1?" + b"&".join(query for _, query in both if query))
    assert isinstance(target, Target)
    headers = tuple(pair for pairs, _ in both for pair in pairs)
    chosen = choose(find(RequestView("GET", target, headers, "::1", Kind.WEBSOCKET), Ours("kh")), "kh")
    if len({text for _, text in shown}) == 1:
        assert chosen == digest_of(shown[0][1])
    else:
        assert isinstance(chosen, Deny)
        assert chosen.reason is Reason.CREDENTIAL_AMBIGUOUS


foreign_values = st.binary(max_size=30).filter(
    lambda value: all(b"kh_" not in raw for raw in decodings(value))
)


@MANY
@given(keys, st.lists(st.tuples(names, foreign_values), max_size=5), st.integers(0, 5), visible, kinds)
def test_what_is_foreign_beside_ours_survives_byte_for_byte(
    text: str, foreign: list[tuple[bytes, bytes]], at: int, query: bytes, kind: Kind
) -> None:
    foreign = [pair for pair in foreign if b"kh_" not in inside_basic(pair[1])]
    query = query.replace(b"kh_", b"")
    headers = (*foreign[:at], (b"xi-api-key", text.encode()), *foreign[at:])
    target = read_target(b"/v1?" + query)
    assert isinstance(target, Target)
    view = RequestView("GET", target, headers, "::1", kind)
    assert left(view) == (tuple(foreign), query)
    assert choose(find(view, Ours("kh")), "kh") == digest_of(text)


@MANY
@given(st.text(max_size=20) | st.text(alphabet="Bearer: \"'\u00a0\udca0k,", max_size=20))
def test_forgiving_twice_changes_nothing_and_finds_the_same_key(around: str) -> None:
    assert forgive(forgive(around)) == forgive(around)
    assert forgive(around).strip(" \t'\"") == forgive(around)
    before = around if forgive(around) == "" else " "
    assert forgive(f'{before}{KEYS[0]}", ') == KEYS[0]
