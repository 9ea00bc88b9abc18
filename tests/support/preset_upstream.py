"""An upstream that answers whatever a preset knows, each endpoint in the way it streams.

It stands for a server that cannot run here: what it is like is said by the preset, whose file names the
server's own documentation. A stream begins, and goes on when the test says `go_on`; so a test can see that
each piece arrives by itself.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from gateway.config.presets import Endpoint, Preset
from gateway.core.request import Target, read_target
from gateway.core.routes import Route, RouteTable
from tests.support.http_samples import answer, switching
from tests.support.scripted_upstream import UpstreamConnection
from tests.support.strict_http import Message

PIECES: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "ndjson": (b'{"done": false}\n', b'{"done": true}\n'),
    "sse": (b'data: {"part": 1}\n\n', b"data: [DONE]\n\n"),
    "audio": (b"RIFF\x00\x00\x00\x00WAVE", b"\x00\xff" * 64),
    "websocket": (b"\x81\x05hello", b"\x82\x02\x00\x01"),
}
"""What a stream of each kind begins with, and what it ends with."""

TYPES: Final = {"ndjson": b"application/x-ndjson", "sse": b"text/event-stream", "audio": b"audio/wav"}
DONE: Final = b'{"ok": true}'


class PresetUpstream:
    """The script of one preset's server; pass `serve` to a stand."""

    def __init__(self, preset: Preset, mount: str = "") -> None:
        self._endpoints = preset.endpoints
        self._table = RouteTable(preset.routes("it"))
        self._mount = mount
        self._go = asyncio.Event()
        self._go.set()

    def hold(self) -> None:
        """From now on a stream stops after its first piece."""
        self._go.clear()

    def go_on(self) -> None:
        """Let what was held go on."""
        self._go.set()

    async def serve(self, connection: UpstreamConnection) -> None:
        """Answer every request on a connection."""
        while True:
            request = await connection.request(within_s=60)
            streams = self._endpoint(request).streams
            wants_socket = bool(request.all(b"upgrade"))
            if streams == "websocket" and wants_socket:
                await self._talk(connection)
                return
            if streams is None or streams == "websocket":
                is_head = request.start.startswith(b"HEAD ")
                whole = answer(b"200 OK", b"Content-Type: application/json", body=DONE)
                connection.send(whole.removesuffix(DONE) if is_head else whole)
            else:
                await self._stream(connection, streams)

    def _endpoint(self, request: Message) -> Endpoint:
        method, raw, _ = request.start.split(b" ")
        target = read_target(raw)
        assert isinstance(target, Target)
        route = self._table.match(method.decode(), target)
        assert isinstance(route, Route), f"the preset does not know {request.start!r}"
        return self._endpoints[route.id.removeprefix("it:")]

    async def _stream(self, connection: UpstreamConnection, kind: str) -> None:
        first, last = PIECES[kind]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % TYPES[kind]
        connection.send(head + b"%x\r\n%b\r\n" % (len(first), first))
        await self._go.wait()
        connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))

    async def _talk(self, connection: UpstreamConnection) -> None:
        first, last = PIECES["websocket"]
        connection.send(switching() + first)
        await self._go.wait()
        connection.send(last)
        connection.close()
