"""Guarantees of gateway/core/cors.py: which pages are answered, and which by any of several routes."""

import pytest

from gateway.core.cors import ANY_ORIGIN, Cors, any_of

A, B = "https://a.example", "https://b.example"


@pytest.mark.parametrize(
    ("origin", "answered"),
    [
        (A, True),
        (B, False),
        ("null", False),
        (A + ".evil.example", False),
        ("http://a.example", False),
        ("", False),
    ],
)
def test_an_origin_is_answered_exactly_as_it_is_listed(origin: str, answered: bool) -> None:
    assert Cors(frozenset({A})).answers(origin) is answered


@pytest.mark.parametrize("origin", [A, "null", "app://obsidian.md"])
def test_where_any_origin_is_answered_all_are(origin: str) -> None:
    assert ANY_ORIGIN.answers(origin)


def test_of_several_each_answers_its_own() -> None:
    one, other = Cors(frozenset({A})), Cors(frozenset({B}))
    assert any_of([None, one, other]) == Cors(frozenset({A, B}))
    assert any_of([one, ANY_ORIGIN]) == Cors(frozenset({A}), any_origin=True)
    assert any_of([ANY_ORIGIN, None]) == ANY_ORIGIN
    assert any_of([None]) is None
