"""The names by which a listener may be called by whoever shows no key.

A web page elsewhere can make its own name lead to a listener (DNS rebinding), but that name has a dot, and
its visitor's browser sends it as the `Host`. So an IP address is ours, a name without a dot (`localhost`,
`keyhatch` in a container network), and the names that were configured; nothing else. `NOT_SOLD` are endings
that nobody can own in the public DNS.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

NOT_SOLD: Final = (".localhost", ".local", ".internal", ".home.arpa")
"""Reserved by RFC 6761 and 6762, by ICANN in 2024, and by RFC 8375."""

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_LOCAL_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_DOTTED_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


class Hosts:
    """`names` are those with dots; they mean the same in capitals. `endings`: of names that are ours too."""

    def __init__(self, names: Iterable[str] = (), endings: tuple[str, ...] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._endings = endings

    def __contains__(self, host: str) -> bool:
        """Whether a `Host` (name or address, perhaps a port) is one we answer to."""
        if host.startswith("["):
            name, bracket, port = host[1:].partition("]")
            return bracket == "]" and _is_port(port) and _is_address(name, 6)
        name, colon, digits = host.partition(":")
        return _is_port(colon + digits) and (self._is_name(name.lower()) or _is_address(name, 4))

    def hold(self, called: tuple[bytes, ...]) -> bool:
        """Whether a caller called us, by names of ours alone."""
        return bool(called) and all(host.decode("latin-1") in self for host in called)

    def _is_name(self, name: str) -> bool:
        if name in self._names or _LOCAL_NAME.fullmatch(name) is not None:
            return True
        return name.endswith(self._endings) and _DOTTED_NAME.fullmatch(name) is not None


NEAR: Final = Hosts(endings=NOT_SOLD)
"""Where nothing was configured."""


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and text[1:].isdecimal())


def _is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False
