"""Guarantees of docs/glossary.md: each word stands there once, and where one looks for it."""

import re

from tests.docs.documents import document

WORDS = re.findall(r"^\| \*\*(.+?)\*\* \|", document("docs/glossary.md").text, re.MULTILINE)


def test_words_stand_in_the_order_of_the_alphabet_and_once() -> None:
    assert len(WORDS) > 20
    assert sorted(set(WORDS)) == WORDS


def test_a_word_that_is_referred_to_is_there() -> None:
    referred = re.findall(r"See \*(.+?)\*", document("docs/glossary.md").text)
    assert [word for word in referred if word not in WORDS] == []
