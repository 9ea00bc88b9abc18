"""What callers show is compared in constant time wherever it decides, in the rooms on a request's way.

Secrets are looked for by their SHA-256, whose bytes nobody can steer, so a plain comparison would tell
little; but nobody should have to think that through anew for each line.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.arch.sources import modules, tree

_TELLS: Final = re.compile(r"digest|signature|token|secret|mac\b")

HARMLESS: Final = {
    "gateway/admin/sessions.py: session.secret_digest == secret_digest",  # counts a holder's own sessions
    "gateway/core/policy.py: digest != key.digest",  # when an Allow ends; `standing` has compared before
}
"""Comparisons that let nobody pass, and why."""


def plain_comparisons(module: str) -> Iterator[str]:
    """Each `==` and `!=` with something on either side that is named like a secret or a digest of one."""
    for node in ast.walk(tree(module)):
        is_plain = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        if is_plain and any(_names_a_secret(side) for side in ast.iter_child_nodes(node)):
            yield f"{module}: {ast.unparse(node)}"


def _names_a_secret(side: ast.AST) -> bool:
    name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(side), "")
    return bool(name and _TELLS.search(getattr(side, name)))


@pytest.mark.parametrize("room", ["core", "wire", "admin", "plane"])
def test_what_is_secret_is_compared_in_constant_time(room: str) -> None:
    found = {each for module in modules(f"gateway/{room}") for each in plain_comparisons(module)}
    assert found - HARMLESS == set(), "hmac.compare_digest, or a line in HARMLESS that says why not"


def test_each_exception_is_still_there() -> None:
    rooms = {each.split("/")[1] for each in HARMLESS}
    found = {
        each for room in rooms for module in modules(f"gateway/{room}") for each in plain_comparisons(module)
    }
    assert HARMLESS - found == set()
