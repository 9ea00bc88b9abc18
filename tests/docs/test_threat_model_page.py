"""docs/threat-model.md: every floor has its threats by STRIDE, and each is held by tests that exist."""

import re
from typing import Final

import pytest

from tests.arch.sources import ROOT
from tests.docs.documents import document
from tests.docs.named_tests import lost, named_tests

PAGE: Final = document("docs/threat-model.md")
LETTERS: Final = "STRIDE"
NOT_ROOMS: Final = {"demo", "presets"}  # a server to try things on, and data that config reads
BESIDE: Final = {"console", "deploy"}  # no rooms of their own in gateway/
ROOMS: Final = {path.name for path in (ROOT / "gateway").iterdir() if (path / "__init__.py").exists()}
FLOORS: Final = re.findall(r"^## (\w+)$", PAGE.text, re.MULTILINE)

_ROW: Final = re.compile(r"^\| ([STRIDE]) \| (.*) \|$", re.MULTILINE)


def rows(floor: str) -> list[tuple[str, list[str]]]:
    """The threats of a floor: the letter, then threat, mitigation, tests and what is left."""
    found = _ROW.findall(PAGE.section(f"## {floor}"))
    return [(letter, [cell.strip() for cell in rest.split("|")]) for letter, rest in found]


def test_every_room_of_the_house_is_looked_at() -> None:
    assert set(FLOORS) == ROOMS - NOT_ROOMS | BESIDE


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_has_a_row_for_every_letter_and_in_order(floor: str) -> None:
    letters = [letter for letter, _ in rows(floor)]
    assert set(letters) == set(LETTERS)
    assert letters == sorted(letters, key=LETTERS.index)
    assert all(len(cells) == 4 for _, cells in rows(floor)), "threat, what stops it, held by, what is left"


@pytest.mark.parametrize("floor", FLOORS)
def test_a_threat_is_held_by_tests_that_exist(floor: str) -> None:
    for letter, (threat, stopped_by, held_by, _) in rows(floor):
        assert all((threat, stopped_by)), letter
        named = named_tests(held_by)
        assert (named == []) == (threat == "none"), threat
        assert lost(named) == []


def test_no_letter_is_dismissed_lightly() -> None:
    """At most one row in seven says that there is no such threat."""
    threats = [cells[0] for floor in FLOORS for _, cells in rows(floor)]
    assert threats.count("none") * 7 <= len(threats)
