"""What is wrong with a configuration, and where: problems are values, collected and shown together.

A problem names the place a person has to look at (`config.yaml:3:10`, `KEYHATCH_SERVER__PROXY`, `--proxy`),
what it concerns, and the mend where there is one. It never holds a value that came from `${…}`: those may
be secrets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Loc = tuple[str | int, ...]
"""Where a value stands in the configuration: keys, and positions in lists."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written: a file with line and column (from 1), a variable or a flag."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `file` is a file, a variable or a flag; None: something is missing."""

    file: str | None
    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = None if self.file is None else str(Origin(self.file, self.line, self.column))
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return "".join(char if char.isprintable() else _escaped(char) for char in text)


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds all that was found, in the order of the text.

    `warnings` hold what would only deserve a look, as far as it can be told beside the problems; `files` are
    those that were read or looked for.
    """

    def __init__(
        self, problems: Sequence[Problem], warnings: Sequence[Problem] = (), files: Sequence[Path] = ()
    ) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        self.files = tuple(files)
        super().__init__("\n".join(map(str, self.problems)))


class Unfit(ValueError):
    """A value that a field cannot take.

    `message` never repeats the value, unless it `quotes`: then expanded values in it are masked before it is
    shown. `hint` may; it is shown only where the value was not expanded.
    """

    def __init__(self, message: str, hint: str = "", *, quotes: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.quotes = quotes


def problem_at(origin: Origin, loc: Loc, message: str) -> Problem:
    """A problem at its place."""
    return Problem(origin.source, origin.line, origin.column, dotted(loc), message)


def dotted(loc: Loc) -> str:
    """`("routes", 0, "path")` as people write it: `routes[0].path`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean 'proxy'?` where one of the known words is close, else nothing."""
    import difflib  # noqa: PLC0415 - only whoever mistyped needs it

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def with_hint(message: str, hint: str) -> str:
    """The message and its hint as one sentence."""
    return f"{message}; {hint}" if hint else message


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
