"""No plugin of pydantic's runs in the command's process.

When pydantic builds its first model it asks every installed distribution for plugins, and would have them see
what is validated: the configuration. Nothing but our own code is to read that here. To ask also loads
`importlib.metadata` with email, zipfile and csv: over a megabyte, which an idle gateway needs for nothing
else. `PYDANTIC_DISABLE_PLUGINS` keeps the plugins out and loads all that nevertheless.

The command line alone does this, for its process is ours: whoever imports the gateway keeps their plugins.
"""

import sys
from types import ModuleType
from typing import Final

_LOADER: Final = "pydantic.plugin._loader"


def keep_plugins_out() -> None:
    """Let pydantic find no plugins. Call it before the first model is built; later it changes nothing."""
    nobody = ModuleType(_LOADER)
    vars(nobody)["get_plugins"] = tuple
    sys.modules.setdefault(_LOADER, nobody)
