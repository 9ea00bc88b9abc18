"""`keyhatch keys verify`: what a text is, whether it would pass as a key, and why not.

The text comes on stdin, hidden while it is typed; an argument would stay in the shell's history and show in
the process list. It is told in the words that a caller would be told.
"""

import sys
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.keys.desk import ask
from gateway.cli.keys.record import fields
from gateway.cli.loading import load
from gateway.cli.output import Form, data_fields, data_json, is_terminal, on_terminal, output_option
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import ApiKey
from gateway.keeper.desk import Verification
from gateway.wire.key_json import as_json
from gateway.wire.reply import TABLE

READ_BYTES_MAX: Final = 64 * 1024
ON_STDIN: Final = (
    "A key is never an argument: it would stay in your shell's history. Run `keyhatch keys verify` alone and "
    "paste the key when asked, or pipe it in. What was just typed is in that history now."
)


@click.command(cls=Command)
@click.argument("text", nargs=-1, metavar="")
@output_option
@pass_surroundings
def verify(surroundings: Surroundings, text: tuple[str, ...], form: Form) -> int:
    """Read a key on stdin, say which one it is, and whether and why it would be refused.

    Exit code 0 if it would pass, 4 if it would be refused. Whether it may use a certain route, or be used
    from a certain address, is another question: `keyhatch explain`.
    """
    if text:
        raise click.UsageError(ON_STDIN)
    shown = read_key()
    if not shown:
        raise click.UsageError("Nothing was given. Pipe a key in, or run this on a terminal and paste it.")
    verdict = ask(surroundings, lambda desk: desk.verify(shown))
    reason = verdict.reason
    message: str | None = None
    if reason is not None:
        message = TABLE[reason].sentence(verdict.facts, load(surroundings).settings.keys.prefix)
    elif places := _places(verdict.key):
        message = f"It passes{places}."
    _print(verdict, message, surroundings.clock.now(), form)
    return ExitCode.DONE if reason is None else ExitCode.NOT_ALLOWED


def _places(key: ApiKey | None) -> str:
    """Where a caller must be to use the key. Nobody knows here where one is, so it is not judged."""
    if key is None or not key.allow_from:
        return ""
    return f" from {' '.join(map(str, key.allow_from))} and from nowhere else"


def read_key(label: str = "Key") -> str:
    """What stands on stdin, or is typed without being shown; empty if there is nothing."""
    if sys.stdin is None:
        return ""
    if is_terminal(sys.stdin):
        typed: str = click.prompt(label, default="", show_default=False, hide_input=True, err=True)
        return typed.strip()
    raw = sys.stdin.buffer.read(READ_BYTES_MAX)
    return raw.decode("utf-8", "surrogateescape").strip()


def _print(verdict: Verification, message: str | None, now: float, form: Form) -> None:
    reason = None if verdict.reason is None else verdict.reason.value
    key = verdict.key
    if form == "json":
        data_json(
            {
                "passes": reason is None,
                "shape": verdict.shape.value,
                "looks_like": verdict.looks_like,
                "reason": reason,
                "message": message,
                "key": None if key is None else as_json(key, now),
            }
        )
        return
    if reason is None:
        told = {"Verdict": f"would pass{_places(key)}"}
    else:
        told = {"Verdict": f"would be refused: {reason}", "Why": message or ""}
    data_fields(told | ({} if key is None else fields(key, now, for_people=on_terminal())))
