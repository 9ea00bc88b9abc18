"""The control socket: the process that holds the store serves its desk to the command line.

HTTP over a Unix socket beside the store, one POST per act, JSON in and out, both from a closed set
(`gateway.admin.control_words`). What it promises:

1. Only root and the user this process runs as are served: the socket has mode 0600 from its first moment, and
   the kernel tells who is calling.
2. Secrets travel in the answers to create and rotate and in the question of verify; never in a URL, a log or
   an error.
3. Whatever is asked ends in one of the declared answers; the unexpected is logged here and told as
   `store_unavailable`.
4. A socket left behind by a process that died is replaced. Start the server only while holding the store's
   lock, so that nobody living is replaced.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.admin.control_path import address_of, socket_path
from gateway.admin.control_peer import Peer, uid_of_peer
from gateway.admin.late import LateRoom, Receive, load_beside
from gateway.keeper.desk import KeyDesk, RuleBroken
from gateway.keeper.ports import StoreUnavailable

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.config.reloaded import Reload
    from gateway.keeper.credentials import CredentialDesk
    from gateway.keeper.draining import TargetDesk

_STOP_S: Final = 2.0
_BACKLOG: Final = 16


def nobody() -> "CredentialDesk":
    """The desk of credentials where there is none."""
    raise RuleBroken("no credentials are managed here")


def no_targets() -> "TargetDesk":
    """The desk of targets where nobody serves."""
    raise RuleBroken("no upstreams are served here")


class ControlServer:
    """Serves a desk on the socket of a store; `start` it under the store's lock, `stop` it before letting go.

    `desk` is called with the first question, `credentials` and `targets` with each about them; `reload` reads
    the configuration anew. `peer_uid` tells which user is on the other end, None where the system cannot say.
    """

    def __init__(
        self,
        desk: Callable[[], KeyDesk],
        store_path: Path,
        *,
        credentials: "Callable[[], CredentialDesk]" = nobody,
        targets: "Callable[[], TargetDesk]" = no_targets,
        peer_uid: Callable[[Peer], int | None] = uid_of_peer,
        reload: "Reload | None" = None,
    ) -> None:
        self._desk = desk
        self._credentials = credentials
        self._targets = targets
        self._path = socket_path(store_path)
        self._peer_uid = peer_uid
        self._reload = reload
        self._room = LateRoom("the control socket", self._open)
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._inode: int | None = None
        self._held = ExitStack()

    async def start(self) -> None:
        """Listen; raises `StoreUnavailable` if that is impossible."""
        try:
            listener = self._listen()
            self._server = await asyncio.get_running_loop().create_unix_server(self._room, sock=listener)
        except BaseException as error:
            self._held.close()
            if isinstance(error, OSError):
                raise StoreUnavailable(
                    f"cannot listen on {self._path}: {error.strerror or error}; check the folder's owner and "
                    "mode, or choose a shorter path for the store"
                ) from error
            raise

    async def stop(self) -> None:
        """Answer what was asked, then close and remove the socket. Stopping twice is harmless."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        await self._room.settle(_STOP_S)
        if self._runner is not None:
            await self._runner.cleanup()
        if _inode(self._path) == self._inode:
            self._path.unlink(missing_ok=True)
        self._held.close()

    def _listen(self) -> socket.socket:
        """A listening socket that nobody else could use for a single moment."""
        if self._path.exists():
            if not stat.S_ISSOCK(self._path.stat().st_mode):
                raise StoreUnavailable(f"{self._path} is not a socket: move it away")
            self._path.unlink()
        address = self._held.enter_context(address_of(self._path))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._held.callback(listener.close)
        before = os.umask(0o177)
        try:
            listener.bind(address)
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
        self._inode = _inode(self._path)
        return listener

    async def _open(self) -> Receive:
        await load_beside("gateway.admin.control_app")
        from gateway.admin.control_app import control_runner  # noqa: PLC0415 - loaded with the line above

        runner = self._runner = control_runner(
            self._desk(),
            self._peer_uid,
            self._reload,
            close_grace_s=_STOP_S,
            credentials=self._credentials,
            targets=self._targets,
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101 - setup made it
        return runner.server


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
