"""Guarantees of gateway/cli/doctor/command.py: one line each, an exit code, and no secret."""

import json
from pathlib import Path

import pytest

from gateway.cli.doctor import command
from gateway.cli.doctor.finding import Finding, fail, ok, warn
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.test_backup import real

SECRET = "kh_" + "a" * 49


def finding(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> None:
    monkeypatch.setattr(command, "go_round", lambda _patient: list(found))


def test_each_finding_is_one_line_and_the_worst_decides(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, ok("disk", "room"), warn("clock", "odd", "mend it"))
    assert real(line, "doctor") == (
        0,
        "ok    disk: room\nwarn  clock: odd; mend it\n",
        "1 ok, 1 to look at, 0 failed.\n",
    )
    finding(monkeypatch, ok("disk", "room"), fail("store", "gone", "put it back"))
    assert real(line, "doctor")[:2] == (1, "ok    disk: room\nfail  store: gone; put it back\n")


def test_programs_get_json(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, fail("store", "gone", "put it back"))
    code, out, _ = real(line, "doctor", "-o", "json")
    expected = {"state": "fail", "what": "store", "found": "gone", "mend": "put it back"}
    assert (code, json.loads(out)) == (1, [expected])


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_and_no_escape_sequence_gets_out(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    finding(monkeypatch, warn("key", f"{SECRET} \x1b[31m", "rotate it"))
    out = real(line, "doctor", "-o", form)[1]
    assert SECRET not in out
    assert "\x1b" not in out


def test_a_configuration_that_does_not_load_is_what_is_found(line: CommandLine) -> None:
    Path("config.yaml").write_text("server: {proxy: nowhere}\nkeys: {prefix: '!'}\n")
    code, out, _ = real(line, "doctor")
    assert code == 1
    assert len([row for row in out.splitlines() if row.startswith("fail  configuration: ")]) == 2
