"""The admin listener: its address is taken at the start, its application is loaded when somebody needs it.

The porter answers probes. What else is answered stands in `gateway.admin.app`, what else a connection may do
in `gateway.admin.connection`. Both need aiohttp, which the lean plane does without; so this module knows them
only from the first connection on that the porter passes on.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from gateway.admin.health import Pages
from gateway.admin.late import LateRoom, Receive, load_beside
from gateway.admin.porter import Porter
from gateway.core.hosts import Hosts
from gateway.wire.request_head import Limits

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.tls.door import TlsDoor

BACKLOG: Final = 128
CLOSE_GRACE_S: Final = 2.0


class AdminListener:
    """These pages on one address. `start` it once, `stop` it at any time.

    `build` makes the application around them, when the first connection needs it.
    """

    def __init__(
        self,
        build: "Callable[[Pages, Hosts], web.Application]",
        pages: Pages,
        limits: Limits,
        now: Callable[[], float],
        hosts: Hosts | None = None,
    ) -> None:
        hosts = Hosts() if hosts is None else hosts
        self._build = partial(build, pages, hosts)
        self._limits = limits
        self._now = now
        self._room = LateRoom("the admin listener", self._open)
        self._porter = Porter(pages, hosts, limits, now, self._room)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: "TlsDoor | None" = None) -> tuple[str, int]:
        """Listen, and return the address in use (port 0 picks one). Raises `OSError` if it is taken.

        With `tls` everybody speaks HTTPS here.
        """
        receive: Receive = self._porter
        if tls is not None:
            from gateway.tls.connection import TlsConnection  # noqa: PLC0415 - hardly anybody has TLS here

            receive = lambda: TlsConnection(tls, self._porter())  # noqa: E731
        loop = asyncio.get_running_loop()
        at = cast("list[str]", [host.encode()])  # a str would load the tables of IDNA, 0.3 MB
        self._listener = await loop.create_server(receive, at, port, backlog=BACKLOG)
        bound = self._listener.sockets[0].getsockname()
        return bound[0], bound[1]

    async def stop(self) -> None:
        """Take no new connection, let answers under way finish for a moment, close everything."""
        if self._listener is not None:
            self._listener.close()
        await self._porter.settle(CLOSE_GRACE_S)
        await self._room.settle(CLOSE_GRACE_S)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _open(self) -> Receive:
        await load_beside("gateway.admin.connection")
        from aiohttp import web  # noqa: PLC0415 - loaded with the line above

        from gateway.admin.connection import serving  # noqa: PLC0415

        self._runner = web.AppRunner(self._build(), access_log=None, shutdown_timeout=CLOSE_GRACE_S)
        return await serving(self._runner, self._limits, self._now)
