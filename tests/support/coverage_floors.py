"""Coverage floors: a run with coverage fails when a room of the house is covered less than it must be.

A plugin of pytest, registered by tests/conftest.py. It acts only where pytest-cov measures (`make
test`), after the data of workers are combined, and counts statements and branches together. Only the
suites that go through the code line by line are measured, in their own process: they reach the floors
alone, and to measure every gateway, command and fuzzed byte of the others as well took a third of the
whole run's time. A room below its floor fails the session, and the report names its files and the lines and
branches that no test reached. It never lowers a floor for a run of only some tests: such a run is made
with `--no-cov`.
"""

import dataclasses
import itertools
import json
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

MEASURED = ("unit", "contract", "conformance")  # in tests/
SUMMARY_WORDS = "below the coverage floor"


@dataclasses.dataclass(frozen=True)
class Floor:
    """The least share, in percent, of the statements and branches in ``room`` that the tests must reach."""

    room: str
    percent: float


@dataclasses.dataclass(frozen=True)
class FileCoverage:
    """What the tests reached of one file: counts of statements and branches, and what they missed."""

    path: str
    covered: int
    possible: int
    missing: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Shortfall:
    """A room below its floor, with the files that hold what is missing."""

    floor: Floor
    percent: float
    files: tuple[FileCoverage, ...]


# A file belongs to the first room that its path begins with.
FLOORS = (
    Floor("gateway/core/", 100),
    Floor("gateway/wire/", 100),
    Floor("gateway/keeper/", 100),
    Floor("gateway/config/", 100),
    Floor("gateway/", 95),
)


def shortfalls(files: Iterable[FileCoverage], floors: Sequence[Floor] = FLOORS) -> list[Shortfall]:
    """The rooms whose files together lie below their floor, in the order of ``floors``."""
    rooms: dict[Floor, list[FileCoverage]] = {floor: [] for floor in floors}
    for file in files:
        room = next((floor for floor in floors if file.path.startswith(floor.room)), None)
        if room is not None:
            rooms[room].append(file)
    return [
        Shortfall(floor, percent, tuple(file for file in held if file.missing))
        for floor, held in rooms.items()
        if (percent := _percent(held)) < floor.percent
    ]


def _percent(files: Sequence[FileCoverage]) -> float:
    possible = sum(file.possible for file in files)
    return 100 * sum(file.covered for file in files) / possible if possible else 100.0


def read_report(report: dict[str, Any], root: Path) -> list[FileCoverage]:
    """The files of coverage's JSON report, with paths relative to ``root``."""
    return [_read_file(path, entry, root) for path, entry in report["files"].items()]


def _read_file(path: str, entry: dict[str, Any], root: Path) -> FileCoverage:
    summary, lines = entry["summary"], entry["missing_lines"]
    branches = [
        f"{start}->{end if end > 0 else 'exit'}"
        for start, end in entry["missing_branches"]
        if start not in lines
    ]
    absolute = (root / path).resolve()
    return FileCoverage(
        path=absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path,
        covered=summary["covered_lines"] + summary["covered_branches"],
        possible=summary["num_statements"] + summary["num_branches"],
        missing=(*_ranges(lines), *branches),
    )


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """The lines as a person reads them: neighbours joined, as in 3-5, 9."""
    for _, neighbours in itertools.groupby(enumerate(lines), lambda pair: pair[1] - pair[0]):
        first, *rest = (line for _, line in neighbours)
        yield f"{first}-{rest[-1]}" if rest else str(first)


class _Reporter(Protocol):
    """The part of coverage.Coverage that is asked."""

    def json_report(self, *, outfile: str) -> float: ...


class CoverageFloors:
    """The plugin: judges after the tests, reports before pytest's last line."""

    def __init__(self) -> None:
        self._shortfalls: list[Shortfall] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Have pytest-cov look away from the suites that are not measured."""
        if not config.pluginmanager.hasplugin("_cov"):
            return
        measured = [config.rootpath / "tests" / room for room in MEASURED]
        for item in items:
            if not any(item.path.is_relative_to(room) for room in measured):
                item.add_marker(pytest.mark.no_cover)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so pytest-cov has combined its data
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session when a room is below its floor."""
        result = yield
        coverage = _measured_coverage(session.config)
        if coverage is not None:
            with tempfile.TemporaryDirectory() as folder:
                outfile = Path(folder, "coverage.json")
                coverage.json_report(outfile=str(outfile))
                report = json.loads(outfile.read_bytes())
            self._shortfalls = shortfalls(read_report(report, session.config.rootpath.resolve()))
            session.testsfailed += len(self._shortfalls)  # what makes pytest's exit code 1
        return result

    @pytest.hookimpl(trylast=True)  # below coverage's table, near pytest's last line
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what is missing, and count the rooms in pytest's last line."""
        if not self._shortfalls:
            return
        terminalreporter.section("coverage floors", red=True)
        for shortfall in self._shortfalls:
            floor = shortfall.floor
            terminalreporter.line(
                f"{floor.room} is covered to {shortfall.percent:.2f} %, its floor is {floor.percent:g} %"
            )
            for file in shortfall.files:
                terminalreporter.line(f"  {file.path}: {', '.join(file.missing)}")
        terminalreporter.stats[SUMMARY_WORDS] = list(self._shortfalls)


def _measured_coverage(config: pytest.Config) -> _Reporter | None:
    """The combined measurement of this session, or None in a worker or where nothing was measured."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return None
    plugin = config.pluginmanager.getplugin("_cov")
    controller = getattr(plugin, "cov_controller", None)
    return getattr(controller, "cov", None)
