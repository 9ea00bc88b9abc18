"""Guarantees of gateway/logs/scrub.py: a credential in a known form goes, prose stays."""

import base64
import time
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.keys import ALPHABET, compose_secret, preview_of
from gateway.logs.scrub import BODY_CHARS_MIN, MASK, names_a_secret, scrubber
from tests.unit.logs.conftest import KEY

scrub = scrubber(["kh", "old1"])

KEYS = st.builds(
    lambda prefix, entropy: compose_secret(prefix, entropy).reveal(),
    st.sampled_from(["kh", "old1"]),
    st.binary(min_size=32, max_size=32),
)
AROUND = st.text(max_size=40) | st.text(st.sampled_from("kh_%25Aa0 =:/@'\""), max_size=20)


def percent(text: str, which: list[bool], rounds: int) -> str:
    """Some characters of the text percent-encoded, some rounds over."""
    encoded = "".join(f"%{ord(char):02X}" if here else char for char, here in zip(text, which, strict=False))
    encoded += text[len(which) :]
    for _ in range(rounds - 1):
        encoded = encoded.replace("%", "%25")
    return encoded


def plain(text: str) -> str:
    """The text with every layer of percent-encoding taken off."""
    while (once := unquote(text)) != text:
        text = once
    return text


# --- What must always hold


@given(KEYS, AROUND, AROUND)
def test_no_key_survives_in_any_text(key: str, before: str, after: str) -> None:
    assert key not in scrub(before + key + after)


@given(KEYS, AROUND, AROUND)
def test_not_even_half_a_key_survives(key: str, before: str, after: str) -> None:
    body = key.partition("_")[2]
    scrubbed = scrub(before + key + after)
    assert not any(body[start : start + 24] in scrubbed for start in range(len(body) - 23))


@given(KEYS, st.lists(st.booleans(), min_size=54, max_size=54), st.integers(1, 3), AROUND, AROUND)
def test_no_percent_encoded_key_survives(
    key: str, which: list[bool], rounds: int, before: str, after: str
) -> None:
    assume(key not in plain(before + after))
    assert key not in plain(scrub(before + percent(key, which, rounds) + after))


@given(KEYS, st.sampled_from(["Bearer ", "bearer  ", "BEARER ", "Bearer: ", "Bearer%20"]), AROUND)
def test_no_bearer_survives(key: str, scheme: str, after: str) -> None:
    assert key not in scrub(f"{scheme}{key}{after}")


@given(
    KEYS,
    st.text(st.sampled_from("ab:%é"), max_size=6),
    st.booleans(),
    st.sampled_from(["Basic ", "basic ", "Authorization: Basic ", "Basic%20"]),
)
def test_no_basic_credential_survives(key: str, other: str, first: bool, scheme: str) -> None:
    pair = f"{key}:{other}" if first else f"{other}:{key}"
    encoded = base64.b64encode(pair.encode()).decode()
    assert encoded.strip("=") not in scrub(f"headers: {scheme}{encoded}")


@given(st.text())
def test_it_never_raises_and_scrubbing_again_changes_nothing_for_keys(text: str) -> None:
    assert isinstance(scrub(scrub(text)), str)


WORDS = ("the", "key", "kh_", "was", "sent", "to", "/v1/models", "by", "caller", "7,", "status", "401")


@given(st.lists(st.sampled_from(WORDS), max_size=9))
def test_prose_stays(words: list[str]) -> None:
    assert scrub(" ".join(words)) == " ".join(words)


