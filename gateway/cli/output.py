"""What a command says: data on stdout, prose on stderr, never a secret among the prose.

Data is text made for eyes on a terminal, tab-separated lines when it is piped, or JSON with `-o json`, the
same names as the management API. Colour only on a terminal, and never where `NO_COLOR` is set.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Literal, TextIO, TypeVar

import click

from gateway.cli.table import Paint, aligned, clean, separated

Form = Literal["text", "json"]
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_SECRET_CHARS_MIN: Final = 32
_SECRET: Final = re.compile(rf"\b([a-z][a-z0-9]{{0,15}})_[0-9A-Za-z]{{{_SECRET_CHARS_MIN},}}")


def output_option(command: _Decorated) -> _Decorated:
    """Give a command `-o text|json`, as the argument `form`."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to print the data.",
    )(command)


def data(text: str) -> None:
    """One piece of data, on stdout."""
    click.echo(text, color=colour_wanted())


def data_json(value: object) -> None:
    """Data as JSON on stdout: indented for eyes, one line for programs."""
    data(json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None))


def data_rows(rows: Sequence[Sequence[str]]) -> None:
    """Rows for programs: tab-separated and without a head, as `gh` does."""
    for line in separated(rows):
        data(line)


def data_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    paints: Mapping[str, Paint] | None = None,
    whole: Collection[str] = (),
) -> None:
    """Rows under a head, for a terminal. `paints` colours a column, `whole` ones are never cut."""
    painted = {head.index(title): paint for title, paint in (paints or {}).items()}
    uncut = frozenset(column for column, title in enumerate(head) if title in whole)
    titles, *body = aligned([head, *rows], terminal_width(), painted, uncut)
    data(click.style(titles, bold=True))
    for line in body:
        data(line)


def data_fields(fields: Mapping[str, str]) -> None:
    """Named values, one per line: aligned on a terminal, tab-separated when piped."""
    if not on_terminal():
        rows = separated([[name.lower(), value] for name, value in fields.items()])
    else:
        wide = max(map(len, fields))
        rows = [
            f"{click.style(name.ljust(wide), bold=True)}  {clean(value)}" for name, value in fields.items()
        ]
    for row in rows:
        data(row)


def say(text: str = "") -> None:
    """Prose, on stderr."""
    click.echo(text, err=True, color=colour_wanted())


def complain(text: str) -> None:
    """Say what went wrong, on stderr. What looks like a secret in it is masked."""
    say(f"{click.style('Error:', fg='red', bold=True)} {without_secrets(text)}")


def warn(text: str) -> None:
    """Say what deserves a look, on stderr."""
    say(f"{click.style('Warning:', fg='yellow', bold=True)} {without_secrets(text)}")


def sentence(text: str) -> str:
    """The text as a sentence: a capital at its beginning, a full stop at its end."""
    text = text.strip()
    first, _, _ = text.partition(" ")
    if first.rstrip(".,:;!?").isalpha():  # a path or an option is called by its name
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def without_secrets(text: str) -> str:
    """The text with whatever has the form of a key masked."""
    return _SECRET.sub(r"\1_****", text)


def on_terminal() -> bool:
    """Whether stdout is read by a person."""
    return is_terminal(sys.stdout)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal. A stream that was closed before we began is None, and is not."""
    return stream is not None and stream.isatty()


def can_ask() -> bool:
    """Whether there is a person to ask: one who sees the question and can type an answer."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def terminal_width() -> int:
    """How many cells a line may take."""
    import shutil  # noqa: PLC0415 - a gateway prints no table

    return shutil.get_terminal_size((100, 24)).columns


def colour_wanted() -> bool | None:
    """False where colour is unwelcome (https://no-color.org, dumb terminals), None: as the stream is."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
