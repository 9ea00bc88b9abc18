"""A hub of ASP.NET Core SignalR in the JSON protocol, in the shape that Voxta's server has.

Written from the specifications HubProtocol and TransportProtocols (github.com/dotnet/aspnetcore, under
src/SignalR) and from how Voxta's clients speak: every call goes through `SendMessage`, every answer comes as
`ReceiveMessage`, sound is named by root-relative addresses under `/api/tts/gens/`.

- `POST /hub/negotiate` gives a connection and a sticky cookie; a transport that comes without the cookie is
  told 404, as by the wrong server of a farm, and so is one whose connection is over.
- `/hub` is WebSockets, server-sent events (with POST) or long polling (with POST and DELETE).
- It asks for no key. `said` holds every message of every client.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

from aiohttp import WSMsgType, web

from tests.support.ai_upstream import AUDIO
from tests.support.watched_upstream import WatchedUpstream

END = "\x1e"
STICKY = ("ARRAffinity", "node-1")
TRANSPORTS = ("WebSockets", "ServerSentEvents", "LongPolling")
NO_CONNECTION = "No Connection with that ID"

Json = dict[str, Any]


class HubConnection:
    """One negotiated connection, whatever carries it. None in `out` ends it."""

    def __init__(self, hub: "SignalRHub") -> None:
        self.out: asyncio.Queue[str | None] = asyncio.Queue()
        self.polled = False
        self.carrier: web.Request | None = None
        self._hub = hub
        self._has_shaken_hands = False

    def hear(self, text: str) -> None:
        """Take what the client sent: one or more records."""
        self._hub.said.append(text)
        for record in filter(None, text.split(END)):
            message = json.loads(record)
            if self._has_shaken_hands:
                self._answer(message)
            else:
                self._shake_hands(message)

    def tell(self, message: Json) -> None:
        """Send one record."""
        self.out.put_nowait(json.dumps(message) + END)

    def receive_message(self, data: Json) -> None:
        """Call `ReceiveMessage` at the client."""
        self.tell({"type": 1, "target": "ReceiveMessage", "arguments": [data]})

    def _shake_hands(self, message: Json) -> None:
        known = message.get("protocol") == "json" and message.get("version") == 1
        self.tell({} if known else {"error": f"The protocol '{message.get('protocol')}' is not supported."})
        self._has_shaken_hands = True

    def _answer(self, message: Json) -> None:
        if message["type"] == 1:
            self._invoke(message)
        elif message["type"] == 6:
            self.tell({"type": 6})
        elif message["type"] == 7:
            self.out.put_nowait(None)

    def _invoke(self, message: Json) -> None:
        done: Json = {"type": 3, "invocationId": message.get("invocationId")}
        if message["target"] != "SendMessage":
            done["error"] = f"Unknown hub method '{message['target']}'"
        else:
            [asked] = message["arguments"]
            if asked["$type"] == "authenticate":
                self.receive_message({"$type": "welcome", "user": asked.get("client")})
            else:
                audio = f"/api/tts/gens/{uuid.uuid4()}?pcm=false"
                self.receive_message({"$type": "replyChunk", "text": asked["text"], "audioUrl": audio})
        if done["invocationId"] is not None:
            self.tell(done)


class SignalRHub(WatchedUpstream):
    """The server. `cut()` breaks whatever is open, as a crash would."""

    def __init__(self) -> None:
        super().__init__(self.routes())
        self.connections: dict[str, HubConnection] = {}
        self.said: list[str] = []

    def routes(self) -> Iterator[web.RouteDef]:
        """Where it answers."""
        yield web.post("/hub/negotiate", self._negotiate)
        yield web.get("/hub", self._carry)
        yield web.post("/hub", self._post)
        yield web.delete("/hub", self._delete)
        yield web.get("/api/tts/gens/{id}", self._sound)

    def has_seen(self, secret: str) -> bool:
        """Whether this stood anywhere in any request or message."""
        return super().has_seen(secret) or any(secret in text for text in self.said)

    def cut(self) -> None:
        """Break every connection without a word."""

        def now() -> None:
            for connection in self.connections.values():
                if connection.carrier is not None and connection.carrier.transport is not None:
                    connection.carrier.transport.abort()
            self.connections.clear()

        self.call(now)

    def ask_to_reconnect(self) -> None:
        """End every connection in order, as a server that restarts does."""

        def now() -> None:
            for connection in self.connections.values():
                connection.tell({"type": 7, "allowReconnect": True})
                connection.out.put_nowait(None)

        self.call(now)

    async def _negotiate(self, request: web.Request) -> web.Response:
        version = min(int(request.query.get("negotiateVersion", "0")), 1)
        token = uuid.uuid4().hex
        self.connections[token] = HubConnection(self)
        formats = {"WebSockets": ["Text", "Binary"], "LongPolling": ["Text", "Binary"]}
        told: Json = {
            "negotiateVersion": version,
            "connectionId": uuid.uuid4().hex if version else token,
            "availableTransports": [
                {"transport": name, "transferFormats": formats.get(name, ["Text"])} for name in TRANSPORTS
            ],
        }
        if version:
            told["connectionToken"] = token
        response = web.json_response(told)
        response.set_cookie(*STICKY, path="/", httponly=True)
        return response

    def _connection(self, request: web.Request) -> HubConnection:
        name, value = STICKY
        found = self.connections.get(request.query.get("id", ""))
        if found is None or request.cookies.get(name) != value:
            raise web.HTTPNotFound(text=NO_CONNECTION)
        return found

    async def _carry(self, request: web.Request) -> web.StreamResponse:
        connection = self._connection(request)
        connection.carrier = request
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request, connection)
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await self._events(request, connection)
        return await self._poll(request, connection)

    async def _socket(self, request: web.Request, connection: HubConnection) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)

        async def speak() -> None:
            while (text := await connection.out.get()) is not None:
                await socket.send_str(text)
            await socket.close()

        speaking = asyncio.ensure_future(speak())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    connection.hear(message.data)
        finally:
            speaking.cancel()
            self._forget(request)
        return socket

    async def _events(self, request: web.Request, connection: HubConnection) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b":\r\n")
        try:
            while (text := await connection.out.get()) is not None:
                await response.write(f"data: {text}\r\n\r\n".encode())
        finally:
            self._forget(request)
        return response

    async def _poll(self, request: web.Request, connection: HubConnection) -> web.StreamResponse:
        if not connection.polled:  # the first poll only says that the connection stands
            connection.polled = True
            return web.Response()
        text = await connection.out.get()
        if text is None:
            self._forget(request)
            return web.Response(status=204)
        return web.Response(text=text)

    async def _post(self, request: web.Request) -> web.Response:
        self._connection(request).hear(await request.text())
        return web.Response()

    async def _delete(self, request: web.Request) -> web.Response:
        self._connection(request).out.put_nowait(None)
        self._forget(request)
        return web.Response(status=202)

    async def _sound(self, request: web.Request) -> web.Response:
        return web.Response(body=AUDIO, content_type="audio/mpeg")

    def _forget(self, request: web.Request) -> None:
        self.connections.pop(request.query["id"], None)
