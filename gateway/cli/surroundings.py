"""What a command needs from around it: the options that every command takes, the clock, the environment.

One `Surroundings` lives on the root context for one invocation. Tests hand in their own, with a clock that
stands still, a desk without a file and an environment that holds nothing.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import click

from gateway.keeper.desk import KeyDesk
from gateway.keeper.ports import Clock
from gateway.service.clock import SystemClock


@dataclass(slots=True)
class Surroundings:
    """`config` and `store` are what `--config` and `--store` said, wherever they stood.

    `desk` is used instead of the one of the configured store.
    """

    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    entropy: Callable[[int], bytes] = os.urandom
    desk: KeyDesk | None = None
    config: str | None = None
    store: str | None = None


pass_surroundings = click.make_pass_decorator(Surroundings, ensure=True)


def whoami() -> str:
    """Who is at the keyboard, for `created_by`: `cli:anna`, or `cli` where the system cannot tell."""
    import getpass  # noqa: PLC0415 - serving has nobody at the keyboard

    try:
        return f"cli:{getpass.getuser()}"
    except (ImportError, KeyError, OSError):  # a container's user without a name; Windows without USERNAME
        return "cli"
