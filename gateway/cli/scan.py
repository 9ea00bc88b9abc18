"""`keyhatch scan PATH…`: our keys in files, which of them are live, without printing one.

Keys are found by their form (prefix and checksum), in any file, and asked about by their digests: no secret
leaves this process. Imported strings have no form of ours and are not looked for.

Exit codes are those that users of secret scanners expect: 0 no live key was found, 1 one was, 2 it could not
be found out.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.finding import Found, files_below, keys_in, keys_in_file, pattern_of
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.loading import load
from gateway.cli.output import Form, data_json, data_rows, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.cli.table import clean
from gateway.core.keys import PREFIX_PATTERN
from gateway.core.refusal import Reason
from gateway.keeper.batch import DIGESTS_MAX
from gateway.keeper.desk import KeyringError, Verification
from gateway.keeper.ports import StoreUnavailable

FOUND: Final = ExitCode.FAILED
UNSURE: Final = ExitCode.USAGE
UNKNOWN: Final = "unknown"
_NOT_A_PREFIX: Final = "a prefix is a lower-case letter and up to 15 letters or digits, such as kh"


class NotFoundOut(click.ClickException):
    """Which keys are live could not be found out."""

    exit_code = UNSURE


class _Search:
    """One search: what it went through, and what it could not read."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self.pattern = pattern_of(prefixes)
        self.marks = [f"{prefix}_".encode() for prefix in prefixes]
        self.files = 0
        self.unread = 0

    def of(self, path: str) -> Iterator[Found]:
        """Every key at and below a path; `-` is stdin."""
        if path == "-":
            self.files += 1
            if sys.stdin is not None:
                yield from keys_in(sys.stdin.buffer, "-", self.pattern, self.marks)
            return
        for file in files_below(path, self.complain):
            self.files += 1
            try:
                yield from keys_in_file(file, self.pattern, self.marks)
            except OSError as error:
                self.complain(file, error)

    def complain(self, path: str, error: OSError) -> None:
        """Say what cannot be read."""
        self.unread += 1
        warn(f"{clean(path)} was not read: {error.strerror or type(error).__name__}.")


@click.command(cls=Command)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--prefix", metavar="P", multiple=True, help="Keys of this prefix too, such as one from before."
)
@output_option
@pass_surroundings
def scan(surroundings: Surroundings, paths: tuple[str, ...], prefix: tuple[str, ...], form: Form) -> int:
    """Find our keys in files below PATH, and say which are live. PATH is - for stdin.

    No key is printed. Exit code 0 if no live key was found, 1 if one was, 2 if something could not be read
    or asked. Imported strings look like anything, so they are not found.
    """
    for path in paths:
        refuse_secret(click.get_current_context(), scan.params[0], path)
    if any(PREFIX_PATTERN.fullmatch(each) is None for each in prefix):
        raise click.BadParameter(_NOT_A_PREFIX, param_hint="--prefix")
    search = _Search(tuple(dict.fromkeys((load(surroundings).settings.keys.prefix, *prefix))))
    found = (each for path in paths for each in search.of(path))
    told: list[dict[str, object]] = []
    live = many = 0
    while batch := list(islice(found, DIGESTS_MAX)):
        for each, verdict in zip(batch, _verdicts(surroundings, batch), strict=True):
            many, live = many + 1, live + (verdict.reason is None)
            if form == "json":
                told.append(_as_json(each, verdict, surroundings.clock.now()))
            else:
                data_rows([_row(each, verdict, surroundings.clock.now())])
    if form == "json":
        data_json(told)
    say(f"Searched {_counted(search.files, 'file')}: found {_counted(many, 'key')}, {live} live.")
    return FOUND if live else UNSURE if search.unread else ExitCode.DONE


def _verdicts(surroundings: Surroundings, batch: Sequence[Found]) -> list[Verification]:
    """What stands behind each; the same key is asked about once."""
    digests = list(dict.fromkeys(each.digest for each in batch))
    try:
        answers = ask(surroundings, lambda desk: desk.verify_digests(digests))
    except (StoreUnavailable, KeyringError, click.ClickException) as trouble:
        told = trouble.format_message() if isinstance(trouble, click.ClickException) else str(trouble)
        raise NotFoundOut(f"keys were found, and which are live is not known: {told}") from trouble
    known = dict(zip(digests, answers, strict=True))
    return [known[each.digest] for each in batch]


def _counted(many: int, what: str) -> str:
    return f"1 {what}" if many == 1 else f"{many} {what}s"


def _status(verdict: Verification, now: float) -> str:
    if verdict.key is None:
        return UNKNOWN
    return "rotated" if verdict.reason is Reason.KEY_ROTATED else verdict.key.status(now).value


def _row(found: Found, verdict: Verification, now: float) -> list[str]:
    key = verdict.key
    about = ["", ""] if key is None else [key.id, key.name]
    return [f"{found.path}:{found.line}:{found.column}", found.preview, _status(verdict, now), *about]


def _as_json(found: Found, verdict: Verification, now: float) -> dict[str, object]:
    key = verdict.key
    return {
        "path": found.path,
        "line": found.line,
        "column": found.column,
        "preview": found.preview,
        "live": verdict.reason is None,
        "status": _status(verdict, now),
        "id": None if key is None else key.id,
        "name": None if key is None else key.name,
    }
