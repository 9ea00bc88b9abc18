"""Guarantees of gateway/cli/table.py: columns stand under each other, no cell commands a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.table import CELL_WIDTH_MIN, GAP, aligned, cells, clean, separated

TABLES = st.integers(1, 5).flatmap(
    lambda columns: st.lists(st.lists(st.text(), min_size=columns, max_size=columns), min_size=1)
)


@given(st.text())
def test_a_cell_never_holds_what_a_terminal_obeys_or_a_line_ends_with(text: str) -> None:
    assert not {unicodedata.category(char) for char in clean(text)} & {"Cc", "Cf", "Cs"}
    assert len(clean(text).splitlines()) <= 1


@given(TABLES)
def test_separated_rows_split_into_the_cells_they_were_made_of(rows: list[list[str]]) -> None:
    assert [line.split("\t") for line in separated(rows)] == [[clean(cell) for cell in row] for row in rows]


@given(TABLES, st.integers(10, 200))
def test_a_line_is_as_wide_as_the_terminal_at_most_unless_every_column_is_at_its_least(
    rows: list[list[str]], width: int
) -> None:
    least = len(rows[0]) * CELL_WIDTH_MIN + len(GAP) * (len(rows[0]) - 1)
    assert all(cells(line) <= max(width, least) for line in aligned(rows, width, {}))


def test_columns_stand_under_each_other_whatever_the_script() -> None:
    rows = [["name", "status"], ["日本語", "active"], ["cafe\u0301", "off"]]
    assert aligned(rows, 80, {}) == ["name    status", "日本語  active", "cafe\u0301    off"]


def test_the_widest_column_is_cut_first_and_shows_it() -> None:
    rows = [["a" * 30, "short", "b" * 10]]
    assert aligned(rows, 40, {}) == ["a" * 20 + "…  short  " + "b" * 10]


@given(TABLES, st.integers(10, 60), st.sets(st.integers(0, 4)))
def test_a_whole_column_is_never_cut(rows: list[list[str]], width: int, whole: set[int]) -> None:
    lines = aligned(rows, width, {}, frozenset(whole))
    for line, row in zip(lines, rows, strict=True):
        assert all(clean(cell).rstrip() in line for column, cell in enumerate(row) if column in whole)


def test_what_may_be_cut_makes_room_for_what_may_not() -> None:
    rows = [["a" * 30, "b" * 30]]
    assert aligned(rows, 50, {}, frozenset({1})) == ["a" * 17 + "…  " + "b" * 30]


def test_a_cut_in_the_middle_of_a_wide_character_stays_within_its_column() -> None:
    (line,) = aligned([["日" * 10, "x"]], 13, {})
    assert line == "日日日日…   x"


def test_a_column_is_painted_after_it_was_padded_so_that_colour_takes_no_room() -> None:
    rows = [["one", "x"], ["three", "y"]]
    assert aligned(rows, 80, {0: lambda text: f"<{text}>"}) == ["<one  >  x", "<three>  y"]


def test_no_line_ends_in_blanks() -> None:
    assert aligned([["a", ""], ["b", "c"]], 80, {}) == ["a", "b  c"]
