"""The gauntlet's count says what was tried, what went well and what is known to go otherwise."""

import pytest

from tests.support.tally import HOSTILE, REACHED, TRIED, VALID, Tally


def report(*told: tuple[str, object], outcome: str = "passed", when: str = "call") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="t",
        location=("t", 0, "t"),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]
        longrepr=None,
        when=when,  # type: ignore[arg-type]
        user_properties=list(told),
    )


def test_planes_and_kinds_are_counted_apart_and_only_once() -> None:
    tally = Tally()
    for outcome in ("passed", "passed", "failed"):
        tally.pytest_runtest_logreport(report((TRIED, ("lean", HOSTILE, 1)), outcome=outcome))
    tally.pytest_runtest_logreport(report((TRIED, ("lean", HOSTILE, 1)), when="teardown"))
    tally.pytest_runtest_logreport(report((REACHED, ("lean", HOSTILE, 1)), ("other", "x")))
    tally.pytest_runtest_logreport(report((TRIED, ("lean", VALID, 5))))
    tally.pytest_runtest_logreport(report((TRIED, ("aiohttp", VALID, 2))))
    assert tally.told("lean") == "2 payloads refused of 3, 1 reached the upstream; 5 valid passed of 5"
    assert tally.told("aiohttp") == "2 valid passed of 2"


def test_a_known_difference_is_neither_good_nor_hidden() -> None:
    tally = Tally()
    known = report((TRIED, ("aiohttp", VALID, 1)), outcome="skipped")
    known.wasxfail = "docs/planes.md: trailers"
    tally.pytest_runtest_logreport(known)
    assert tally.told("aiohttp") == "0 valid passed of 1 (1 otherwise by docs/planes.md)"
