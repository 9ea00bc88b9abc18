"""An address that is not to be had, told with the setting it came from and the flag that gives another.

The system names what it could not bind to, or only the trouble; people know listeners by what they wrote.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import gaierror
from typing import Final

import click

from gateway.config.fields import Address
from gateway.config.sections import ServerSettings

NOT_TO_BE_HAD: Final = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EAFNOSUPPORT})
_BIND: Final = re.compile(r"bind on address \('(.+?)', (\d+).*?\): (?:\[errno \d+\] )?(.+)")


@dataclass(frozen=True, slots=True)
class _Listener:
    name: str
    address: Address

    def __str__(self) -> str:
        return f"{self.address} (server.{self.name})"


@contextmanager
def listening(server: ServerSettings) -> Iterator[None]:
    """Turn the system's trouble with an address into a sentence; other trouble passes through."""
    try:
        yield
    except OSError as trouble:
        if trouble.errno not in NOT_TO_BE_HAD and not isinstance(trouble, gaierror):
            raise
        raise click.ClickException(_sentence(trouble, server)) from trouble


def _sentence(trouble: OSError, server: ServerSettings) -> str:
    listeners = [_Listener("proxy", server.proxy), _Listener("admin", server.admin)]
    why = trouble.strerror or str(trouble)
    found = _BIND.search(why)
    if found is not None:
        why = found[3]
        listeners = _meant(listeners, Address(found[1], int(found[2])))
    elif isinstance(trouble, gaierror):
        named = [each for each in listeners if re.search("[g-zG-Z]", each.address.host)]
        listeners = named or listeners
    flags = " or ".join(f"--{each.name} HOST:PORT" for each in listeners)
    where = " or ".join(map(str, listeners))
    return f"{where}: {why}. Choose another with {flags}, or stop what listens there"


def _meant(listeners: list[_Listener], bound: Address) -> list[_Listener]:
    """The listener that was to be bound there: by its address, else (a name stood there) by its port."""
    exact = [each for each in listeners if each.address == bound]
    return exact or [each for each in listeners if each.address.port == bound.port] or listeners
