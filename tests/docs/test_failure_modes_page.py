"""docs/failure-modes.md promises nothing that no test holds, and forgets no test of tests/faults."""

import re

import pytest

from tests.arch.sources import ROOT, functions, modules
from tests.docs.documents import document

PAGE = "docs/failure-modes.md"
_ROW = re.compile(r"^\| (?!fault |---)(.+) \|$", re.MULTILINE)
_HELD_BY = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<test>test_\w+)`")

ROWS = _ROW.findall(document(PAGE).text)


def names_in(path: str) -> set[str]:
    nodes = functions(path) if (ROOT / path).exists() else []
    return {node.name for node in nodes}


@pytest.mark.parametrize("row", ROWS, ids=[row.partition(" | ")[0] for row in ROWS])
def test_every_row_is_held_by_tests_that_exist(row: str) -> None:
    assert row.count(" | ") == 4, "fault, callers, operator, kept, held by"
    named = [(match["file"], match["test"]) for match in _HELD_BY.finditer(row.rpartition(" | ")[2])]
    assert named, "no test holds it"
    assert [f"{path}::{test}" for path, test in named if test not in names_in(path)] == []


@pytest.mark.parametrize("path", [path for path in modules("tests/faults") if "/test_" in path])
def test_every_file_of_faults_has_a_row(path: str) -> None:
    assert path in document(PAGE).text
