"""Guarantees of gateway/core/keys.py: a typo is told from an unknown key, and a secret never shows itself."""

import copy
import hashlib
import json
import pickle
import re
import zlib
from typing import Any

import pytest

from gateway.core.keys import (
    ALPHABET,
    BODY_CHARS,
    CHECKSUM_CHARS,
    EXPIRING_WINDOW_S,
    PREFIX_PATTERN,
    Secret,
    Shape,
    Status,
    checksum,
    compose_secret,
    digest_of,
    encode_base62,
    preview_of,
    secret_length,
    shape_of,
)
from tests.unit.core.samples import NOW, A, B, record, secret

# The key that the bytes 0, 1 … 31 make, for good: a change of the layout would orphan every key in use.
KNOWN_SECRET = "kh_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP"

DAY = 86_400.0


def number_of(text: str) -> int:
    """What a base62 text is worth, read digit by digit."""
    value = 0
    for char in text:
        value = value * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(char)
    return value


# --- The text of a key --------------------------------------------------------------------------------


def test_the_layout_of_a_secret_is_as_documented() -> None:
    text = compose_secret("kh", bytes(range(32))).reveal()
    assert text == KNOWN_SECRET
    assert re.fullmatch(r"kh_[0-9A-Za-z]{49}", text)
    body, check = text[3:46], text[46:]
    assert number_of(body) == int.from_bytes(bytes(range(32)), "big")
    assert number_of(check) == zlib.crc32(body.encode("ascii"))


@pytest.mark.parametrize("entropy", [bytes(32), b"\xff" * 32, bytes(31) + b"\x01", b"\x80" + bytes(31)])
def test_the_extremes_of_randomness_give_whole_keys(entropy: bytes) -> None:
    text = compose_secret("kh", entropy).reveal()
    assert len(text) == secret_length("kh") == 52
    assert shape_of(text, "kh") is Shape.WELL_FORMED
    assert number_of(text[3:46]).to_bytes(32, "big") == entropy


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_only_32_random_bytes_make_a_secret(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        compose_secret("kh", bytes(size))


def test_a_secret_fits_a_bearer_token() -> None:
    assert re.fullmatch(r"[A-Za-z0-9\-._~+/]+=*", A)  # b64token, RFC 6750 §2.1


@pytest.mark.parametrize(
    ("number", "width", "text"),
    [(0, 1, "0"), (0, 3, "000"), (61, 1, "z"), (62, 2, "10"), (62**3 - 1, 3, "zzz"), (0, 0, "")],
)
def test_base62_is_big_endian_and_padded(number: int, width: int, text: str) -> None:
    assert encode_base62(number, width) == text


@pytest.mark.parametrize(("number", "width"), [(62, 1), (62**3, 3), (1, 0)])
def test_a_number_that_does_not_fit_is_an_error_not_a_shorter_key(number: int, width: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_base62(number, width)


def test_the_widths_are_just_enough() -> None:
    assert 62 ** (BODY_CHARS - 1) < 2**256 <= 62**BODY_CHARS
    assert 62 ** (CHECKSUM_CHARS - 1) < 2**32 <= 62**CHECKSUM_CHARS


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        pytest.param(A, Shape.WELL_FORMED, id="whole"),
        pytest.param("", Shape.NOT_OURS, id="empty"),
        pytest.param("kh", Shape.NOT_OURS, id="prefix-without-underscore"),
        pytest.param("sk-proj-abc", Shape.NOT_OURS, id="another-kind"),
        pytest.param(" " + A, Shape.NOT_OURS, id="blank-before"),
        pytest.param(A.upper(), Shape.NOT_OURS, id="prefix-in-capitals"),
        pytest.param(A.replace("kh_", "khh_"), Shape.NOT_OURS, id="longer-prefix"),
        pytest.param("kh_", Shape.WRONG_LENGTH, id="nothing-after-the-prefix"),
        pytest.param(A[:-1], Shape.WRONG_LENGTH, id="one-short"),
        pytest.param(A[:20], Shape.WRONG_LENGTH, id="half-copied"),
        pytest.param(A + "0", Shape.WRONG_LENGTH, id="one-long"),
        pytest.param(A + A[3:], Shape.WRONG_LENGTH, id="pasted-twice"),
        pytest.param(A[:-1] + "-", Shape.WRONG_CHARACTERS, id="dash"),
        pytest.param(A[:20] + " " + A[21:], Shape.WRONG_CHARACTERS, id="blank-inside"),
        pytest.param(A[:20] + "\n" + A[20:], Shape.WRONG_CHARACTERS, id="broken-line"),
        pytest.param(A[:20] + "…", Shape.WRONG_CHARACTERS, id="ellipsis"),
        pytest.param(A[:20] + "\u0430" + A[21:], Shape.WRONG_CHARACTERS, id="cyrillic-a"),
        pytest.param(A[:20] + "\u0661" + A[21:], Shape.WRONG_CHARACTERS, id="arabic-digit"),
        pytest.param(A[:20] + "\udcff" + A[21:], Shape.WRONG_CHARACTERS, id="not-utf-8"),
        pytest.param(A[:20] + "\0" + A[21:], Shape.WRONG_CHARACTERS, id="nul"),
        pytest.param(A[:3] + A[3:].swapcase(), Shape.WRONG_CHECKSUM, id="case-swapped"),
        pytest.param("kh_" + "0" * 49, Shape.WRONG_CHECKSUM, id="zeros"),
        pytest.param(A[:46] + B[46:], Shape.WRONG_CHECKSUM, id="another-keys-checksum"),
    ],
)
def test_the_grammar_names_what_is_wrong(text: str, shape: Shape) -> None:
    assert shape_of(text, "kh") is shape


