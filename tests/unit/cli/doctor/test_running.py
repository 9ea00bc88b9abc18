"""Guarantees of gateway/cli/doctor/running.py: a gateway that holds the store is known, and left alone."""

import os
import sys
from pathlib import Path

import pytest

from gateway.admin.control_path import socket_path
from gateway.cli.doctor import running
from gateway.cli.doctor.finding import State
from tests.unit.cli.doctor.patients import holding, patient


def test_one_that_holds_the_store_is_told_with_its_process(tmp_path: Path) -> None:
    with holding(tmp_path / "keys.db"):
        [found] = running.look(patient(tmp_path))
        assert running.runs(patient(tmp_path))
    assert found.state is State.OK
    assert ("(pid" not in found.found) if sys.platform != "linux" else (f"(pid {os.getpid()})" in found.found)


def test_where_the_process_cannot_be_told_it_is_told_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with holding(tmp_path / "keys.db"):
        [found] = running.look(patient(tmp_path))
    assert "holds this store runs;" in found.found


def test_a_socket_that_was_left_behind_is_no_gateway(tmp_path: Path) -> None:
    with holding(tmp_path / "keys.db"):
        pass
    assert socket_path(tmp_path / "keys.db").exists()
    assert list(running.look(patient(tmp_path))) == []


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    assert not running.runs(patient(tmp_path))
    assert not running.runs(patient(tmp_path, store={"url": "memory:"}))
