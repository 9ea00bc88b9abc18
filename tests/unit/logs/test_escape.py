"""Guarantees of gateway/logs/escape.py: one text is one line, and it commands no terminal."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs.escape import escape, shorten


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert escape(text).isprintable()


@given(st.text())
def test_printable_text_stays_and_an_escape_can_be_read_back(text: str) -> None:
    quoted = escape(text.replace("\\", "").replace('"', ""))
    assert ast.literal_eval(f'"{quoted}"') == text.replace("\\", "").replace('"', "")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202egpj.exe\u2028", r"\u202egpj.exe\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("Büro 東京 🔑", "Büro 東京 🔑"),
    ],
    ids=["lines", "terminal", "c1", "direction", "surrogate", "tag", "languages"],
)
def test_what_commands_is_escaped_and_what_speaks_stays(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(("text", "short"), [("abcd", "abcd"), ("abcde", "abc…"), ("", "")])
def test_a_text_is_cut_to_its_length_with_a_mark(text: str, short: str) -> None:
    assert shorten(text, 4) == short
