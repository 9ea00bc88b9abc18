"""Guarantees of gateway/core/ours.py: an imported secret is known by its digest, and by nothing else."""

import base64

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP, choose, find
from gateway.core.keys import digest_of
from gateway.core.ours import IMPORTED_CHARS_MAX, IMPORTED_CHARS_MIN, Ours, could_be_imported
from gateway.core.policy import admit
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Route
from tests.unit.core.samples import A, table, view
from tests.unit.core.showings import ACCEPTED, SOCKET, STREAM, basic

TEXT = "sk-" + "x9" * 20
DIGEST = digest_of(TEXT)


def test_where_nothing_was_imported_nothing_is_asked() -> None:
    assert Ours("kh").asks is False
    assert Ours("kh").imported_digest(TEXT) is None


def test_an_imported_secret_is_known_and_no_other() -> None:
    ours = Ours("kh", frozenset({DIGEST}))
    assert ours.asks is True
    assert ours.imported_digest(TEXT) == DIGEST
    assert ours.imported_digest(TEXT + "x") is None


def test_while_nobody_knows_it_is_asked_and_nothing_is_known() -> None:
    ours = Ours("kh", None)
    assert ours.asks is True
    assert ours.imported_digest(TEXT) is None


@pytest.mark.parametrize(
    ("length", "could"),
    [
        (0, False),
        (IMPORTED_CHARS_MIN - 1, False),
        (IMPORTED_CHARS_MIN, True),
        (IMPORTED_CHARS_MAX, True),
        (IMPORTED_CHARS_MAX + 1, False),
    ],
)
def test_only_texts_of_a_lawful_length_are_looked_for(length: int, could: bool) -> None:
    text = "x" * length
    assert could_be_imported(text) is could
    assert (Ours("kh", frozenset({digest_of(text)})).imported_digest(text) is not None) is could


def test_it_shows_no_digest() -> None:
    assert DIGEST.hex()[:8] not in repr(Ours("kh", frozenset({DIGEST})))
    assert repr(DIGEST)[2:10] not in repr(Ours("kh", frozenset({DIGEST})))


# --- Imported secrets -------------------------------------------------------------------------------------

IMPORTED = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
WITH_COLON = "7f3b9c1e-0d2a:5e8f4a6b1c9d7e3f"
WITH_PLUS = "q7Zb+R2mX9tLw4+VnKc8DsPe=="
KNOWN = Ours("kh", frozenset(map(digest_of, (IMPORTED, WITH_COLON, WITH_PLUS))))


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_an_imported_secret_is_accepted_wherever_one_of_ours_is(name: str, value: str | bytes) -> None:
    raw = _reworded(value.encode() if isinstance(value, str) else value, A, IMPORTED)
    asked = view((name, raw), ("x-other", "stays"))
    findings = find(asked, KNOWN)
    assert choose(findings, "kh") == digest_of(IMPORTED)
    assert findings.strip.apply(asked.headers) == ((b"x-other", b"stays"),)


def _reworded(value: bytes, old: str, new: str) -> bytes:
    """The same showing of another key, within Basic too."""
    scheme, _, rest = value.partition(b" ")
    if scheme.strip().lower() != b"basic" and not value.lower().startswith(b"basic"):
        return value.replace(old.encode(), new.encode())
    rest = value[5:].strip().translate(bytes.maketrans(b"-_", b"+/"))
    pair = base64.b64decode(rest + b"=" * (-len(rest) % 4))
    return b"Basic " + base64.b64encode(pair.replace(old.encode(), new.encode()))


@pytest.mark.parametrize("kind", [STREAM, SOCKET])
@pytest.mark.parametrize("text", [IMPORTED, WITH_PLUS.replace("+", "%2B"), WITH_PLUS, WITH_COLON])
@pytest.mark.parametrize("name", ["api_key", "access_token", "api%5Fkey"])
def test_an_imported_secret_counts_in_the_query_where_ours_do(kind: Kind, text: str, name: str) -> None:
    findings = find(view(path=f"/?a=1&{name}={text}&b=2", kind=kind), KNOWN)
    assert choose(findings, "kh") == digest_of(text.replace("%2B", "+"))
    assert findings.strip.query == b"a=1&b=2"


def test_a_plus_in_the_query_of_another_string_changes_nothing() -> None:
    findings = find(view(path="/?api_key=a+b", kind=STREAM), KNOWN)
    assert ([shown.text for shown in findings.foreign], findings.strip) == (["a b"], NOTHING_TO_STRIP)


def test_in_the_query_of_another_request_it_is_stripped_and_does_not_count() -> None:
    findings = find(view(path=f"/?api_key={IMPORTED}&b=2"), KNOWN)
    chosen = choose(findings, "kh")
    assert isinstance(chosen, Deny)
    assert (chosen.reason, findings.strip.query) == (Reason.CREDENTIAL_MISSING, b"b=2")


def test_an_imported_secret_may_be_offered_as_subprotocol() -> None:
    offered = f"realtime, openai-insecure-api-key.{IMPORTED}"
    asked = view(("sec-websocket-protocol", offered), kind=SOCKET)
    findings = find(asked, KNOWN)
    assert choose(findings, "kh") == digest_of(IMPORTED)
    assert findings.strip.apply(asked.headers) == ((b"sec-websocket-protocol", b"realtime"),)


def test_one_with_a_colon_may_be_the_whole_of_basic() -> None:
    asked = view(("authorization", basic(WITH_COLON)))
    findings = find(asked, KNOWN)
    assert choose(findings, "kh") == digest_of(WITH_COLON)
    assert findings.strip.apply(asked.headers) == ()


