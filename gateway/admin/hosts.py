"""The names by which the admin listener may be called.

A web page elsewhere can make its own name lead to this listener (DNS rebinding), but that name has a dot, and
its visitor's browser sends it as the `Host`. So an IP address is answered, a name without a dot (`localhost`,
`keyhatch` in a container network), and the names that were configured; nothing else.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

_LOCAL_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


class Hosts:
    """`names` are those with dots; they mean the same in capitals."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)

    def __contains__(self, host: str) -> bool:
        """Whether a `Host` (name or address, perhaps a port) is one we answer to."""
        if host.startswith("["):
            name, bracket, port = host[1:].partition("]")
            return bracket == "]" and _is_port(port) and _is_address(name, 6)
        name, colon, digits = host.partition(":")
        is_ours = (
            name.lower() in self._names or _LOCAL_NAME.fullmatch(name) is not None or _is_address(name, 4)
        )
        return _is_port(colon + digits) and is_ours


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and text[1:].isdecimal())


def _is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False
