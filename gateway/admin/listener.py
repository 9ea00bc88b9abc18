"""The admin listener: its address is taken at the start, its application is loaded when first asked.

What it answers stands in `gateway.admin.app`, what a connection may do in `gateway.admin.connection`. Both
need aiohttp, which the lean plane does without; so this module knows them only from the first connection on.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.admin.late import LateRoom, Receive, load_beside
from gateway.wire.request_head import Limits

if TYPE_CHECKING:
    from aiohttp import web

BACKLOG: Final = 128
CLOSE_GRACE_S: Final = 2.0


class AdminListener:
    """One application on one address. `start` it once, `stop` it at any time.

    `build` makes the application, when the first connection comes.
    """

    def __init__(
        self, build: Callable[[], "web.Application"], limits: Limits, now: Callable[[], float]
    ) -> None:
        self._build = build
        self._limits = limits
        self._now = now
        self._room = LateRoom("the admin listener", self._open)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address in use (port 0 picks one). Raises `OSError` if it is taken."""
        self._listener = await asyncio.get_running_loop().create_server(
            self._room, host, port, backlog=BACKLOG
        )
        bound = self._listener.sockets[0].getsockname()
        return bound[0], bound[1]

    async def stop(self) -> None:
        """Take no new connection, let answers under way finish for a moment, close everything."""
        if self._listener is not None:
            self._listener.close()
        await self._room.settle(CLOSE_GRACE_S)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _open(self) -> Receive:
        await load_beside("gateway.admin.connection")
        from aiohttp import web  # noqa: PLC0415 - loaded with the line above

        from gateway.admin.connection import serving  # noqa: PLC0415

        self._runner = web.AppRunner(self._build(), access_log=None, shutdown_timeout=CLOSE_GRACE_S)
        return await serving(self._runner, self._limits, self._now)
