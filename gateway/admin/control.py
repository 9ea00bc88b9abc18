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
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.admin.control_path import address_of, socket_path
from gateway.admin.control_peer import Peer, uid_of_peer
from gateway.admin.control_words import (
    ASKED_BYTES_MAX,
    REFUSALS,
    AskCreate,
    AskList,
    AskNothing,
    AskOne,
    AskRotate,
    AskVerify,
    TellDone,
    TellIssued,
    TellKey,
    TellKeys,
    TellRefusal,
    TellVerification,
    Words,
    places,
)
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk, NotAllowed, RuleBroken
from gateway.keeper.ports import StoreUnavailable

_log: Final = logging.getLogger("gateway.control")
_STOP_S: Final = 2.0
_BACKLOG: Final = 16

Act = tuple[type[Words], Callable[[KeyDesk, Any], Awaitable[Words]]]


class ControlServer:
    """Serves a desk on the socket of a store; `start` it under the store's lock, `stop` it before letting go.

    `peer_uid` tells which user is on the other end, None where the system cannot say.
    """

    def __init__(
        self,
        desk: KeyDesk,
        store_path: Path,
        *,
        peer_uid: Callable[[Peer], int | None] = uid_of_peer,
    ) -> None:
        self._desk = desk
        self._path = socket_path(store_path)
        self._peer_uid = peer_uid
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._inode: int | None = None
        self._held = ExitStack()

    async def start(self) -> None:
        """Listen; raises `StoreUnavailable` if that is impossible."""
        app = web.Application(client_max_size=ASKED_BYTES_MAX)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
        await runner.setup()
        try:
            listener = self._listen()
            assert runner.server is not None  # noqa: S101 - setup made it
            self._server = await asyncio.get_running_loop().create_unix_server(runner.server, sock=listener)
        except BaseException as error:
            self._held.close()
            await runner.cleanup()
            if isinstance(error, OSError):
                raise StoreUnavailable(
                    f"cannot listen on {self._path}: {error.strerror or error}; check the folder's owner and "
                    "mode, or choose a shorter path for the store"
                ) from error
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Answer what was asked, then close and remove the socket. Stopping twice is harmless."""
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        if server is None or runner is None:
            return
        server.close()
        await runner.cleanup()
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

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            self._admit(request)
            told = await self._act(request)
        except web.HTTPRequestEntityTooLarge:
            return _refuse(RuleBroken("what was asked is too long"))
        except Exception as error:  # noqa: BLE001 - the last one to see it; logged and told below
            return _refuse(error)
        return web.Response(body=told.model_dump_json().encode(), content_type="application/json")

    def _admit(self, request: web.Request) -> None:
        peer = None if request.transport is None else request.transport.get_extra_info("socket")
        uid = None if peer is None else self._peer_uid(peer)
        if uid not in (0, os.geteuid()):
            raise NotAllowed(
                f"only root and the user that runs the gateway (uid {os.geteuid()}) manage its keys"
            )

    async def _act(self, request: web.Request) -> Words:
        act = ACTS.get(request.path.removeprefix("/v1/"))
        if act is None or request.method != "POST":
            raise RuleBroken("the running gateway does not know this act: is it of another version?")
        shape, do = act
        try:
            asked = shape.model_validate_json(await request.read())
        except ValidationError as error:
            raise RuleBroken(f"the running gateway cannot read what was asked: {places(error)}") from None
        return await do(self._desk, asked)


def _refuse(error: Exception) -> web.Response:
    for kind, status, exception in REFUSALS:
        if isinstance(error, exception):
            return _refusal(status, kind, str(error))
    _log.exception("the control socket met something unexpected", exc_info=error)
    return _refusal(503, "store_unavailable", "the running gateway met something unexpected: see its log")


def _refusal(status: int, kind: str, message: str) -> web.Response:
    body = TellRefusal(kind=kind, message=message).model_dump_json().encode()
    return web.Response(status=status, body=body, content_type="application/json")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _key(key: ApiKey) -> TellKey:
    return TellKey.model_validate(key)


async def _ping(_: KeyDesk, asked: AskNothing) -> Words:  # noqa: ARG001 - every act has this shape
    return TellDone()


async def _create(desk: KeyDesk, asked: AskCreate) -> Words:
    return TellIssued.of(*await desk.create(asked.draft()))


async def _list(desk: KeyDesk, asked: AskList) -> Words:
    return TellKeys(keys=tuple(_key(key) for key in await desk.list_keys(asked.status, asked.owner)))


async def _resolve(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.resolve(asked.id_or_name))


async def _revoke(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.revoke(asked.id_or_name))


async def _disable(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.disable(asked.id_or_name))


async def _enable(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.enable(asked.id_or_name))


async def _rotate(desk: KeyDesk, asked: AskRotate) -> Words:
    return TellIssued.of(*await desk.rotate(asked.id_or_name, asked.overlap_s))


async def _delete(desk: KeyDesk, asked: AskOne) -> Words:
    return _key(await desk.delete(asked.id_or_name))


async def _verify(desk: KeyDesk, asked: AskVerify) -> Words:
    return TellVerification.of(await desk.verify(asked.text))


ACTS: Final[dict[str, Act]] = {
    "ping": (AskNothing, _ping),
    "create": (AskCreate, _create),
    "list": (AskList, _list),
    "resolve": (AskOne, _resolve),
    "revoke": (AskOne, _revoke),
    "disable": (AskOne, _disable),
    "enable": (AskOne, _enable),
    "rotate": (AskRotate, _rotate),
    "delete": (AskOne, _delete),
    "verify": (AskVerify, _verify),
}
