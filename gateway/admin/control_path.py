"""Where the control socket lies, and how to name it to the kernel.

It lies beside the store, `<store>.sock`, so whoever finds the one finds the other. A socket's address holds
only 107 bytes on Linux (`sun_path`), and stores lie deeper than that: there the folder is opened and the
socket is named through it, `/proc/self/fd/<folder>/<name>`.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HAS_SOCKETS: Final = hasattr(socket, "AF_UNIX")
"""Unix sockets. Python has none on Windows, so the command line cannot ask a running gateway there."""
NO_SOCKETS: Final = (
    "this system has no Unix sockets, so a running gateway cannot be asked from here: use its console or its "
    "management API, or stop it first"
)
ADDRESS_BYTES_MAX: Final = 103  # macOS and the BSDs: 104 with the closing zero; Linux: 108


def socket_path(store: Path) -> Path:
    """The control socket of the store in this file, whichever of its names it is called by."""
    real = Path(os.path.realpath(store))
    return real.with_name(real.name + ".sock")


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for `bind` and `connect`, good as long as the context lasts."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX or sys.platform != "linux":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
