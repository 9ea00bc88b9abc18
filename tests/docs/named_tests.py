"""Tests as pages name them, `tests/FOLDER/test_FILE.py::test_NAME`, and whether they are there.

They are looked for in the text of the files: nothing is imported, and nothing is run.
"""

import ast
import functools
import re
from typing import Final

from tests.arch.sources import ROOT, functions, tree

_TEST: Final = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>[Tt]est\w+)`")


def named_tests(text: str) -> list[tuple[str, str]]:
    """Each test that a text names: its file and its name."""
    return [(match["file"], match["name"]) for match in _TEST.finditer(text)]


def lost(named: list[tuple[str, str]]) -> list[str]:
    """Those that are not there."""
    return [f"{path}::{name}" for path, name in named if name not in names_in(path)]


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """The functions of a file of tests, and the classes that a state machine makes."""
    if not (ROOT / path).exists():
        return frozenset()
    assigned = [node.targets[0] for node in tree(path).body if isinstance(node, ast.Assign)]
    made = {target.id for target in assigned if isinstance(target, ast.Name)}
    return frozenset({node.name for node in functions(path)} | made)
