"""Late rooms: a listener stands from the start, what serves it is loaded when somebody first comes.

A web server is a third of the memory of a gateway that nobody asks for health or metrics. So the sockets of
the admin listener and of the control socket are opened at start, where a port that is taken is told, and the
modules behind them are imported with the first connection, in a thread: exchanges go on meanwhile. Who comes
before it is done waits without losing a byte; a load that fails is logged, closes who waited, and is tried
again with the next connection.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Final, cast

Receive = Callable[[], asyncio.Protocol]
"""Makes what serves one connection."""

_log: Final = logging.getLogger("gateway.admin")


class LateRoom:
    """What a listener calls for each connection; `open` is awaited once, when the first one comes."""

    def __init__(self, name: str, open_room: Callable[[], Awaitable[Receive]]) -> None:
        self._name = name
        self._open = open_room
        self._receive: Receive | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: set[_Waiting] = set()
        self._is_closed = False

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Waiting(self) if self._receive is None else self._receive()

    async def settle(self, grace_s: float) -> None:
        """Let an opening under way finish for a moment; then nobody waits, and the room opens no more."""
        self._is_closed = True
        opening = self._opening
        if opening is not None:
            await asyncio.wait([opening], timeout=grace_s)
            opening.cancel()
            await asyncio.wait([opening])
        self._send_away()

    def enter(self, visitor: "_Waiting") -> None:
        """Somebody came; the first one has the room opened."""
        if self._receive is not None:
            visitor.hand_over(self._receive)
            return
        if self._is_closed:
            visitor.transport.close()
            return
        self._waiting.add(visitor)
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open_up())

    def leave(self, visitor: "_Waiting") -> None:
        """Somebody went before the room was open."""
        self._waiting.discard(visitor)

    async def _open_up(self) -> None:
        try:
            self._receive = await self._open()
        except Exception:  # noqa: BLE001 - callers are served on; whoever comes next has it tried again
            _log.exception("%s could not be loaded", self._name)
            self._send_away()
            return
        finally:
            self._opening = None
        for visitor in tuple(self._waiting):
            visitor.hand_over(self._receive)
        self._waiting.clear()

    def _send_away(self) -> None:
        for visitor in tuple(self._waiting):
            visitor.transport.close()
        self._waiting.clear()


class _Waiting(asyncio.Protocol):
    """A connection before the room is open: what it says is kept, and read no further."""

    transport: asyncio.Transport

    def __init__(self, room: LateRoom) -> None:
        self._room = room
        self._said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self._room.enter(self)

    def data_received(self, data: bytes) -> None:
        self._said += data
        self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._room.leave(self)

    def hand_over(self, receive: Receive) -> None:
        """From here on the room serves this connection, beginning with what was said."""
        if self.transport.is_closing():
            return
        if self._said:
            self.transport.resume_reading()
        hand_over(self.transport, receive, self._said)


def hand_over(transport: asyncio.Transport, receive: Receive, said: bytes) -> None:
    """Have a connection served by another protocol, beginning with what was said before."""
    protocol = receive()
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if said:
        protocol.data_received(said)


async def load_beside(name: str) -> ModuleType:
    """Import a module in a thread that ends with it.

    It shares the interpreter: what goes on meanwhile is slower for some milliseconds at a time, and never
    stands still for the whole import.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="load")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, importlib.import_module, name)
    finally:
        thread.shutdown(wait=False)
