"""Guarantees of gateway/core/ours.py: an imported secret is known by its digest, and by nothing else."""

import pytest

from gateway.core.keys import digest_of
from gateway.core.ours import IMPORTED_CHARS_MAX, IMPORTED_CHARS_MIN, Ours, could_be_imported

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
