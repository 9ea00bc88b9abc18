"""Guarantees of gateway/cli/doctor/machine.py: whether the limits suffice, and what it all stands on."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

import gateway
from gateway.cli.doctor import machine
from gateway.cli.doctor.finding import State
from tests.unit.cli.doctor.patients import patient, states


@pytest.mark.parametrize(("room", "state"), [(100_000, State.OK), (50, State.WARN)])
def test_the_limit_of_open_files_is_compared_with_the_configured_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, state: State
) -> None:
    monkeypatch.setattr(machine, "descriptors_for_callers", lambda: room)
    assert states(list(machine.look(patient(tmp_path)))) == [state, State.OK]


def test_versions_are_told_of_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "uvloop":
            raise PackageNotFoundError
        return "1.2.3"

    monkeypatch.setattr(machine, "version", version)
    *_, found = machine.look(patient(tmp_path))
    assert f"keyhatch {gateway.__version__}" in found.found
    assert "SQLite" in found.found
    assert "aiohttp 1.2.3" in found.found
    assert "uvloop" not in found.found
