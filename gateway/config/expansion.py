"""`${VAR}`, `${VAR:-default}` and `${file:/run/secrets/x}` in a file's scalars, after parsing.

What is expanded is text inside one scalar and stays so: it can add no key, no list and no further `${…}`.
`$${` stands for the characters `${`. The tree remembers what was written, and that is what people are shown;
the expanded value is never printed.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.config.problems import Loc, Problem, problem_at
from gateway.config.tree import Node, is_unicode

FILE_BYTES_MAX: Final = 64 * 1024

_PLACE: Final = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class CannotExpand(Exception):
    """Says why, in words that hold no value."""


def expand(root: Node, environ: Mapping[str, str], base_dir: Path) -> list[Problem]:
    """Expand every scalar of the tree in place. `${file:…}` paths are relative to `base_dir`."""
    return list(_expand(root, (), environ, base_dir))


def files_named(root: Node, base_dir: Path) -> list[Path]:
    """The files that an expanded tree was written to read, whether or not they could be."""
    written = (node.written for node in root.below() if node.written is not None)
    inner = (match[1] or "" for text in written for match in _PLACE.finditer(text))
    return [base_dir / each.removeprefix("file:") for each in inner if each.startswith("file:")]


def _expand(node: Node, loc: Loc, environ: Mapping[str, str], base_dir: Path) -> Iterator[Problem]:
    if isinstance(node.content, dict):
        for key, child in node.content.items():
            yield from _expand(child, (*loc, key), environ, base_dir)
    elif isinstance(node.content, list):
        for index, child in enumerate(node.content):
            yield from _expand(child, (*loc, index), environ, base_dir)
    elif isinstance(node.content, str) and "${" in node.content:
        node.written = node.content
        try:
            node.content = _PLACE.sub(lambda match: _value(match, environ, base_dir), node.content)
        except CannotExpand as error:
            node.failed = True
            yield problem_at(node.origin, loc, str(error))


def _value(match: re.Match[str], environ: Mapping[str, str], base_dir: Path) -> str:
    if match[0] == "$${":
        return "${"
    inner: str = match[1] or ""
    if inner.startswith("file:"):
        return file_text(inner.removeprefix("file:"), base_dir)
    variable = _VARIABLE.fullmatch(inner)
    if variable is None:
        raise CannotExpand(
            "expands ${NAME}, ${NAME:-default} and ${file:PATH}; write '$${' for the characters themselves"
        )
    name, default = variable.groups()
    value = environ.get(name)
    if default is not None and not value:
        return str(default)
    if value is None:
        raise CannotExpand(f"the variable {name} is not set; ${{{name}:-default}} would give a default")
    if not is_unicode(value):
        raise CannotExpand(f"the variable {name} is not UTF-8 text")
    return value


def file_text(name: str, base_dir: Path) -> str:
    """What a file holds, without the end of its last line; raises `CannotExpand`."""
    path = base_dir / name
    try:
        if not path.is_file():
            raise CannotExpand(f"there is no file '{name}'")
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise CannotExpand(f"the file '{name}' is larger than 64KiB")
        text = raw.decode("utf-8")
    except OSError as error:
        raise CannotExpand(f"the file '{name}' cannot be read: {error.strerror}") from None
    except ValueError:
        raise CannotExpand(f"the file '{name}' is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
