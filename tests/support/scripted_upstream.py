"""An upstream that does what a test tells it, byte for byte, and remembers every byte it was sent.

Two ways to use it. By a script: what to do on each connection, as raw bytes and acts (`CLOSE`, `RESET`,
`END`), for instance `answering(b"HTTP/1.1 200 OK\\r\\n…")` or `playing(b"HTTP/1.1 200 OK\\r\\n", RESET)`. By
hand: with `script=None` the test takes each connection from `connection()` and drives it step by step.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from tests.support.raw_connection import DEADLINE_S, RawConnection, eventually
from tests.support.strict_http import Message, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Act(Enum):
    """What a script does besides sending bytes."""

    CLOSE = "close in order"
    END = "send FIN and keep reading"
    RESET = "send RST"


CLOSE, END, RESET = Act.CLOSE, Act.END, Act.RESET
Step = bytes | Act


class UpstreamConnection(RawConnection):
    """One connection from the gateway. `request()` reads the next whole request."""

    def __init__(self, upstream: "ScriptedUpstream") -> None:
        super().__init__()
        self.upstream = upstream
        self.taken = 0
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the list, begin the script."""
        super().connection_made(transport)
        self.upstream.connections.append(self)
        if self.upstream.script is not None:
            self.task = asyncio.ensure_future(self._play(self.upstream.script))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the script with the connection."""
        super().connection_lost(exc)
        if self.task is not None:
            self.task.cancel()

    def eof_received(self) -> bool:
        """A script's connection closes with the gateway's FIN; by hand it stays until the test closes it."""
        super().eof_received()
        return self.upstream.script is None

    async def head(self) -> Message:
        """The next request as soon as its head is there; it is not taken."""
        return await self.until(lambda: read_request(bytes(self.received[self.taken :])), "a request's head")

    async def request(self, within_s: float = DEADLINE_S) -> Message:
        """Take the next whole request."""
        request = await self.until(self._whole_request, "a whole request", within_s)
        self.taken += request.size
        return request

    def requests(self) -> list[Message]:
        """Every request that arrived, the last one perhaps in part; what follows an upgrade is not HTTP."""
        found, at = [], 0
        while (request := read_request(bytes(self.received[at:]))) is not None:
            found.append(request)
            if not request.is_whole or request.all(b"upgrade"):
                break
            at += request.size
        return found

    def play(self, *steps: Step) -> None:
        """Send bytes and act, in order."""
        acts = {Act.CLOSE: self.close, Act.END: self.end, Act.RESET: self.reset}
        for step in steps:
            if isinstance(step, bytes):
                self.send(step)
            else:
                acts[step]()

    def is_asked(self) -> bool:
        """Whether the head of a request is there and was not taken."""
        return read_request(bytes(self.received[self.taken :])) is not None

    def _whole_request(self) -> Message | None:
        request = read_request(bytes(self.received[self.taken :]))
        return request if request is not None and request.is_whole else None

    async def _play(self, script: "Script") -> None:
        try:
            await script(self)
        except Exception as trouble:  # noqa: BLE001 - told to the test when the upstream stops
            self.upstream.troubles.append(trouble)


Script = Callable[[UpstreamConnection], Awaitable[None]]


def playing(*steps: Step) -> Script:
    """On every request the same steps."""

    async def script(connection: UpstreamConnection) -> None:
        while True:
            await connection.request(within_s=60)
            connection.play(*steps)

    return script


def answering(*answers: bytes) -> Script:
    """The upstream's n-th request gets the n-th answer; the last one serves for all that follow."""
    waiting = list(answers)

    async def script(connection: UpstreamConnection) -> None:
        while True:
            await connection.request(within_s=60)
            connection.send(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return script


class ScriptedUpstream:
    """A listener on an ephemeral port. `troubles` are what went wrong in scripts."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.connections: list[UpstreamConnection] = []
        self.troubles: list[Exception] = []
        self.host, self.port = "127.0.0.1", 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; again on the same port after `stop_listening`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: UpstreamConnection(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        """Refuse new connections; those that are open stay."""
        assert self._server is not None
        self._server.close()

    async def stop(self) -> None:
        """Close everything."""
        self.stop_listening()
        for connection in self.connections:
            if connection.task is not None:
                connection.task.cancel()
            connection.abandon()
        await eventually(lambda: all(each.is_lost for each in self.connections), "the upstream stops")

    async def connection(self, number: int = 0) -> UpstreamConnection:
        """The n-th connection, counted from 0, when it is there."""
        return await eventually(
            lambda: self.connections[number] if len(self.connections) > number else None,
            f"connection {number} to the upstream",
        )

    async def asked(self) -> UpstreamConnection:
        """A connection on which the head of a request waits to be taken."""
        return await eventually(
            lambda: next((each for each in self.connections if each.is_asked()), None), "a request"
        )

    def requests(self) -> list[Message]:
        """Every request on every connection."""
        return [request for connection in self.connections for request in connection.requests()]

    def the_request(self) -> Message:
        """The one request that arrived, whole."""
        requests = self.requests()
        assert len(requests) == 1, f"{len(requests)} requests reached the upstream"
        assert requests[0].is_whole, "the request is not whole"
        return requests[0]

    def everything(self) -> bytes:
        """Every byte of every connection."""
        return b"\n".join(bytes(connection.received) for connection in self.connections)