def test_another_prefix_is_another_gateways_key() -> None:
    assert shape_of(secret(1, "acme"), "acme") is Shape.WELL_FORMED
    assert shape_of(secret(1, "acme"), "kh") is Shape.NOT_OURS
    assert shape_of(secret(1, "kh"), "acme") is Shape.NOT_OURS


def test_every_typed_character_is_checked() -> None:
    wrong = [A[:at] + char + A[at + 1 :] for at in range(3, len(A)) for char in ALPHABET if char != A[at]]
    assert {shape_of(text, "kh") for text in wrong} == {Shape.WRONG_CHECKSUM}


@pytest.mark.parametrize(
    ("prefix", "fits"),
    [
        ("kh", True),
        ("k", True),
        ("acme2", True),
        ("a" * 16, True),
        ("a" * 17, False),
        ("", False),
        ("2kh", False),
        ("KH", False),
        ("k_h", False),
        ("k-h", False),
        ("kh\n", False),
        ("k\u00e9", False),
    ],
)
def test_a_prefix_is_a_short_lower_case_word(prefix: str, fits: bool) -> None:
    assert (PREFIX_PATTERN.fullmatch(prefix) is not None) is fits


# --- Digest, preview, wrapper -------------------------------------------------------------------------


def test_the_digest_is_sha256_of_the_whole_text() -> None:
    assert digest_of(A) == hashlib.sha256(A.encode("ascii")).digest()
    assert len({digest_of(A), digest_of(B), digest_of(A[3:]), digest_of(secret(1, "acme"))}) == 4


def test_bytes_that_are_not_utf_8_have_a_digest_too() -> None:
    assert digest_of("kh_\udcff") == hashlib.sha256(b"kh_\xff").digest()


def test_a_checksum_is_six_characters_even_when_it_is_small() -> None:
    assert checksum("") == "000000"
    assert len(checksum("a" * BODY_CHARS)) == CHECKSUM_CHARS


@pytest.mark.parametrize("prefix", ["kh", "acme", "k"])
def test_a_preview_shows_eight_characters_and_the_prefix(prefix: str) -> None:
    text = secret(1, prefix)
    preview = preview_of(Secret(text))
    assert preview == f"{text[: len(prefix) + 5]}…{text[-4:]}"
    assert len(preview) == len(prefix) + 1 + 4 + 1 + 4


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r}".format, "{0!s:>60}".format, "%s".__mod__, lambda it: repr([it, {1: it}])],
    ids=["repr", "str", "format", "format-r", "padded", "percent", "nested"],
)
def test_a_secret_is_masked_however_it_is_shown(show: Any) -> None:
    shown = show(Secret(A))
    assert "****" in shown
    assert A[3:] not in shown
    assert A[-4:] not in shown


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_secret_is_never_serialised(write: Any) -> None:
    with pytest.raises(TypeError):
        write(Secret(A))


