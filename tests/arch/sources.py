"""The repository as the architecture tests read it: its modules as syntax trees, its files as text.

Nothing here imports the gateway: what is judged is the text that is committed.
"""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def modules(*folders: str) -> tuple[str, ...]:
    """The paths, relative to the root, of the Python files in ``folders``."""
    starts = tuple(f"{folder}/" for folder in folders)
    return tuple(path for path in committed_files() if path.endswith(".py") and path.startswith(starts))


@functools.cache
def tree(module: str) -> ast.Module:
    """The syntax tree of one module."""
    return ast.parse((ROOT / module).read_bytes(), module)


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Each import of a module, wherever it stands: line and dotted name, with names taken from a package."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


@functools.cache
def functions(module: str) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """Each function and method of a module, the nested ones too."""
    return tuple(
        node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@functools.cache
def committed_files() -> tuple[str, ...]:
    """The paths of what is committed or about to be; without git, of every file that is not hidden."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("[!.]*")]
    return tuple(sorted(path.as_posix() for path in paths if (ROOT / path).is_file()))


def text(path: str) -> str:
    """The text of one file; bytes that are no text become replacement characters."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
