"""Who is at the other end of the control socket, as the kernel tells it: both sides ask before they speak.

Linux has `SO_PEERCRED`. The other systems have calls of their own (`getpeereid`, `LOCAL_PEERCRED`), which
Python does not offer; there nobody can be told apart, and the modes of the socket and its folder stand alone.
"""

import os
import socket
import struct
from pathlib import Path
from typing import Final, Protocol

_UCRED: Final = struct.Struct("3i")  # pid, uid, gid


class Peer(Protocol):
    """A connected socket, or what asyncio shows of one."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """What the kernel says."""


def uid_of_peer(peer: Peer) -> int | None:
    """The user who listens or calls at the other end; our own where the system cannot be asked."""
    if not hasattr(socket, "SO_PEERCRED"):  # pragma: no cover - Linux has it
        return os.geteuid()
    _, uid, _ = _UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def may_serve(store: Path) -> set[int]:
    """The users who may answer for a store: root, ourselves, and whom the file belongs to."""
    try:
        return {0, os.geteuid(), store.stat().st_uid}
    except OSError:
        return {0, os.geteuid()}
