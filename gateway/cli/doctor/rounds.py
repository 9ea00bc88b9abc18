"""The doctor's round: every check side by side, each with a deadline, so that none holds the others up.

A check that breaks is a finding itself: the doctor always comes to an end and never ends on a traceback.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gateway.cli.doctor import (
    certificate,
    clock,
    configuration,
    files,
    machine,
    ports,
    running,
    store,
    upstreams,
    vault,
)
from gateway.cli.doctor.finding import Finding, Patient, fail

Check = Callable[[Patient], Iterable[Finding]]

DEADLINE_S: Final = 20.0
CHECKS: Final[Sequence[tuple[str, Check]]] = (
    ("gateway", running.look),
    ("configuration", configuration.look),
    ("upstreams", upstreams.look),
    ("certificate", certificate.look),
    ("ports", ports.look),
    ("store", store.look),
    ("vault", vault.look),
    ("files", files.look),
    ("clock", clock.look),
    ("machine", machine.look),
)
"""Every check, in the order in which its findings are told."""


def go_round(
    patient: Patient, checks: Sequence[tuple[str, Check]] = CHECKS, deadline_s: float = DEADLINE_S
) -> list[Finding]:
    """What all checks find, in their order."""
    found: dict[str, list[Finding]] = {}

    def look(name: str, check: Check) -> None:
        try:
            told = list(check(patient))
        except Exception as trouble:  # noqa: BLE001 - told as a finding
            kind = type(trouble).__name__
            told = [fail(name, f"could not be looked at ({kind})", "see what is special there, and tell us")]
        found[name] = told

    # daemons, so that a disk that hangs cannot keep the command from ending
    threads = [threading.Thread(target=look, args=each, daemon=True) for each in checks]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"no answer within {deadline_s:g} s"
    mend = "see whether a disk or a network hangs, or the store is very large"
    return [each for name, _ in checks for each in found.get(name, [fail(name, late, mend)])]
