"""Guarantees of gateway/core/amid.py: a key amid other text is found in any encoding that servers undo."""

from urllib.parse import quote

import pytest

from gateway.core.amid import decodings, keys_amid, mark_of
from tests.unit.core.samples import A, B


@pytest.mark.parametrize("rounds", range(3))
def test_keys_are_found_amid_anything_and_each_once(rounds: int) -> None:
    text = f"x{A}y-{B}.{A}".replace("_", "%5F")
    for _ in range(rounds):
        text = quote(text, safe="")
    assert set(keys_amid(text.encode(), "kh")) == {A, B}
    assert len(keys_amid(text.encode(), "kh")) == 2


def test_what_only_looks_like_one_or_has_another_prefix_is_none() -> None:
    assert keys_amid(f"{A[:-1]}x {A}".encode(), "acme") == []
    assert keys_amid(b"kh_" + b"a" * 49, "kh") == []
    assert mark_of("kh") == b"kh_"


def test_decoding_ends() -> None:
    assert list(decodings(b"a")) == [b"a"]
    assert list(decodings(b"%2541")) == [b"%2541", b"%41", b"A"]
    assert len(list(decodings(b"%25252525252525"))) == 4
