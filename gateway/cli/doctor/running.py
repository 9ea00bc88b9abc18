"""The gateway that runs on this store, if one does: known by its control socket, so nothing is taken from it.

The lock is not tried, since a gateway that starts at that moment would be refused its store.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.admin.control_path import HAS_SOCKETS, address_of, socket_path
from gateway.cli.doctor.finding import Finding, Patient, ok

TIMEOUT_S: Final = 3.0


def look(patient: Patient) -> Iterator[Finding]:
    """That one runs, and what is not judged then: flags and variables of its own are not seen from here."""
    pid = _pid(patient.loaded.store_path)
    if pid is not None:
        told = f" (pid {pid})" if pid else ""
        yield ok(
            "gateway",
            f"one that holds this store runs{told}; what it was started with by flags is not judged",
        )


def runs(patient: Patient) -> bool:
    """Whether a gateway holds the store."""
    return _pid(patient.loaded.store_path) is not None


def _pid(store: Path | None) -> int | None:
    """Who answers at the control socket of a store; 0 where that cannot be told, None where nobody does."""
    if store is None or not HAS_SOCKETS:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as caller, address_of(socket_path(store)) as address:
            caller.settimeout(TIMEOUT_S)
            caller.connect(address)
            if sys.platform != "linux":
                return 0
            told = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", told)[0])
    except OSError:
        return None
