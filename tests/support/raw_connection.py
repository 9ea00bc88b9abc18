"""One end of a TCP connection in a test's hand: sends raw bytes, keeps every byte that arrives.

Both the caller and the scripted upstream of the conformance suite are made of it. It knows nothing of HTTP.
A test never sleeps: it waits for a condition, and a condition that does not come true in time fails with
what was waited for and what had arrived by then.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TypeVar, cast

DEADLINE_S = 5.0
_TAIL_BYTES = 600
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close() sends RST

T = TypeVar("T")


class RawConnection(asyncio.Protocol):
    """`received` is everything since the start; `is_ended`: they sent FIN; `is_lost`: it is over."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.is_ended = False
        self.is_lost = False
        self.was_reset = False
        self.bytes_sent = 0
        self._transport: asyncio.Transport | None = None
        self._changed = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()

    @property
    def transport(self) -> asyncio.Transport:
        """The transport of a connection that was made."""
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being an instance
        self._changed.set()

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.received += data
        self._changed.set()

    def eof_received(self) -> bool:
        """Their FIN. Our own half stays open until the test closes it."""
        self.is_ended = True
        self._changed.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, by FIN from both sides or by reset."""
        self.is_ended = self.is_lost = True
        self.was_reset = exc is not None
        self._may_write.set()
        self._changed.set()

    def pause_writing(self) -> None:
        """Our buffer is full."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It is not any more."""
        self._may_write.set()

    def send(self, *pieces: bytes) -> None:
        """Write, each piece by itself, without waiting."""
        for piece in pieces:
            self.bytes_sent += len(piece)
            self.transport.write(piece)

    async def send_all(self, data: bytes, piece_bytes: int = 65_536) -> None:
        """Write with back-pressure; stops if the connection is lost."""
        for at in range(0, len(data), piece_bytes):
            await self._may_write.wait()
            if self.is_lost:
                return
            self.send(data[at : at + piece_bytes])

    async def send_slowly(self, data: bytes, piece_bytes: int) -> None:
        """Write in pieces that leave one by one; stops when the other side closes."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), piece_bytes):
            if self.is_ended:
                return
            self.send(data[at : at + piece_bytes])
            await asyncio.sleep(0)

    def end(self) -> None:
        """Send FIN and keep reading."""
        self.transport.write_eof()

    def close(self) -> None:
        """Close in order, after what was written is sent."""
        self.transport.close()

    def reset(self) -> None:
        """Break off with RST."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def abandon(self) -> None:
        """Let go of it, in whatever state it is."""
        if self._transport is not None and not self.is_lost:
            self._transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more from the socket."""
        self.transport.pause_reading()

    def go_on_reading(self) -> None:
        """Take again."""
        self.transport.resume_reading()

    async def until(self, condition: Callable[[], T | None], what: str, within_s: float = DEADLINE_S) -> T:
        """Wait until the condition, asked at every change, is true; returns what it returned."""
        try:
            async with asyncio.timeout(within_s):
                while not (found := condition()):
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"not within {within_s:g} s: {what}; {self.state()}") from None

    async def until_received(self, expected: bytes, within_s: float = DEADLINE_S) -> None:
        """Wait for these bytes, anywhere in what was received."""
        await self.until(lambda: expected in self.received, f"{expected!r}", within_s)

    async def until_ended(self, within_s: float = DEADLINE_S) -> None:
        """Wait until the other side sent FIN or RST."""
        await self.until(lambda: self.is_ended, "the other side closes", within_s)

    def state(self) -> str:
        """What is known, for a failure's message."""
        stands = "lost" if self.is_lost else "ended" if self.is_ended else "open"
        tail = bytes(self.received[-_TAIL_BYTES:])
        return f"{stands}, {len(self.received)} bytes received, the last: {tail!r}"


async def eventually(condition: Callable[[], T | None], what: str, within_s: float = DEADLINE_S) -> T:
    """Wait for something that tells nobody when it changes."""
    try:
        async with asyncio.timeout(within_s):
            while not (found := condition()):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.002)
            return found
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {what}") from None


async def steady(measure: Callable[[], int], for_s: float = 0.25, within_s: float = DEADLINE_S) -> int:
    """Wait until a number has stopped changing for a while, and return it: something is held back."""
    loop = asyncio.get_running_loop()
    last, since = measure(), loop.time()
    async with asyncio.timeout(within_s):
        while loop.time() - since < for_s:
            await asyncio.sleep(0.01)
            if (now := measure()) != last:
                last, since = now, loop.time()
    return last
