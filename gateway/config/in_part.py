"""One thing of a configuration although other parts of it are broken: where the store is, where the listener.

Commands that talk with a running gateway need no more, and it runs on while somebody edits its file.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gateway.config.expansion import expand
from gateway.config.fields import Address, read_address, read_switch
from gateway.config.load import read_root
from gateway.config.overlay import lay_environment, lay_flags
from gateway.config.problems import ConfigError, Loc, Origin, Problem, Unfit, dotted, problem_at
from gateway.config.sections import ServerSettings, StoreSettings
from gateway.config.tree import Node, find, from_plain, placed

_Value = TypeVar("_Value")


def find_store(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Path | None:
    """Where keys are kept, although other parts may be broken; None in memory or where it cannot be told."""
    base_dir = Path() if path is None else path.parent
    tree = read_root(path)[0] or from_plain({}, Origin(""))
    _lay(tree, base_dir, environ, flags)  # what is wrong with it is known already
    node = find(tree, ("store", "url"))
    if node is not None and node.failed:
        return None
    try:
        store = StoreSettings.model_validate({} if node is None else {"url": node.content})
    except ValidationError:
        return None
    return None if store.path is None else placed(store.path, ("store", "url"), tree, base_dir)


def find_admin(
    path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[Address, bool]:
    """Where the admin listener is and whether it speaks TLS, although other parts may be broken.

    Raises `ConfigError` where that cannot be told.
    """
    tree, problems = read_root(path)
    if tree is None:
        raise ConfigError(problems)
    problems = _lay(tree, Path() if path is None else path.parent, environ, flags)
    address, tls = ("server", "admin"), ("server", "tls", "admin")
    default = ServerSettings()
    return (
        _read(tree, address, read_address, default.admin, problems),
        _read(tree, tls, read_switch, default.tls.admin, problems),
    )


def _lay(tree: Node, base_dir: Path, environ: Mapping[str, str], flags: Mapping[str, str]) -> list[Problem]:
    """Expand what the file says, and lay variables and flags over it; upstreams and their flags aside."""
    problems = expand(tree, environ, base_dir)
    return [*problems, *lay_environment(tree, environ), *lay_flags(tree, flags)]


def _read(
    tree: Node, loc: Loc, read: Callable[[object], _Value], default: _Value, known: Iterable[Problem]
) -> _Value:
    """The value at a place, although nothing around it was validated."""
    node = find(tree, loc)
    if node is None:
        return default
    if node.failed:
        told = tuple(known)  # of a file that a variable names it is not told by the option's place
        raise ConfigError([each for each in told if each.path == dotted(loc)] or told)
    try:
        return read(node.content)
    except Unfit as unfit:
        raise ConfigError([problem_at(node.origin, loc, unfit.message)]) from None
