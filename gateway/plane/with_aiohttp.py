"""The aiohttp data plane: `aiohttp.web.Server` before `aiohttp.ClientSession`.

The readable reference: aiohttp does the parsing and framing, the rooms below make the decisions, and this
room holds the listener and its end. `aiohttp_caller` is the caller's connection, `aiohttp_exchange` one
request and its response, `aiohttp_upstream` the client session, `aiohttp_tunnel` a WebSocket.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.core.refusal import Deny
from gateway.plane.account import SEEN_CHARS_MAX, Account
from gateway.plane.aiohttp_caller import Answer, CallerProtocol, protocol_of
from gateway.plane.aiohttp_exchange import AiohttpExchange, new_request_id
from gateway.plane.aiohttp_upstream import UpstreamSession
from gateway.plane.connections import Connections, descriptors_for_callers
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.http_date import HttpDate
from gateway.plane.own_reply import refuse
from gateway.wire.opening import glimpse
from gateway.wire.reply import Reply

if TYPE_CHECKING:
    from gateway.tls.door import TlsDoor

BACKLOG: Final = 1_024
AT_ONCE_S: Final = 0.001  # 0 would mean for ever
HEAD_S: Final = 1.0  # how long, at the end, a head that has begun may take to come whole
CUT_S: Final = 1.0  # how long what was cut may take to notice


class AiohttpPlane:
    """One listener and one client session. See `gateway.plane.contract.Plane`."""

    def __init__(self, ground: Ground, around: Surroundings) -> None:
        self.ground = ground
        self._around = around
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._session: UpstreamSession | None = None
        self.connections: Connections[CallerProtocol] = Connections()
        self._descriptors = 0
        self._under_way = 0
        self._is_draining = False
        self._quiet = asyncio.Event()

    async def start(self, host: str, port: int, tls: "TlsDoor | None" = None) -> tuple[str, int]:
        """Listen, and return the address in use (port 0 picks one). Raises `OSError` if it is taken."""
        date = HttpDate(self._around.clock)
        server = web.Server(self._serve, handler_cancellation=True)
        self._listener = await asyncio.get_running_loop().create_server(
            self._connection(tls, lambda: self._caller(server, date)), host, port, backlog=BACKLOG
        )
        self._descriptors = descriptors_for_callers()
        self._server = server
        self._session = UpstreamSession(self.ground.limits)
        bound = self._listener.sockets[0].getsockname()
        return bound[0], bound[1]

    def _connection(
        self, tls: "TlsDoor | None", caller: Callable[[], asyncio.Protocol]
    ) -> Callable[[], asyncio.Protocol]:
        """What the listener calls for each connection."""
        if tls is None:
            return caller
        from gateway.tls.connection import TlsConnection  # noqa: PLC0415 - hardly anybody has TLS here

        return lambda: TlsConnection(tls, caller())

    async def drain(self, grace_s: float) -> None:
        """Take no new connection, let exchanges finish for `grace_s`, cut the rest, close everything."""
        if self._listener is None or self._server is None or self._session is None:
            return
        self._listener.close()
        self._is_draining = True
        self._close_idle(begun=False)
        await self._until(lambda: not any(caller.has_begun for caller in self._callers()), HEAD_S)
        self._close_idle(begun=True)
        await self._until_quiet(grace_s)
        for caller in self._callers():
            caller.is_cut = True
        # Not aiohttp's own grace: from its first moment on it reads no more of the bodies under way.
        await self._server.shutdown(AT_ONCE_S)
        await self._until_quiet(CUT_S)
        await self._session.close()

    def came(self, caller: CallerProtocol) -> bool:
        """Count a connection in; False if there are too many."""
        ground, limits = self.ground, self.ground.limits
        caller.be_idle(self._around.clock.monotonic())
        most = min(limits.connections_max, self._descriptors)
        return self.connections.come(caller, most, limits.connections_per_peer_max, ground.trusted)

    def went(self, caller: CallerProtocol) -> None:
        """Count it out."""
        self.connections.go(caller)
        self._quiet.set()

    def _close_idle(self, *, begun: bool) -> None:
        """Close what serves nobody; those too, if `begun`, of whose next request some bytes are here."""
        for caller in self._callers():
            if not caller.is_busy and (begun or not caller.has_begun):
                caller.force_close()

    def _caller(self, server: web.Server, date: HttpDate) -> CallerProtocol:
        caller = CallerProtocol(server, self.ground.limits, self._refuse, date)
        caller.door = self
        return caller

    def _callers(self) -> list[CallerProtocol]:
        connections = [] if self._server is None else self._server.connections
        return [connection for connection in connections if isinstance(connection, CallerProtocol)]

    async def _until_quiet(self, most_s: float) -> None:
        await self._until(lambda: not self._under_way, most_s)

    async def _until(self, is_so: Callable[[], bool], most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not is_so():
                    self._quiet.clear()
                    await self._quiet.wait()

    async def _serve(self, request: web.BaseRequest) -> Answer:
        caller = protocol_of(request)
        caller.stop_head_timer()
        caller.is_busy, caller.body = True, request.content
        session = self._session
        assert session is not None  # noqa: S101 - made before the first connection is taken
        self._under_way += 1
        try:
            answer = await AiohttpExchange(request, self.ground, self._around, session).run()
            stays = answer.keep_alive and not self._is_draining
            caller.is_over = not stays
            if not stays:
                caller.expect_the_end()
            return Answer(keep_alive=stays)
        finally:
            caller.be_idle(self._around.clock.monotonic())
            if request.content.exception() is not None:
                request.content.feed_eof()  # there is no end to wait for
            self._under_way -= 1
            self._quiet.set()

    def _refuse(self, deny: Deny, peer: str, opening: bytes) -> Reply:
        """A head that never became a request: tell the observer and answer."""
        request_id = new_request_id()
        now = self._around.clock.monotonic()
        method, path = glimpse(opening)
        account = Account(request_id, method, peer, now, keep_alive=False, path=path[:SEEN_CHARS_MAX])
        reply = refuse(account, deny, self._around.gatekeeper)
        account.status, account.bytes_out = reply.status, len(reply.body)
        self._around.observer.exchange_began()
        self._around.observer.exchange_ended(account.told(now))
        return reply
