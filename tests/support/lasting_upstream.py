"""An upstream whose answers last as long as the test wants, and which knows who is still there.

`/v1/models` is answered at once, `/ticks` is an event stream without an end, `/held` an answer that comes
when the test lets it go, `/ws` a WebSocket that echoes and closes as it is told (`close 4001 why`), `/ws-
ticks` one that speaks without an end. `open_now` counts what is under way and `arrived` every request there
ever was, so a test sees what the gateway did on this side.
"""

import asyncio
from collections import Counter

from aiohttp import WSMsgType, web

from tests.support.real_upstreams import AppUpstream

SUBPROTOCOLS = ("tune.v2", "tune.v1")
TICK_S = 0.02


class LastingUpstream(AppUpstream):
    """Read its attributes at any time; `let_go` answers everything that `/held` holds back."""

    def __init__(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", self._list),
                web.get("/ticks", self._tick),
                web.route("*", "/held", self._hold),
                web.get("/ws", self._talk),
                web.get("/ws-ticks", self._tell),
            ]
        )
        super().__init__(app)
        self.arrived: Counter[str] = Counter()
        self.open_now: Counter[str] = Counter()
        self.close_codes: list[int | None] = []
        self.offers: list[str | None] = []
        self.queries: list[str] = []
        self._let_go = asyncio.Event()

    def let_go(self) -> None:
        """Answer whatever is held, now and from now on."""
        self.call(self._let_go.set)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        with _Present(self, request):
            return web.json_response({"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    async def _tick(self, request: web.Request) -> web.StreamResponse:
        with _Present(self, request):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            while True:
                await response.write(b"data: tick\n\n")
                await asyncio.sleep(TICK_S)

    async def _hold(self, request: web.Request) -> web.StreamResponse:
        with _Present(self, request):
            await self._let_go.wait()
            return web.Response(text="at last")

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        with _Present(self, request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            while True:
                await socket.send_str("tick")
                await asyncio.sleep(TICK_S)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        self.offers.append(request.headers.get("Sec-WebSocket-Protocol"))
        self.queries.append(request.query_string)
        with _Present(self, request):
            socket = web.WebSocketResponse(protocols=SUBPROTOCOLS, autoclose=False, max_msg_size=0)
            await socket.prepare(request)
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await socket.send_bytes(message.data)
                elif message.data.startswith("close "):
                    _, code, why = message.data.split(" ", 2)
                    await socket.close(code=int(code), message=why.encode("utf-8"))
                else:
                    await socket.send_str(message.data)
            self.close_codes.append(socket.close_code)
            await socket.close(code=socket.close_code or 1000)
            return socket


class _Present:
    """Counts one request as long as it is under way."""

    def __init__(self, upstream: LastingUpstream, request: web.Request) -> None:
        self._upstream = upstream
        self._path = request.path

    def __enter__(self) -> None:
        self._upstream.arrived[self._path] += 1
        self._upstream.open_now[self._path] += 1

    def __exit__(self, *_: object) -> None:
        self._upstream.open_now[self._path] -= 1
