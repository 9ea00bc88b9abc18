"""What is merely installed beside the gateway is not loaded into the command's process.

Two libraries look for company when they are imported, and would pay for it with memory that an idle gateway
needs for nothing else:

1. pydantic asks every installed distribution for plugins when it builds its first model, and would have them
   see what is validated: the configuration. Nothing but our own code is to read that here. To ask also loads
   `importlib.metadata` with email, zipfile and csv, 1.2 MB; `PYDANTIC_DISABLE_PLUGINS` keeps the plugins out
   and loads all that nevertheless.
2. structlog imports rich and better_exceptions (3.7 MB) where they are, to draw tracebacks. Ours are plain,
   for theirs show the values of variables. It imports greenlet (1 MB with C++'s library) for logging from
   threads that are none; the gateway has none.

The command line alone does this, for its process is ours: whoever imports the gateway keeps what they have.
"""

import sys
from collections.abc import MutableMapping
from types import ModuleType
from typing import Final, cast

_LOADER: Final = "pydantic.plugin._loader"
_COMPANY: Final = ("better_exceptions", "greenlet", "rich")


def keep_plugins_out() -> None:
    """Let pydantic and structlog find nobody. Call it before they are imported; later it changes nothing."""
    nobody = ModuleType(_LOADER)
    vars(nobody)["get_plugins"] = tuple
    sys.modules.setdefault(_LOADER, nobody)
    modules = cast("MutableMapping[str, ModuleType | None]", sys.modules)
    for name in _COMPANY:
        modules.setdefault(name, None)  # Python's own way to say that there is no such module
