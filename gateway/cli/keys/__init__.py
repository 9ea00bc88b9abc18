"""`keyhatch keys …`: making, seeing, changing and checking keys, directly at the store or at its server.

Every command goes through `gateway.keeper.desk.KeyDesk`, so the same rules hold here as in the management
API. A key's secret appears once, on stdout of the command that made it; no command takes one as an argument.
"""

from gateway.cli.keys.group import keys

__all__ = ["keys"]
