"""The tables in docs/benchmarks.md, made from bench/RESULTS.md.

    python -m tests.docs.bench_tables

writes them anew below the comment that names this module; what stands above it is written by hand.
"""

import re
from collections.abc import Iterator
from typing import Final

from tests.arch.sources import ROOT
from tests.docs.documents import document

PAGE: Final = ROOT / "docs/benchmarks.md"
RESULTS: Final = document("bench/RESULTS.md")
MARK: Final = (
    "<!-- From here on the page is made from bench/RESULTS.md: python -m tests.docs.bench_tables -->\n"
)

WORK: Final = (
    "Small request",
    "Small request, never the same",
    "Small request with an access log",
    "Refused request",
    "Chat completion",
    "Server-sent events",
    "Download",
    "Upload",
    "Time to the answer, one caller alone",
    "Memory, idle",
    "Memory of an idle connection",
)
"""The scenarios that peers were measured in, too."""
PEERS: Final = (
    "Keyhatch (lean plane)",
    "nginx",
    "HAProxy",
    "Envoy",
    "Caddy",
    "LiteLLM",
    "Keyhatch (aiohttp plane)",
)

_BAR: Final = re.compile(r"^\| (?!work )[^|]+ \| [\d.,]+ ?[^|]* \| .* \|$", re.MULTILINE)


def page() -> str:
    """The whole page as it should be."""
    by_hand = PAGE.read_text("utf-8").partition(MARK)[0]
    return by_hand + MARK + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("", "## Beside nginx", "", "Times what nginx takes for the same; less is better.", "")
    yield f"| | {' | '.join(PEERS)} |"
    yield f"|---|{'---:|' * len(PEERS)}"
    for work in WORK:
        ratios = ratios_of(work)
        yield f"| {work[0].lower() + work[1:]} | {' | '.join(ratios.get(peer, '') for peer in PEERS)} |"
    yield from ("", "## Bars", "", "| work | measured | bar | aim | |", "|---|---:|---:|---:|---|")
    yield from bars()


def bars() -> list[str]:
    """What was set out to be reached, and what came of it: the rows as they stand there."""
    return _BAR.findall(RESULTS.section("## The bars"))


def ratios_of(work: str) -> dict[str, str]:
    """What each peer takes for a piece of work, beside nginx."""
    rows = re.findall(r"^\| (?!peer |---)([^|]+) \| ([^|]+) \|", RESULTS.section(f"## {work}"), re.MULTILINE)
    return dict(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
