"""Guarantees of README.md: what it says of costs was measured, what it counts is right, and it is short."""

import re

import pytest

from tests.docs.bench_tables import RESULTS, bars, ratios_of
from tests.docs.documents import document
from tests.docs.preset_tables import NAMES

PAGE = document("README.md")
PROSE = " ".join(PAGE.text.split())
OURS = "Keyhatch (lean plane)"
LINES_MAX = 160

MEASURED = {
    "small request, key and scopes checked": ["small request"],
    "the same, another query each time": ["small request, never the same"],
    "the same with an access log in JSON": ["small request with an access log"],
    "event of a stream": ["server-sent events"],
    "10 MiB down / up": ["download", "upload"],
}


def beside(work: str) -> tuple[str, str]:
    """What a piece of work costs beside nginx and beside Envoy."""
    found = re.search(
        rf"^- {re.escape(OURS)}, {work}: \*\*(\S+ ×)\*\* nginx, \*\*(\S+ ×)\*\* Envoy$",
        RESULTS.text,
        re.MULTILINE,
    )
    assert found is not None, work
    return found[1], found[2]


@pytest.mark.parametrize(("row", "work"), MEASURED.items(), ids=MEASURED)
def test_what_a_request_costs_is_what_was_measured(row: str, work: list[str]) -> None:
    nginx, envoy = zip(*map(beside, work), strict=True)
    assert f"| {row} | {' / '.join(nginx)} | {' / '.join(envoy)} |" in PAGE.text


def test_every_other_figure_was_measured() -> None:
    measured = {cells[1]: cells[2] for row in bars() if (cells := [cell.strip() for cell in row.split("|")])}
    million = measured["1,000,000 keys beside one"]
    assert f"A million keys cost what one costs ({million})" in PROSE
    streams = float(measured["revocation, from the question to the end of the last stream"].split()[0])
    assert f"ended its 50 open streams in {streams:.0f} ms" in PROSE
    idle = float(measured["memory, idle"].split()[0])
    assert f"An idle process takes {idle:.0f} MiB" in PROSE
    chat = ratios_of("Chat completion")
    times = float(chat["LiteLLM"]) / float(chat[OURS])
    told = re.search(r"a chat completion costs a (\d+)th of what it costs in LiteLLM", PROSE)
    assert told is not None
    assert abs(int(told[1]) / times - 1) < 0.05


def test_the_number_of_presets_is_told_right() -> None:
    assert f"There are {len(NAMES)}:" in PAGE.text
    assert f"{len(NAMES)} servers and providers" in document("docs/README.md").text


def test_it_is_short_enough_to_be_read() -> None:
    assert len(PAGE.text.splitlines()) <= LINES_MAX
