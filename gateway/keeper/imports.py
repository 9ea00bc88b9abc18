"""Reading lists of strings that people have already: plain lines, env files, digests.

Each string is judged (`gateway.core.strength`), and only its digest and preview leave this room. Everything
that is wrong is told at once, by the number of its line; nothing of a line is ever repeated. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from gateway.core.keys import Secret, Shape, digest_of, preview_of, shape_of
from gateway.core.strength import weakness
from gateway.keeper.batch import KEYS_MAX, Existing
from gateway.keeper.desk import Problem, RuleBroken
from gateway.keeper.moving import refuse

FILE_BYTES_MAX: Final = 32 * 1024 * 1024
UNKNOWN_PREVIEW: Final = "…"
"""The preview of a key whose string nobody here ever saw."""

Form = Literal["lines", "env", "digests"]

_WIDE_CHARS: Final = 24
_ENV: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_MEND: Final = "make a new key for that client (keyhatch keys create), and leave the line out"
_NO_DIGEST: Final = "no SHA-256 in 64 hexadecimal digits stands at its end: write NAME,DIGEST"
_NAMED_BY_A_KEY: Final = "what stands for its name may be a key itself, and names are shown: give it another"
_NO_ASSIGNMENT: Final = "it is not NAME=value"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    name: str
    text: str


def read_existing(raw: bytes, form: Form, prefix: str, only: tuple[str, ...] = ()) -> tuple[Existing, ...]:
    """The strings of a file; raises `RuleBroken` with every line that cannot be taken.

    `only`: of an env file, the names to take, as patterns of the shell.
    """
    lines = _numbered(raw)
    if lines is None:
        raise RuleBroken("the file is not text in UTF-8: save it as such")
    read = _READINGS[form]
    problems: list[Problem] = []
    found: list[Existing] = []
    seen: dict[bytes, int] = {}
    for number, text in lines:
        line = read(number, text, only)
        if line is None:
            continue
        made = line if isinstance(line, str) else _existing(line, form, prefix)
        if isinstance(made, str):
            problems.append(_problem(number, made))
        elif made.digest in seen:
            problems.append(_problem(number, f"it says the same as line {seen[made.digest]}: leave one out"))
        else:
            seen[made.digest] = number
            found.append(made)
    refuse(problems)
    if not found:
        raise RuleBroken("there is no key in the file: nothing was imported")
    if len(found) > KEYS_MAX:
        raise RuleBroken(f"{len(found)} keys are too many: {KEYS_MAX} is the most, so divide the file")
    return tuple(found)


def preview_of_existing(text: str, prefix: str) -> str:
    """What may be shown of an imported string: far too little to guess the rest."""
    if shape_of(text, prefix) is Shape.WELL_FORMED:
        return preview_of(Secret(text))
    return f"{text[:4]}…{text[-4:]}" if len(text) >= _WIDE_CHARS else f"{text[:3]}…"


def _problem(number: int, message: str) -> Problem:
    return Problem(f"line {number}", message)


def _numbered(raw: bytes) -> Iterator[tuple[int, str]] | None:
    """Lines that say something, with their numbers; None for what is no text."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return ((number, line.strip()) for number, line in lines if line.strip() and line.strip()[0] != "#")


def _named(number: int, text: str, _only: tuple[str, ...]) -> _Line:
    """`name<TAB or comma>string`, or the string alone."""
    at = max(text.rfind("\t"), text.rfind(","))
    name = text[:at].strip() if at >= 0 else ""
    return _Line(number, name or f"imported-{number}", text[at + 1 :].strip())


def _assigned(number: int, text: str, only: tuple[str, ...]) -> _Line | str | None:
    """`NAME=value`, in quotes or not, with or without `export`."""
    match = _ENV.fullmatch(text)
    if match is None:
        return _NO_ASSIGNMENT
    name, value = match[1], match[2].strip()
    if not any(fnmatchcase(name, pattern) for pattern in only):
        return None
    if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
        value = value[1 : value.find(value[0], 1)]
    else:
        value = value.partition(" #")[0].strip()
    return _Line(number, name, value)


def _digested(number: int, text: str, only: tuple[str, ...]) -> _Line | str:
    """`name<TAB or comma>digest`, also in quotes, as databases write CSV."""
    line = _named(number, text.replace('"', ""), only)
    return line if _DIGEST.fullmatch(line.text) else _NO_DIGEST


_READINGS: Final[Mapping[Form, Callable[[int, str, tuple[str, ...]], _Line | str | None]]] = {
    "lines": _named,
    "env": _assigned,
    "digests": _digested,
}


def _existing(line: _Line, form: Form, prefix: str) -> Existing | str:
    if weakness(line.name, prefix) is None:
        return _NAMED_BY_A_KEY
    if form == "digests":
        digest = bytes.fromhex(line.text)
        return Existing(name=line.name, digest=digest, preview=UNKNOWN_PREVIEW, line=line.number)
    why = weakness(line.text, prefix)
    if why is not None:
        return f"{why}; {_MEND}"
    preview = preview_of_existing(line.text, prefix)
    return Existing(name=line.name, digest=digest_of(line.text), preview=preview, line=line.number)
