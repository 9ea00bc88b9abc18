"""What is merely installed beside the gateway is not loaded into the command's process.

Some libraries look for company when they are imported, and would pay for it with memory that an idle gateway
needs for nothing else:

1. pydantic asks every installed distribution for plugins when it builds its first model, and would have them
   see what is validated: the configuration. Nothing but our own code is to read that here. To ask also loads
   `importlib.metadata` with email, zipfile and csv, 1.2 MB; `PYDANTIC_DISABLE_PLUGINS` keeps the plugins out
   and loads all that nevertheless.
2. structlog imports rich and better_exceptions (3.7 MB) where they are, to draw tracebacks. Ours are plain,
   for theirs show the values of variables. It imports greenlet (1 MB with C++'s library) for logging from
   threads that are none; the gateway has none.
3. yaml imports its parser in C (0.2 MB). Configurations are read by the one in Python, which knows lines.
4. pydantic imports zoneinfo, which asks how Python was built where time zones lie (0.3 MB). Every time of
   ours is UTC.

The command line alone does this, for its process is ours: whoever imports the gateway keeps what they have.
"""

import os
import sys
from collections.abc import MutableMapping
from types import ModuleType
from typing import Final, cast

_LOADER: Final = "pydantic.plugin._loader"
_COMPANY: Final = ("better_exceptions", "greenlet", "rich", "yaml._yaml")
_TIME_ZONES: Final = "PYTHONTZPATH"


def keep_plugins_out() -> None:
    """Let libraries find nobody. Call it before they are imported; later it changes nothing."""
    nobody = ModuleType(_LOADER)
    vars(nobody)["get_plugins"] = tuple
    sys.modules.setdefault(_LOADER, nobody)
    modules = cast("MutableMapping[str, ModuleType | None]", sys.modules)
    for name in _COMPANY:
        modules.setdefault(name, None)  # Python's own way to say that there is no such module
    _load_zoneinfo()


def _load_zoneinfo() -> None:
    """Load it without its question, unless the person has answered it."""
    if _TIME_ZONES in os.environ:
        return
    os.environ[_TIME_ZONES] = ""
    try:
        import zoneinfo  # noqa: F401, PLC0415
    finally:
        del os.environ[_TIME_ZONES]
