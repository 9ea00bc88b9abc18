"""docs/failure-modes.md promises nothing that no test holds, and forgets no test of tests/faults."""

import re

import pytest

from tests.arch.sources import modules
from tests.docs.documents import document
from tests.docs.named_tests import lost, named_tests

PAGE = "docs/failure-modes.md"
_ROW = re.compile(r"^\| (?!fault |---)(.+) \|$", re.MULTILINE)

ROWS = _ROW.findall(document(PAGE).text)


@pytest.mark.parametrize("row", ROWS, ids=[row.partition(" | ")[0] for row in ROWS])
def test_every_row_is_held_by_tests_that_exist(row: str) -> None:
    assert row.count(" | ") == 4, "fault, callers, operator, kept, held by"
    named = named_tests(row.rpartition(" | ")[2])
    assert named, "no test holds it"
    assert lost(named) == []


@pytest.mark.parametrize("path", [path for path in modules("tests/faults") if "/test_" in path])
def test_every_file_of_faults_has_a_row(path: str) -> None:
    assert path in document(PAGE).text
