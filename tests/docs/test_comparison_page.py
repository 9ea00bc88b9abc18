"""docs/comparison.md says nothing of another product without a source, and nothing of ours that is untrue."""

import re
from typing import Final

from tests.docs.documents import document

PAGE: Final = document("docs/comparison.md")
RESULTS: Final = document("bench/RESULTS.md").text

_STATEMENT: Final = re.compile(r"^- \*\*(?P<who>[^*]+)\*\*: (?P<says>.+)$", re.MULTILINE)
_CHOICE: Final = re.compile(r"^\| (?!you need|---)([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_LINK: Final = re.compile(r"\]\((?P<to>[^)]+)\)")
_NEED: Final = re.compile(r"^### (.+)$", re.MULTILINE)
_MEASURED: Final = re.compile(r"\b(\d+\.\d+)(?= MiB| ms|, | and )")


def statements() -> list[tuple[str, str]]:
    """Who a statement is about, and what it says."""
    return [(match["who"], match["says"]) for match in _STATEMENT.finditer(PAGE.text)]


def test_every_statement_about_others_has_its_source() -> None:
    bare = [who for who, says in statements() if who != "Keyhatch" and not _sources(says)]
    assert bare == []


def test_every_statement_about_keyhatch_leads_to_where_it_is_explained() -> None:
    ours = [says for who, says in statements() if who == "Keyhatch"]
    assert len(ours) == len(_NEED.findall(PAGE.text)), "each need is met, or said not to be"
    assert [says for says in ours if not _LINK.search(says)] == []


def test_every_choice_has_its_source() -> None:
    choices = _CHOICE.findall(PAGE.section("## When to choose which"))
    assert len(choices) > 5
    assert [need for need, _, because in choices if not _LINK.search(because)] == []


def test_others_are_often_the_better_choice_and_that_is_said() -> None:
    choices = _CHOICE.findall(PAGE.section("## When to choose which"))
    assert sum("Keyhatch" not in take for _, take, _ in choices) > len(choices) / 2


def test_figures_are_those_that_were_measured() -> None:
    measured = [says for _, says in statements() if "bench/RESULTS.md" in says]
    told = [figure for says in measured for figure in _MEASURED.findall(says)]
    assert told
    assert [figure for figure in told if not re.search(rf"\b{re.escape(figure)}\b", RESULTS)] == []


def _sources(says: str) -> list[str]:
    """Where a statement can be looked up: elsewhere, or in our own measurements."""
    return [to for to in _LINK.findall(says) if to.startswith(("https://", "../bench/RESULTS.md"))]
