"""From what went wrong to an exit code and a sentence: the one place where a command's trouble is told.

0 done, 1 failed, 2 usage or configuration, 3 not found, 4 not allowed, 130 interrupted. Expected trouble is
one or two sentences on stderr, never a traceback; the unexpected keeps its traceback, because it is a bug.
"""

import os
import sys
from enum import IntEnum

import click

from gateway.cli.output import complain, say, sentence
from gateway.config.problems import ConfigError
from gateway.keeper.desk import KeyringError, NotAllowed
from gateway.keeper.ports import KeyNotFound, StoreUnavailable


class ExitCode(IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    INTERRUPTED = 130


EXPECTED = (
    click.ClickException,
    click.Abort,
    ConfigError,
    KeyNotFound,
    KeyringError,
    StoreUnavailable,
    OSError,
)


def tell(trouble: Exception) -> ExitCode:
    """Say what went wrong, if there is something to say, and return the exit code."""
    match trouble:
        case click.Abort():
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            _leave_stdout()
            return ExitCode.FAILED
        case click.UsageError():
            _tell_usage(trouble)
            return ExitCode.USAGE
        case click.ClickException():
            complain(sentence(trouble.format_message()))
            return ExitCode(trouble.exit_code)
        case KeyNotFound():
            complain(
                sentence(str(trouble) or "there is no such key: keyhatch keys list --status all shows them")
            )
            return ExitCode.NOT_FOUND
        case ConfigError():
            for problem in trouble.problems:
                complain(str(problem))
            return ExitCode.USAGE
        case NotAllowed():
            complain(sentence(str(trouble)))
            return ExitCode.NOT_ALLOWED
        case OSError() if trouble.strerror:
            where = f"{trouble.filename}: " if trouble.filename else ""
            complain(f"{where}{sentence(trouble.strerror)}")
            return ExitCode.FAILED
        case _:
            complain(sentence(str(trouble)))
            return ExitCode.FAILED


def _tell_usage(trouble: click.UsageError) -> None:
    if isinstance(trouble, click.exceptions.NoArgsIsHelpError):
        trouble.show()
        return
    complain(sentence(trouble.format_message()))
    if trouble.ctx is not None:
        say(f"Try '{trouble.ctx.command_path} --help' for help.")


def _leave_stdout() -> None:
    """Whoever read our output has gone: keep the interpreter from failing once more when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
