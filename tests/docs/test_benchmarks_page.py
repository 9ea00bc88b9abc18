"""docs/benchmarks.md and every ratio that a page tells are what bench/RESULTS.md says."""

import re
from typing import Final

import pytest

from tests.docs.bench_tables import MARK, PAGE, PEERS, RESULTS, WORK, bars, page, ratios_of
from tests.docs.documents import PATHS, document

RATIO: Final = re.compile(r"\b(\d+\.\d+) ×")
TELL_RATIOS: Final = [
    path for path in PATHS if path != "bench/RESULTS.md" and RATIO.search(document(path).text)
]


def test_the_tables_are_up_to_date() -> None:
    assert MARK in PAGE.read_text("utf-8")
    assert PAGE.read_text("utf-8") == page(), "renew them: python -m tests.docs.bench_tables"


def test_every_peer_and_every_bar_is_told_the_missed_ones_too() -> None:
    assert all(len(ratios_of(work)) >= len(PEERS) - 1 for work in WORK)
    assert sum("**missed**" in row for row in bars()) == RESULTS.section("## The bars").count("**missed**")
    assert len(bars()) > 20


@pytest.mark.parametrize("path", TELL_RATIOS)
def test_a_ratio_that_a_page_tells_was_measured(path: str) -> None:
    measured = set(RATIO.findall(RESULTS.text))
    assert [ratio for ratio in RATIO.findall(document(path).text) if ratio not in measured] == []
