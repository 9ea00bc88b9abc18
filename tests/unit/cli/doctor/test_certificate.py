"""Guarantees of gateway/cli/doctor/certificate.py: whether the certificate serves, and how long yet."""

from pathlib import Path

import pytest

from gateway.cli.doctor.certificate import look
from gateway.cli.doctor.finding import Finding, State
from gateway.tls.self_signed import self_signed
from tests.support.records import StillClock
from tests.support.tls_caller import write_pair
from tests.unit.cli.doctor.patients import patient, states

DAY_S = 86_400.0


def looked(folder: Path, days_later: float = 0.0, days: int = 90) -> list[Finding]:
    """What is found so many days after a pair was made that holds for some days."""
    clock = StillClock()
    cert, key = write_pair(folder, self_signed(["a"], clock.now(), days))
    key.chmod(0o600)
    clock.time += days_later * DAY_S
    tls = {"cert_file": str(cert), "key_file": str(key)}
    return list(look(patient(folder, clock, server={"tls": tls})))


def test_without_tls_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert list(look(patient(tmp_path))) == []


@pytest.mark.parametrize(
    ("days_later", "state", "words"),
    [
        (0, State.OK, "holds until 2027-04-15T08:00:00Z, SHA-256 "),
        (77, State.WARN, "ends at 2027-04-15T08:00:00Z"),
        (91, State.FAIL, "so callers refuse it"),
        (-1, State.FAIL, "holds only from"),
    ],
)
def test_it_says_how_long_the_certificate_holds(
    tmp_path: Path, days_later: float, state: State, words: str
) -> None:
    (found,) = looked(tmp_path, days_later)
    assert found.state is state
    assert words in found.found
    assert bool(found.mend) is (state is not State.OK)


def test_files_that_cannot_be_used_fail_with_why(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    key.write_bytes(self_signed(["b"], 0.0).key)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    (found,) = look(patient(tmp_path, server={"tls": tls}))
    assert (found.state, found.what) == (State.FAIL, "server.tls.key_file")
    assert "does not belong to the certificate" in found.found


def test_a_key_that_everybody_may_read_fails(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, self_signed(["a"], StillClock().now()))
    key.chmod(0o644)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    found = list(look(patient(tmp_path, server={"tls": tls})))
    assert states(found) == [State.OK, State.FAIL]
    assert found[1].mend == f"chmod 600 {key}"
