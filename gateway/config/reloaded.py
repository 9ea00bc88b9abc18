"""What came of reading the configuration anew, for whoever asked: names of options alone, no values."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.config.problems import Problem


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload: options that changed, options that take a restart, and what deserves a look."""

    changed: tuple[str, ...] = ()
    takes_restart: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


class CannotReload(Exception):
    """The configuration could not be read for a reason that is none of its own; the log tells it."""


Reload = Callable[[str], Reloaded]
"""Read the configuration anew, for whom the argument says; raises `ConfigError` or `CannotReload`, and then
nothing changed."""