def test_a_record_shows_no_digest() -> None:
    shown = repr(record(A, previous_digest=digest_of(B)))
    assert "key_1" in shown
    assert repr(digest_of(A)) not in shown
    assert repr(digest_of(B)) not in shown


# --- Status -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        pytest.param({}, Status.ACTIVE, id="never-ends"),
        pytest.param({"expires_at": NOW + EXPIRING_WINDOW_S + 0.001}, Status.ACTIVE, id="over-14-days-left"),
        pytest.param({"expires_at": NOW + EXPIRING_WINDOW_S}, Status.EXPIRING, id="14-days-left"),
        pytest.param({"expires_at": NOW + 0.001}, Status.EXPIRING, id="a-millisecond-left"),
        pytest.param({"expires_at": NOW}, Status.EXPIRED, id="the-very-moment"),
        pytest.param({"expires_at": NOW - DAY}, Status.EXPIRED, id="yesterday"),
        pytest.param({"expires_at": 0.0}, Status.EXPIRED, id="1970"),
        pytest.param({"disabled_at": NOW}, Status.DISABLED, id="switched-off"),
        pytest.param({"disabled_at": NOW + DAY}, Status.DISABLED, id="switched-off-by-a-clock-ahead"),
        pytest.param({"disabled_at": 0.0}, Status.DISABLED, id="switched-off-in-1970"),
        pytest.param({"disabled_at": NOW, "expires_at": NOW + 1}, Status.DISABLED, id="off-and-expiring"),
        pytest.param({"disabled_at": NOW, "expires_at": NOW}, Status.EXPIRED, id="off-and-expired"),
        pytest.param({"revoked_at": NOW}, Status.REVOKED, id="revoked"),
        pytest.param({"revoked_at": NOW + DAY}, Status.REVOKED, id="revoked-by-a-clock-ahead"),
        pytest.param({"revoked_at": 0.0}, Status.REVOKED, id="revoked-in-1970"),
        pytest.param(
            {"revoked_at": NOW, "disabled_at": NOW, "expires_at": NOW - 1}, Status.REVOKED, id="all-at-once"
        ),
        pytest.param({"rotated_at": NOW}, Status.ACTIVE, id="rotated"),
    ],
)
def test_a_status_is_exact_at_its_boundaries(facts: dict[str, float], status: Status) -> None:
    assert record(**facts).status(NOW) is status


def test_time_never_revives_a_key() -> None:
    key = record(expires_at=NOW)
    order = [Status.ACTIVE, Status.EXPIRING, Status.EXPIRED]
    seen = [key.status(NOW + days * DAY) for days in range(-30, 30)]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)


@pytest.mark.parametrize(
    ("facts", "used", "unused"),
    [
        pytest.param({}, False, True, id="never"),
        pytest.param({"last_used_at": NOW - 0.001}, False, True, id="before"),
        pytest.param({"last_used_at": NOW}, True, False, id="at-the-very-moment"),
        pytest.param({"last_used_at": NOW + DAY}, True, False, id="after"),
        pytest.param({"last_used_at": 0.0}, False, True, id="in-1970"),
        pytest.param({"created_at": NOW}, False, True, id="made-at-the-very-moment"),
        pytest.param({"created_at": NOW + 0.001}, False, False, id="made-after"),
        pytest.param({"created_at": NOW + 1, "last_used_at": NOW + 2}, True, False, id="made-and-used-after"),
    ],
)
def test_used_and_unused_since_are_exact_at_their_boundaries(
    facts: dict[str, float], *, used: bool, unused: bool
) -> None:
    key = record(**{"created_at": NOW - DAY, **facts})
    assert (key.was_used_since(NOW), key.is_unused_since(NOW)) == (used, unused)
