"""The house stays readable: small files, small functions, a word of welcome, one test file for each module.

The aims are 300 lines a file, 60 lines a function and nine of ten functions at most 30; the limits here
leave a little room above the aims, so that they end a discussion rather than begin one.
"""

import ast
from pathlib import PurePosixPath

import pytest

from tests.arch.sources import ROOT, functions, modules, text, tree

pytestmark = pytest.mark.timeout(120)  # a thousand modules are parsed by whichever test comes first

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 80
SHORT_FUNCTION_LINES = 30
SHORT_SHARE_MIN = 0.9
DOCSTRING_LINES_MAX = 60  # 25, and an essay where house rules need one

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}

# Modules whose one test file does not stand at its mirror in tests/unit, each with its reason.
TESTED_ELSEWHERE: dict[str, str] = {}

GATEWAY = modules("gateway")
EVERYTHING = modules("gateway", "tests", "bench", "release")


def test_a_file_is_small() -> None:
    sizes = {module: len(text(module).splitlines()) for module in EVERYTHING}
    assert {module: lines for module, lines in sizes.items() if lines > FILE_LINES_MAX} == {}


def test_a_function_is_small() -> None:
    sizes = {f"{module}:{node.name}": _lines(node) for module in EVERYTHING for node in functions(module)}
    assert {function: lines for function, lines in sizes.items() if lines > FUNCTION_LINES_MAX} == {}


def test_nine_of_ten_functions_are_short() -> None:
    sizes = [_lines(node) for module in GATEWAY for node in functions(module)]
    short = sum(size <= SHORT_FUNCTION_LINES for size in sizes)
    assert short >= SHORT_SHARE_MIN * len(sizes)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring: explaining must not cost room."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_a_module_says_what_it_is_for() -> None:
    assert [module for module in EVERYTHING if not _says_what_it_is_for(module)] == []


def _says_what_it_is_for(module: str) -> bool:
    """In a docstring of fair length; only a package that holds no code may be silent."""
    docstring = ast.get_docstring(tree(module))
    if docstring is None:
        return module.endswith("__init__.py") and tree(module).body == []
    return len(docstring.splitlines()) <= DOCSTRING_LINES_MAX


def test_a_name_says_what_is_inside() -> None:
    words = {module: set(module.removesuffix(".py").replace("/", "_").split("_")) for module in EVERYTHING}
    assert [module for module in EVERYTHING if words[module] & VAGUE_NAMES] == []


def _mirror(module: str) -> str:
    """Where the one test file of a module stands: tests/unit, then its path within gateway or tests.

    What a package itself holds is tested under the package's name.
    """
    path = PurePosixPath(module)
    name = path.parent.name if path.stem == "__init__" else path.stem.strip("_")
    folders = path.parent.parts[1:] if path.parts[0] in {"gateway", "tests"} else path.parent.parts
    return PurePosixPath("tests/unit", *folders, f"test_{name}.py").as_posix()


def _acts(module: str) -> bool:
    """Whether a module does something that can be tested; mere shapes are tested where they are used."""
    return any(not _is_promise(node) for node in functions(module))


def _is_promise(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is only declared, as in a Protocol: a docstring, an ellipsis."""
    return all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)


def test_a_module_has_its_test_file() -> None:
    expected = {module: TESTED_ELSEWHERE.get(module, _mirror(module)) for module in GATEWAY if _acts(module)}
    assert {module: file for module, file in expected.items() if not (ROOT / file).exists()} == {}


def test_a_unit_test_file_has_its_module() -> None:
    mirrors = {_mirror(module) for module in EVERYTHING}
    assert [path for path in modules("tests/unit") if "/test_" in path and path not in mirrors] == []


def test_no_exception_outlives_its_module() -> None:
    assert [module for module in TESTED_ELSEWHERE if module not in GATEWAY] == []
