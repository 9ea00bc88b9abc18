"""What a check finds: ok, a warning or a failure, of what, how it stands, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.config.load import Loaded
from gateway.keeper.ports import Clock


class State(StrEnum):
    """How well it is. Only `fail` keeps a gateway from doing its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. Whoever finds something that is not ok names the mend."""

    state: State
    what: str
    found: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.found}" + (f"; {self.mend}" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: a configuration that can be used, and the clock of this machine."""

    loaded: Loaded
    clock: Clock


def ok(what: str, found: str) -> Finding:
    """All is well."""
    return Finding(State.OK, what, found)


def warn(what: str, found: str, mend: str) -> Finding:
    """It deserves a look."""
    return Finding(State.WARN, what, found, mend)


def fail(what: str, found: str, mend: str) -> Finding:
    """It does not work so."""
    return Finding(State.FAIL, what, found, mend)
