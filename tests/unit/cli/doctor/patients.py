"""Configurations for the doctor's checks: what a file would say, with the store in the test's folder."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.admin.control_path import address_of, socket_path
from gateway.cli.doctor.finding import Finding, Patient, State
from gateway.config.load import load
from tests.support.records import StillClock


def patient(folder: Path, clock: StillClock | None = None, **sections: Any) -> Patient:
    """A patient whose configuration has these sections."""
    given = {"store": {"url": f"sqlite:///{folder / 'keys.db'}"}, **sections}
    return Patient(load(None, {}, {}, need_upstream=False, given=given), clock or StillClock())


def states(findings: list[Finding]) -> list[State]:
    """How well each is."""
    return [each.state for each in findings]


@contextmanager
def holding(store: Path) -> Iterator[None]:
    """As a gateway does that holds this store: listen at its control socket."""
    with socket.socket(socket.AF_UNIX) as listener, address_of(socket_path(store)) as address:
        listener.bind(address)
        listener.listen()
        yield
