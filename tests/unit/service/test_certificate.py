"""Guarantees of gateway/service/certificate.py: the certificate follows its files, never to a broken one."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.problems import ConfigError
from gateway.service.certificate import Served, certificate_of
from gateway.tls.files import TlsFiles, read_certificate
from gateway.tls.self_signed import self_signed
from tests.support.records import StillClock
from tests.support.tls_caller import write_pair
from tests.unit.service.houses import told

DAY_S = 86_400.0


class Stage:
    """A certificate in a folder, and a clock that the test moves."""

    def __init__(self, folder: Path, days: int = 90) -> None:
        self.folder = folder
        self.clock = StillClock()
        self.files = TlsFiles(*write_pair(folder, self_signed(["a"], self.clock.now(), days)))
        certificate = read_certificate(self.files)
        self.served = Served(self.files, certificate, self.clock, 10.0)

    def renew(self, days: int = 90) -> str:
        """Another pair in the files; its fingerprint."""
        write_pair(self.folder, self_signed(["a"], self.clock.now(), days))
        return read_certificate(self.files).fingerprint

    def look(self) -> None:
        """Twice, so that a change has come to rest."""
        self.served.look()
        self.served.look()


@pytest.fixture
def stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Stage:
    caplog.set_level("INFO")
    return Stage(tmp_path)


def test_a_new_pair_is_in_force_once_it_lies_still(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    before, end = stage.served.door.context, stage.served.expires_at()
    fingerprint = stage.renew(days=100)
    stage.served.look()
    assert stage.served.door.context is before
    stage.served.look()
    assert stage.served.door.context is not before
    assert stage.served.certificate.fingerprint == fingerprint
    assert stage.served.expires_at() == end + 10 * DAY_S
    assert stage.served.reloads == {"success": 1, "failure": 0}
    assert f"SHA-256 {fingerprint}" in caplog.text


def test_a_pair_that_does_not_fit_keeps_the_old_one_and_says_why_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    before = stage.served.door.context
    stage.files.key.write_bytes(self_signed(["b"], stage.clock.now()).key)
    for _ in range(3):
        stage.look()
    assert stage.served.door.context is before
    assert stage.served.reloads == {"success": 0, "failure": 1}
    (line,) = told(caplog)
    assert "stays in force: the key in" in line
    assert "does not belong to the certificate" in line
    stage.renew()
    stage.look()
    assert stage.served.reloads == {"success": 1, "failure": 1}


def test_the_same_certificate_again_is_none_that_is_new(stage: Stage) -> None:
    before = stage.served.door.context
    stage.files.cert.touch()
    stage.look()
    assert stage.served.door.context is not before
    assert stage.served.reloads == {"success": 0, "failure": 0}
    assert not stage.served.take(stage.files, read_certificate(stage.files), 5.0)
    assert stage.served.door.handshake_s == 5.0


def test_its_end_is_told_two_weeks_before_and_then_once_a_day(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.clock.time += 75 * DAY_S
    stage.look()
    assert told(caplog) == []
    stage.clock.time += 2 * DAY_S
    stage.look()
    stage.look()
    (line,) = told(caplog)
    assert line.startswith("the certificate ends at 2027-04-15")
    assert line.endswith(": renew it")
    stage.clock.time += DAY_S
    stage.look()
    assert len(told(caplog)) == 1
    stage.clock.time += 30 * DAY_S
    stage.look()
    (line,) = told(caplog)
    assert "so callers refuse it" in line
    stage.renew()
    stage.look()
    stage.clock.time += 2 * DAY_S
    stage.look()
    assert told(caplog) == []


def test_one_that_does_not_hold_yet_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(tmp_path)
    stage.clock.time -= 2 * DAY_S
    stage.renew()
    stage.clock.time -= DAY_S
    Served(stage.files, read_certificate(stage.files), stage.clock, 10.0)
    (line,) = told(caplog)
    assert "is the clock right?" in line


def test_files_that_broke_since_they_were_checked_are_a_problem_of_the_configuration(tmp_path: Path) -> None:
    write_pair(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text("server: {tls: {cert_file: gate.crt, key_file: gate.key}}\n")
    loaded = load(config, {}, {}, need_upstream=False)
    files = loaded.tls_files
    assert files is not None
    assert certificate_of(loaded, files).fingerprint == read_certificate(files).fingerprint
    files.key.unlink()
    with pytest.raises(ConfigError, match=r"config\.yaml:1:47: server\.tls\.key_file: there is no file"):
        certificate_of(loaded, files)