# --- By example


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        pytest.param(f"key {KEY}.", "key kh_****.", id="ours"),
        pytest.param(f"xx{KEY}yy", "xxkh_****", id="ours-within-a-word"),
        pytest.param(KEY.upper(), "kh_****", id="ours-in-another-case"),
        pytest.param(KEY[: 3 + BODY_CHARS_MIN], "kh_****", id="ours-cut-short"),
        pytest.param(f"/v1/{KEY.replace('_', '%5f')}/x", "/v1/kh_****/x", id="ours-encoded"),
        pytest.param("/a?b&kh_signature=aB-_9&b=1", "/a?b&kh_signature=****&b=1", id="signature"),
        pytest.param("%3Fkh_signature%3DaB-_9", "%3Fkh_signature%3D****", id="signature-encoded"),
        pytest.param("Authorization: Bearer abc.def.ghi", "Authorization: ****", id="bearer-header"),
        pytest.param("sent Bearer abcDEF123 there", "sent Bearer **** there", id="bearer-in-prose"),
        pytest.param("sent Basic dXNlcjpwYXNz there", "sent Basic **** there", id="basic-in-prose"),
        pytest.param(
            "{'Cookie': 'a=b; c=d', 'x': 'y'}", "{'Cookie': '****', 'x': 'y'}", id="cookie-in-a-dict"
        ),
        pytest.param("(b'authorization', b'abc def')", "(b'authorization', b'****')", id="pair-of-bytes"),
        pytest.param("X-API-Key: short\r\nHost: h", "X-API-Key: ****\r\nHost: h", id="key-header"),
        pytest.param("GET /x?access_token=a1&b=2", "GET /x?access_token=****&b=2", id="access-token"),
        pytest.param("GET /x?api_key=a1 HTTP", "GET /x?api_key=**** HTTP", id="api-key"),
        pytest.param("/x?token=a1;b", "/x?token=****;b", id="token"),
        pytest.param("api_key%3Da1", "api_key%3D****", id="encoded-equals"),
        pytest.param('{"client_secret":"s"}', '{"client_secret":"****"}', id="json"),
        pytest.param("password='hunter2'", "password='****'", id="password"),
        pytest.param(
            "realtime, openai-insecure-api-key.abc", "realtime, openai-insecure-api-key.****", id="ws"
        ),
        pytest.param("to http://u:p@h:1/x", "to http://****@h:1/x", id="url-user"),
        pytest.param("to http://u:p@q@h/x", "to http://****@h/x", id="url-user-with-at"),
        pytest.param("sk-proj-abcdefghijklmnop0123", "sk-****", id="openai"),
        pytest.param("sk_" + "0af1" * 8, "sk_****", id="elevenlabs"),
        pytest.param("ghp_abcdefghijkl0123", "ghp_****", id="github"),
        pytest.param("nvapi-abcdefghijkl0123", "nvapi-****", id="nvidia"),
        pytest.param("AIza" + "Sy_-" * 8, "AIza****", id="google"),
        pytest.param("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "eyJ****", id="jwt"),
    ],
)
def test_a_credential_is_blanked_and_what_stands_around_it_stays(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(preview_of_text, id=name)
        for name, preview_of_text in {
            "preview": preview_of(compose_secret("kh", bytes(range(32)))),
            "challenge": 'Bearer realm="Keyhatch", error="invalid_token"',
            "prose-about-schemes": "Basic authentication and Bearer tokens are understood",
            "prose-about-keys": "the key may stand in X-API-Key or in Authorization",
            "a-path": "/v1/task-management-and-more/risk-assessment",
            "a-url": "http://127.0.0.1:11434/api/tags",
            "a-uuid": "01234567-89ab-cdef-0123-456789abcdef",
            "a-digest": "0123456789abcdef" * 4,
            "a-mail-address": "someone@example.org",
            "a-parser": "unexpected token: } at line 3",
        }.items()
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert scrub(text) == text


def test_only_configured_prefixes_are_ours() -> None:
    assert scrubber(["acme"])(KEY) == KEY
    assert scrubber(["acme"])(KEY.replace("kh_", "acme_")) == f"acme_{MASK}"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("X-API-Key", True),
        ("set-cookie", True),
        ("access_token", True),
        ("key_id", False),
        ("route", False),
        ("", False),
    ],
)
def test_a_name_tells_whether_a_credential_stands_behind_it(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kh_" * 70_000, id="prefixes"),
        pytest.param(f"kh_{ALPHABET[:15]}-" * 10_000, id="almost-keys"),
        pytest.param("%" + "25" * 100_000, id="encoded-percents"),
        pytest.param("%6b%68%5f" * 22_000, id="encoded-prefixes"),
        pytest.param("Bearer " + "%20" * 66_000, id="blanks-behind-bearer"),
        pytest.param("Bearer " * 28_000, id="bearers"),
        pytest.param("api_key" + " " * 200_000, id="blanks-behind-a-name"),
        pytest.param("://" * 66_000, id="urls"),
        pytest.param("://" + "@" * 200_000, id="ats"),
        pytest.param("://" + "a@" * 100_000 + "/", id="users"),
        pytest.param("eyJ" * 66_000, id="tokens"),
        pytest.param("eyJ" + "a" * 200_000, id="one-long-token"),
        pytest.param("sk-" * 66_000, id="provider-prefixes"),
    ],
)
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.process_time()
    scrub(text)
    assert time.process_time() - began < 1.0


def test_a_quoted_key_in_a_query_is_found_by_either_rule() -> None:
    assert KEY not in scrub(f"/x?q={quote(quote(KEY))}&api_key={KEY}")
