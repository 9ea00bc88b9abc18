"""docs/operations.md: its figures are measured ones, and its drills are those that were promised.

Its commands are run against a real gateway by `tests/docs/test_commands.py`, as those of every page are.
"""

import re
from typing import Final

import pytest

from tests.docs.documents import RUN, document

PAGE: Final = document("docs/operations.md")
RESULTS: Final = document("bench/RESULTS.md")

# What is told, the section of the results, and which column of the row of the lean plane it is.
FIGURES: Final = {
    "small requests a second": ("Small request", -2),
    "the same, another query each time": ("Small request, never the same", -2),
    "the same with an access log": ("Small request with an access log", -2),
    "refusals a second": ("Refused request", -2),
    "microseconds of CPU for an event of a stream": ("Server-sent events", 2),
    "MiB at rest": ("Memory, idle", -1),
    "KiB for an idle connection": ("Memory of an idle connection", -1),
}


@pytest.mark.parametrize("what", FIGURES)
def test_a_figure_is_the_measured_one(what: str) -> None:
    section, column = FIGURES[what]
    told = re.search(rf"^\| {re.escape(what)} \| (.+) \|$", PAGE.text, re.MULTILINE)
    assert told is not None
    assert told[1] == cells(section, "Keyhatch (lean plane)")[column]


def test_what_a_million_keys_take_is_measured_too() -> None:
    assert f"{cells('Memory, idle', 'Keyhatch (lean plane, 1,000,000 keys)')[-1]} MiB" in PAGE.text


@pytest.mark.parametrize(
    "drill", ["Backup", "Upgrade", "Rotation", "Leaked key", "Lost admin", "Another machine"]
)
def test_each_drill_is_there_and_run(drill: str) -> None:
    assert any(heading.startswith(drill) for heading in PAGE.headings())
    assert PAGE.path in RUN


def cells(section: str, peer: str) -> list[str]:
    """The row of a peer in a table of the results."""
    row = re.search(rf"^\| {re.escape(peer)} \| (.+) \|$", RESULTS.section(f"## {section}"), re.MULTILINE)
    assert row is not None
    return [cell.strip() for cell in row[1].split(" | ")]
