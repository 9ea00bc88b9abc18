"""The gauntlet's count: how many hostile payloads were refused and how many valid ones passed, per plane.

A plugin of pytest, registered by tests/conftest.py. A test tells of its payload by `record_property` before
it judges it; whether it was judged well is the test's outcome. The numbers are added up from the reports,
which pytest-xdist brings to the process that writes the summary.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, cast

import pytest

TRIED: Final = "gauntlet tried"
REACHED: Final = "gauntlet reached"
HOSTILE: Final = "payloads refused"
VALID: Final = "valid passed"
SPELLED: Final = "path cases kept from guarded handlers of real upstreams"
WHERE: Final = {HOSTILE: "the upstream", SPELLED: "one"}
KINDS: Final = (HOSTILE, VALID, SPELLED)


@dataclass
class Count:
    """Payloads of one kind on one plane."""

    tried: int = 0
    good: int = 0
    known: int = 0
    reached: int = 0

    def told(self, kind: str) -> str:
        """In words."""
        words = f"{self.good} {kind} of {self.tried}"
        if self.known:
            words += f" ({self.known} otherwise by docs/planes.md)"
        return words if kind == VALID else f"{words}, {self.reached} reached {WHERE[kind]}"


class Tally:
    """Adds up what the tests told, and says it in the summary."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], Count] = defaultdict(Count)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One test's phase is over; properties stand in each phase's report, the call's is counted."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name not in {TRIED, REACHED}:
                continue
            plane, kind, number = cast("tuple[str, str, int]", value)
            count = self._counts[plane, kind]
            if name == REACHED:
                count.reached += number
                continue
            count.tried += number
            count.good += number if report.passed else 0
            count.known += number if hasattr(report, "wasxfail") else 0

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each plane."""
        for plane in sorted({plane for plane, _ in self._counts}):
            terminalreporter.line(f"gauntlet ({plane}): {self.told(plane)}")

    def told(self, plane: str) -> str:
        """What is said of one plane."""
        found = [(kind, self._counts[plane, kind]) for kind in KINDS if (plane, kind) in self._counts]
        return "; ".join(count.told(kind) for kind, count in found)
