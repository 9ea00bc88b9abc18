"""Guarantees of gateway/cli/doctor/rounds.py: every check is heard, none holds the others up."""

import threading
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.doctor.finding import Finding, Patient, State, ok
from gateway.cli.doctor.rounds import go_round
from tests.unit.cli.doctor.patients import patient, states


def well(_: Patient) -> Iterator[Finding]:
    yield ok("well", "is well")


def nothing(_: Patient) -> list[Finding]:
    return []


def broken(_: Patient) -> list[Finding]:
    raise LookupError("with a secret in it")


def test_findings_come_in_the_order_of_the_checks(tmp_path: Path) -> None:
    checks = [("first", well), ("none", nothing), ("second", well)]
    assert go_round(patient(tmp_path), checks) == [ok("well", "is well")] * 2


def test_a_check_that_breaks_is_a_finding_and_says_nothing_of_what_it_saw(tmp_path: Path) -> None:
    found = go_round(patient(tmp_path), [("bad", broken), ("good", well)])
    assert states(found) == [State.FAIL, State.OK]
    assert "LookupError" in str(found[0])
    assert "secret" not in str(found[0])


def test_a_check_that_hangs_ends_with_the_deadline(tmp_path: Path) -> None:
    release = threading.Event()

    def hangs(_: Patient) -> list[Finding]:
        release.wait(30)
        return []

    found = go_round(patient(tmp_path), [("slow", hangs), ("good", well)], deadline_s=0.05)
    release.set()
    assert states(found) == [State.FAIL, State.OK]
    assert "no answer within 0.05 s" in str(found[0])


def test_every_problem_has_its_mend(tmp_path: Path) -> None:
    found = go_round(patient(tmp_path / "nowhere" / "at-all"))
    assert [each for each in found if each.state is not State.OK and not each.mend] == []
    assert {each.what for each in found} >= {"disk", "clock", "open files", "versions", "store", "files"}
    assert list(tmp_path.iterdir()) == []
