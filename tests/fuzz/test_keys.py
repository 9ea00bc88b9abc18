"""Properties of a key's text and of its life.

1. Every 32 bytes make a well-formed key, from which they can be read again; no two make the same one.
2. The checksum catches every change of one character and every swap of two neighbours.
3. A preview shows eight characters and no more.
4. No text makes the judges of a text raise.
5. Time alone never revives a key, and revoking, disabling or an earlier end never helps one.
"""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.core.keys import (
    ALPHABET,
    ApiKey,
    Secret,
    Shape,
    Status,
    compose_secret,
    digest_of,
    preview_of,
    secret_length,
    shape_of,
)

MANY = settings(max_examples=max(150, settings().max_examples))

entropies = st.binary(min_size=32, max_size=32)
prefixes = st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)
secrets = entropies.map(lambda entropy: compose_secret("kh", entropy).reveal())
moments = st.floats(0, 4e9)
maybe = st.none() | moments
DEAD = {Status.REVOKED, Status.EXPIRED, Status.DISABLED}


def key(expires_at: float | None, disabled_at: float | None, revoked_at: float | None) -> ApiKey:
    return ApiKey(
        id="key_1",
        name="",
        preview="",
        digest=bytes(32),
        scopes=frozenset(),
        created_at=0.0,
        expires_at=expires_at,
        disabled_at=disabled_at,
        revoked_at=revoked_at,
    )


@given(prefixes, entropies)
def test_what_went_into_a_key_can_be_read_again(prefix: str, entropy: bytes) -> None:
    text = compose_secret(prefix, entropy).reveal()
    assert shape_of(text, prefix) is Shape.WELL_FORMED
    assert len(text) == secret_length(prefix)
    value = 0
    for char in text[len(prefix) + 1 : -6]:
        value = value * 62 + ALPHABET.index(char)
    assert value.to_bytes(32, "big") == entropy


@given(st.sets(entropies, min_size=2, max_size=5))
def test_no_two_keys_are_the_same(entropy: set[bytes]) -> None:
    texts = {compose_secret("kh", each).reveal() for each in entropy}
    assert len(texts) == len({digest_of(text) for text in texts}) == len(entropy)


@MANY
@given(secrets, st.integers(3, 51), st.sampled_from(ALPHABET))
def test_the_checksum_catches_every_changed_character(text: str, at: int, char: str) -> None:
    assume(text[at] != char)
    assert shape_of(text[:at] + char + text[at + 1 :], "kh") is Shape.WRONG_CHECKSUM


@MANY
@given(secrets, st.integers(3, 50))
def test_the_checksum_catches_every_swap_of_neighbours(text: str, at: int) -> None:
    assume(text[at] != text[at + 1])
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    assert shape_of(swapped, "kh") is Shape.WRONG_CHECKSUM


@given(secrets, st.data())
def test_a_truncated_or_lengthened_key_has_the_wrong_length(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(3, len(text) - 1))
    assert shape_of(text[:cut], "kh") is Shape.WRONG_LENGTH
    assert shape_of(text + data.draw(st.text(ALPHABET, min_size=1)), "kh") is Shape.WRONG_LENGTH


@given(prefixes, entropies)
def test_a_preview_shows_eight_characters(prefix: str, entropy: bytes) -> None:
    secret = compose_secret(prefix, entropy)
    text, preview = secret.reveal(), preview_of(secret)
    head, tail = preview.split("…")
    assert (text.startswith(head), text.endswith(tail)) == (True, True)
    assert len(head) + len(tail) == len(prefix) + 1 + 8


@MANY
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_no_text_makes_the_judges_raise(text: str) -> None:
    assert shape_of(text, "kh") in Shape
    assert shape_of("kh_" + text, "kh") is not Shape.NOT_OURS
    assert "****" in repr(Secret(text))


@given(st.binary(max_size=60))
def test_no_bytes_make_the_digest_raise(raw: bytes) -> None:
    assert len(digest_of(raw.decode("utf-8", "surrogateescape"))) == 32


@MANY
@given(maybe, maybe, maybe, moments, moments)
def test_time_alone_never_revives_a_key(
    expires_at: float | None, disabled_at: float | None, revoked_at: float | None, one: float, other: float
) -> None:
    it = key(expires_at, disabled_at, revoked_at)
    earlier, later = sorted((one, other))
    if it.status(earlier) in DEAD:
        assert it.status(later) in DEAD


@MANY
@given(maybe, maybe, maybe, moments, moments)
def test_nothing_done_to_a_key_but_undoing_makes_it_live_longer(
    expires_at: float | None, disabled_at: float | None, revoked_at: float | None, at: float, now: float
) -> None:
    it = key(expires_at, disabled_at, revoked_at)
    ends = [replace(it, revoked_at=at), replace(it, disabled_at=at)]
    ends.append(replace(it, expires_at=at if expires_at is None else min(at, expires_at)))
    if it.status(now) in DEAD:
        assert all(ended.status(now) in DEAD for ended in ends)
    assert replace(it, revoked_at=at).status(now) is Status.REVOKED