def test_an_imported_secret_beside_another_key_of_ours_is_ambiguous() -> None:
    for other in (A, WITH_COLON):
        chosen = choose(
            find(view(("x-api-key", other), ("authorization", f"Bearer {IMPORTED}")), KNOWN), "kh"
        )
        assert isinstance(chosen, Deny)
        assert chosen.reason is Reason.CREDENTIAL_AMBIGUOUS
    assert choose(find(view(("x-api-key", IMPORTED), ("api-key", IMPORTED)), KNOWN), "kh") == digest_of(
        IMPORTED
    )


def test_amid_other_text_it_is_not_known_and_stays() -> None:
    asked = view(("cookie", f"k={IMPORTED}"), ("x-other", IMPORTED), path=f"/{IMPORTED}?q={IMPORTED}")
    findings = find(asked, KNOWN)
    assert (findings.ours, findings.strip, findings.in_path) == ((), NOTHING_TO_STRIP, False)


def test_what_was_not_imported_stays_foreign() -> None:
    findings = find(view(("x-api-key", IMPORTED + "x")), KNOWN)
    chosen = choose(findings, "kh")
    assert isinstance(chosen, Deny)
    assert (chosen.reason, findings.strip, findings.doubtful) == (
        Reason.CREDENTIAL_FOREIGN,
        NOTHING_TO_STRIP,
        False,
    )


@pytest.mark.parametrize(
    ("headers", "query", "doubtful"),
    [
        pytest.param([("x-api-key", IMPORTED)], "", True, id="header"),
        pytest.param([("authorization", basic(WITH_COLON))], "", True, id="basic"),
        pytest.param([], f"api_key={IMPORTED}", True, id="query"),
        pytest.param([("x-api-key", "sk-1234")], "", False, id="too-short-to-be-one"),
        pytest.param([("x-api-key", A)], "", False, id="ours"),
        pytest.param([("cookie", f"k={IMPORTED}")], "", False, id="another-place"),
        pytest.param([], "", False, id="nothing"),
    ],
)
def test_while_nobody_knows_what_was_imported_whatever_might_be_is_doubtful(
    headers: list[tuple[str, str]], query: str, doubtful: bool
) -> None:
    assert find(view(*headers, path=f"/?{query}"), Ours("kh", None)).doubtful is doubtful


@pytest.mark.parametrize("public", [True, False])
def test_and_what_is_doubtful_passes_nowhere(*, public: bool) -> None:
    doors = table(Route("door", "/**", "up", public=public))
    asked = view(("x-api-key", IMPORTED))
    assert admit(asked, doors, Ours("kh", None)) == Deny(Reason.STORE_UNAVAILABLE, route_id="door")


OF_TWO_PARTS = "q7ZbR2mX9tLw4:VnKc8DsPe"
OLD = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
HELD = Ours("kh", frozenset(map(digest_of, (OF_TWO_PARTS, OLD))))
DISGUISED: dict[str, tuple[str, str | bytes]] = {
    "user-with-a-colon": ("authorization", basic(f"{OF_TWO_PARTS}:")),
    "user-with-a-colon-and-a-password": ("authorization", basic(f"{OF_TWO_PARTS}:pw")),
    "user-and-password": ("authorization", basic(OF_TWO_PARTS)),
    "percent-encoded": ("authorization", b"Bearer " + OLD.replace("-", "%2D").encode()),
    "percent-encoded-elsewhere": ("x-api-key", OLD.replace("-", "%2D").encode()),
    "percent-encoded-user": ("authorization", basic(f"{OLD.replace('-', '%2D')}:")),
    "scheme-elsewhere": ("x-api-key", b"Token " + OLD.encode()),
    "scheme-and-quotes": ("api-key", b'ApiKey: "' + OLD.encode() + b'"'),
    "basic-elsewhere": ("xi-api-key", basic(f"x:{OLD}")),
    "basic-with-a-colon-elsewhere": ("x-goog-api-key", basic(f"{OF_TWO_PARTS}:")),
    "quoted-subprotocol": ("sec-websocket-protocol", b'"openai-insecure-api-key.' + OLD.encode() + b'"'),
    "capital-subprotocol": ("sec-websocket-protocol", b"OpenAI-Insecure-API-Key." + OLD.encode()),
}


@pytest.mark.parametrize("field", DISGUISED.values(), ids=DISGUISED)
def test_an_imported_secret_in_disguise_is_judged_and_goes_no_further(field: tuple[str, str | bytes]) -> None:
    asked = view(field, kind=SOCKET)
    findings = find(asked, HELD)
    assert choose(findings, "kh") in {digest_of(OF_TWO_PARTS), digest_of(OLD)}
    assert findings.strip.apply(asked.headers) == ()
    beside = choose(
        find(
            view(field, ("x-goog-api-key" if field[0] == "x-api-key" else "x-api-key", A), kind=SOCKET), HELD
        ),
        "kh",
    )
    assert isinstance(beside, Deny)
    assert beside.reason is Reason.CREDENTIAL_AMBIGUOUS
    assert find(asked, Ours("kh")).strip is NOTHING_TO_STRIP


def test_a_parameter_that_was_encoded_twice_is_an_imported_secret_too() -> None:
    asked = view(path="/v1?a=1&access_token=sk%252Dq7ZbR2mX9tLw4VnKc8DsPe", kind=SOCKET)
    findings = find(asked, HELD)
    assert choose(findings, "kh") == digest_of(OLD)
    assert findings.strip.query == b"a=1"
