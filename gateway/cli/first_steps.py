"""What somebody is told whose gateway holds no key for callers yet: how to make one, and how to try it.

The commands can be pasted into any terminal, in any folder: files are named in full, and only those that the
command would not find by itself. Pure but for the working directory.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.cli.loading import trust_option
from gateway.config.compile import table
from gateway.config.load import Loaded
from gateway.core.routes import Route

PASTE: Final = """
Keyhatch stands at {at}, and holds no key for callers yet, so every one is refused.
Paste into another terminal:

  # make a key
  export KEY=$({create})

  # without it: 401
  curl -i{trust} {at}/.keyhatch/me

  # with it: 200
  curl -i{trust} -H "Authorization: Bearer $KEY" {at}/.keyhatch/me
"""
THEN: Final = """
  # your server, through the gateway
  curl -i{trust} -H "Authorization: Bearer $KEY" {at}{path}
"""
_NAME: Final = "My first key"
_OF_PRESET: Final = ":"
"""Stands in the ids of a preset's routes alone."""


def first_steps(at: str, loaded: Loaded, program: str) -> str:
    """What to paste. `at` is the URL of the proxy, `program` how this program is called."""
    trust = trust_option(loaded)
    text = PASTE.format(at=at, create=create_command(loaded, program), trust=trust)
    path = _path_to_try(table(loaded.settings).routes)
    return text if path is None else text + THEN.format(at=at, path=path, trust=trust)


def create_command(loaded: Loaded, program: str) -> str:
    """The command that makes a first key in the store of this gateway, printing the key alone."""
    words = ["keys", "create", "-q", _NAME]
    if any(route.scopes or route.any_of for route in loaded.settings.routes):
        words += ["--scope", "*"]
    elif any(written.preset for written in loaded.settings.upstreams.values()):
        from gateway.config.presets import DANGEROUS  # noqa: PLC0415 - read already, where one is named

        ordinary = [scope for scope in loaded.settings.catalogue if scope not in DANGEROUS]
        words += [word for scope in ordinary for word in ("--scope", scope)]
    if loaded.path is not None:
        words += ["--config", str(loaded.path.absolute())]
    origin = loaded.origins["store.url"]
    from_file = loaded.path is not None and (origin == "default" or origin.startswith(f"{loaded.path}:"))
    if loaded.store_path is not None and not from_file:
        words += ["--store", f"sqlite:///{loaded.store_path.absolute()}"]
    return f"{program} {shlex.join(words)}"


def program(invoked_as: str, python: str) -> str:
    """How to call this program from any folder: `keyhatch`, or `python -m gateway` if started like that.

    Where Python would not find the package by itself, because it runs from its source, it is told where.
    """
    if Path(invoked_as).name != "__main__.py":
        return "keyhatch"
    source = Path(invoked_as).absolute().parents[1]
    is_installed = source.name in {"site-packages", "dist-packages"}
    where = "" if is_installed else f"PYTHONPATH={shlex.quote(str(source))} "
    return f"{where}{shlex.quote(python)} -m gateway"


def sources(loaded: Loaded) -> str:
    """Which configuration and store are in use, and where HTTPS is, for the log. Paths alone, no value."""
    file = "without a file" if loaded.path is None else str(loaded.path.absolute())
    store = "in memory" if loaded.store_path is None else str(loaded.store_path.absolute())
    tls = loaded.settings.server.tls
    https = (", HTTPS for callers and admin" if tls.admin else ", HTTPS for callers") if tls.is_on else ""
    return f"configuration {file}, store {store}{https}"


def _path_to_try(routes: Sequence[Route]) -> str | None:
    """A path that a GET can ask for: one that stands there in full, else the root of a route for all.

    Of a preset it is one that needs a key; what models there are is a good first question.
    """
    taking = [route for route in routes if route.takes("GET")]
    for route in taking:
        if _OF_PRESET not in route.id and "*" not in route.path:
            return route.path
    if any(route.path == "/**" for route in taking):
        return "/"
    asked = [route for route in taking if _OF_PRESET in route.id and not route.public]
    asked.sort(key=lambda route: ("models" not in route.id, "models:read" not in route.scopes))
    paths = (route.path.removesuffix("/**") for route in asked)
    return next((path for path in paths if "*" not in path), None)
