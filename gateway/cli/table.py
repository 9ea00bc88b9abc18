"""Tables of text: aligned for a terminal, tab-separated for everything else. Pure.

Names and notes were typed by people and land on other people's terminals, so control characters never get
out: an escape sequence in a key's name is shown, not obeyed.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

GAP: Final = "  "
CELL_WIDTH_MIN: Final = 8
_WIDE: Final = frozenset("WF")

Paint = Callable[[str], str]
"""Colours a cell that is already padded."""


def clean(text: str) -> str:
    """The text on one line, without control, format and surrogate characters."""
    shown = ("�" if unicodedata.category(char) in {"Cc", "Cf", "Cs"} else char for char in text)
    return "".join(shown)


def separated(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line per row, cells divided by a tab."""
    return ["\t".join(map(clean, row)) for row in rows]


def aligned(
    rows: Sequence[Sequence[str]],
    width: int,
    paints: Mapping[int, Paint],
    whole: frozenset[int] = frozenset(),
) -> list[str]:
    """One line per row, cells under each other. Where it is too wide, the widest columns are cut with `…`.

    The columns in `whole` are never cut: half an id names nothing. If need be the terminal wraps the line.
    """
    table = [[clean(cell) for cell in row] for row in rows]
    widths = _fitted([max(map(cells, column)) for column in zip(*table, strict=True)], width, whole)
    return [
        GAP.join(
            paints.get(column, str)(_fill(cell, wide))
            for column, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def _fitted(widths: list[int], width: int, whole: frozenset[int]) -> list[int]:
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    giving = [column for column in range(len(widths)) if column not in whole]
    while excess > 0 and giving:
        widest = max(giving, key=widths.__getitem__)
        if widths[widest] <= CELL_WIDTH_MIN:
            break  # a terminal this narrow wraps
        widths[widest] -= 1
        excess -= 1
    return widths


def _fill(text: str, wide: int) -> str:
    if cells(text) > wide:
        while cells(text) > wide - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (wide - cells(text))
