"""Variables that name a file in which their value stands: `KEYHATCH_STORE_FILE=/run/secrets/store`.

So secrets reach a container without standing in its environment. The file's text is the value, as it is but
for the end of its last line; nothing in it is expanded, and an empty one is no null. People are shown the
variable and the file, as `${file:…}`, and never what it holds. A relative name counts from the working
directory.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.config.expansion import CannotExpand, file_text
from gateway.config.problems import Origin, Problem, problem_at
from gateway.config.tree import Node, is_unicode

SUFFIX: Final = "_FILE"
_UNREAD: Final = "${file:}"
"""Stands for what could not be read, so that nothing else is said of it."""
_HIDDEN: Final = (
    "names no file that is there; what it says is not repeated, since it may be the secret itself: "
    "write the secret into a file, and here that file's name, like /run/secrets/x or ./x"
)


def read_named(variable: str, environ: Mapping[str, str], rival: str | None) -> tuple[Node, Problem | None]:
    """The value that a variable names by its file, and what is wrong, if anything is.

    `rival` is what the variable without the suffix says, if it is set: both at once are a problem.
    """
    name = environ[variable]
    node = Node(Origin(f"{variable} ({name})"), _UNREAD, failed=True)
    if rival is not None:
        return node, _problem(variable, f"{variable.removesuffix(SUFFIX)} is set too: leave one of them out")
    if not is_unicode(name):
        return node, _problem(variable, "is not UTF-8 text")
    if not name:
        return node, _problem(variable, "names no file: leave it out, or give it one")
    if not name.startswith(("/", "./", "../")) and not _is_there(name):
        return node, _problem(variable, _HIDDEN)
    node.written = f"${{file:{Path(name).absolute()}}}"
    try:
        node.content = file_text(name, Path())
    except CannotExpand as error:
        return node, _problem(variable, str(error))
    node.failed = False
    return node, None


def _is_there(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # longer than any name
        return False


def _problem(variable: str, message: str) -> Problem:
    return problem_at(Origin(variable), (), message)
