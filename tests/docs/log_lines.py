"""What the gateway can say in its log, read out of its own text: level, logger and the words of each line.

A line is looked for where a logger is called. What a call fills in (`%s`, `%d`) is `…` here.
"""

import ast
import functools
import importlib
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.arch.sources import modules, text, tree

LEVELS: Final = {"debug", "info", "warning", "error", "critical", "exception"}
_LOGGER: Final = re.compile(r"_?log(?:ger)?", re.IGNORECASE)
_SPEAKS: Final = re.compile(rf"\b{_LOGGER.pattern}\.(?:{'|'.join(LEVELS)})\(", re.IGNORECASE)
_FILLED: Final = re.compile(r"%\d*[sdgorx]|%\.\d+f")


class LogLine(NamedTuple):
    """One call of a logger. An `exception` is an error with a traceback."""

    logger: str
    level: str
    words: str


@functools.cache
def log_lines() -> frozenset[LogLine]:
    """Every line that a module of the gateway can log by itself."""
    speaking = [module for module in modules("gateway") if _SPEAKS.search(text(module))]
    return frozenset(line for module in speaking for line in _lines(module))


def _lines(module: str) -> Iterator[LogLine]:
    loggers = dict(_loggers(module))
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        logger = node.func.value
        if node.func.attr in LEVELS and isinstance(logger, ast.Name) and _LOGGER.fullmatch(logger.id):
            level = "error" if node.func.attr == "exception" else node.func.attr
            yield LogLine(loggers[logger.id], level, _FILLED.sub("…", _words(module, node.args[0])))


def _loggers(module: str) -> Iterator[tuple[str, str]]:
    """The loggers of a module, by the names that it gives them."""
    dotted = module.removesuffix(".py").replace("/", ".")
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.AnnAssign | ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if ast.unparse(node.value.func) == "logging.getLogger" and node.value.args:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            given = node.value.args[0]
            yield ast.unparse(target), str(given.value) if isinstance(given, ast.Constant) else dotted


def _words(module: str, said: ast.expr) -> str:
    """The words of a line: written there, or under a name."""
    if isinstance(said, ast.Constant):
        return str(said.value)
    if isinstance(said, ast.Name):
        dotted = module.removesuffix(".py").replace("/", ".")
        return str(getattr(importlib.import_module(dotted), said.id))
    return "…"
