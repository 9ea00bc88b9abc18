"""The core and the wire are pure: no clock, no randomness, no I/O, no asyncio, nothing from outside.

What is allowed is listed; everything else is refused, so a new module of the standard library has to be
judged here before it is used there. What each room must not know is listed below it.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.arch.sources import functions, imports, modules, tree

PURE_ROOMS = ("gateway/core", "gateway/wire")

ALLOWED = {
    *("__future__", "abc", "base64", "binascii", "bisect", "collections", "collections.abc", "dataclasses"),
    *("enum", "functools", "hashlib", "hmac", "ipaddress", "itertools", "json", "math", "operator", "re"),
    *("string", "struct", "textwrap", "types", "typing", "unicodedata", "urllib.parse", "zlib", "difflib"),
    "datetime",  # values and their text; the calls that read the clock are refused below
    "http",  # the names of status codes; http.client and http.server are not in it
}
BELOW = {"gateway/core": ("gateway.core",), "gateway/wire": ("gateway.wire", "gateway.core")}

IMPURE_CALLS = {"open", "input", "print", "eval", "exec", "compile", "__import__", "breakpoint"}
IMPURE_METHODS = {
    "now",
    "utcnow",
    "today",
    "fromtimestamp",
}  # fromtimestamp without a zone reads the machine's

# What a room must not even name, beyond what the floors forbid.
UNKNOWN_TO = {
    "gateway/keeper": ("aiohttp", "httptools", "http", "sqlite3", "aiosqlite", "yaml", "socket"),
    "gateway/plane": ("sqlite3", "aiosqlite", "yaml", "gateway.store", "gateway.core.credentials"),
    "gateway/store": ("aiohttp", "http", "yaml"),
    "gateway/config": ("aiohttp", "sqlite3", "aiosqlite"),
}


def impure_imports(module: str) -> Iterator[str]:
    """The imports of a pure module that are not in the list."""
    room = next(room for room in PURE_ROOMS if module.startswith(room))
    for line, name in imports(module):
        parent = name.rpartition(".")[0]
        ours = any(name == below or name.startswith(f"{below}.") for below in BELOW[room])
        if not ours and name not in ALLOWED and parent not in ALLOWED:
            yield f"{module}:{line}: imports {name}"


def impure_acts(module: str) -> Iterator[str]:
    """The statements of a pure module that wait, act, or read the clock."""
    for node in ast.walk(tree(module)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{module}:{node.lineno}: calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords) if (
                name in IMPURE_METHODS
            ):
                if name != "fromtimestamp" or len(args) + len(keywords) < 2:
                    yield f"{module}:{node.lineno}: calls .{name}()"
            case ast.Await() | ast.AsyncFor() | ast.AsyncWith() | ast.AsyncFunctionDef():
                yield f"{module}:{node.lineno}: is asynchronous"
            case ast.Global():
                yield f"{module}:{node.lineno}: changes a global"


@pytest.mark.parametrize("module", modules(*PURE_ROOMS))
def test_a_pure_module_imports_only_what_is_pure(module: str) -> None:
    assert list(impure_imports(module)) == []


@pytest.mark.parametrize("module", modules(*PURE_ROOMS))
def test_a_pure_module_neither_waits_nor_acts(module: str) -> None:
    assert list(impure_acts(module)) == []


@pytest.mark.parametrize(
    ("room", "unknown"), [(room, name) for room, names in UNKNOWN_TO.items() for name in names]
)
def test_a_room_does_not_know_what_is_not_its_work(room: str, unknown: str) -> None:
    found = [
        f"{module}:{line}: imports {name}"
        for module in modules(room)
        for line, name in imports(module)
        if f"{name}.".startswith(f"{unknown}.")
    ]
    assert found == []


def test_the_pure_rooms_are_there() -> None:
    for room in PURE_ROOMS:
        assert [module for module in modules(room) if any(functions(module))], (
            f"{room} holds no code to judge"
        )
