"""A TCP proxy that does harm: it stands before a server and spoils what passes, in a way that a seed repeats.

What is done to the bytes of one direction is a `Harm`; each connection gets two of them, one for what the
client sends (`asking`) and one for what the server says (`answering`), from `choose`, which is given a source
of randomness that depends on the seed and the number of the connection alone. So a run that failed can be had
again by its seed, however the connections were interleaved.

It knows nothing of HTTP and keeps no byte. `passed` tells how many bytes went through, for each connection
and direction, and `open_now` how many connections there are.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

READ_BYTES: Final = 65_536
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Act(Enum):
    """What happens once `Harm.after_bytes` have passed."""

    CLOSE = "both sides are closed in order"
    RESET = "both sides are reset"
    END = "the receiver gets a FIN; the other direction goes on"
    STALL = "nothing passes any more, and nothing is closed"
    GARBAGE = "random bytes are put in, then it goes on"


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to one direction. The defaults do no harm.

    Bytes pass in pieces of `piece_bytes` (0: as they come), `pause_s` before each of them. After
    `after_bytes` (None: never) comes the `act`; with 0 it comes when the first byte would pass.
    """

    after_bytes: int | None = None
    act: Act = Act.RESET
    piece_bytes: int = 0
    pause_s: float = 0.0
    garbage_bytes: int = 64


HARMLESS: Final = Harm()
Choose = Callable[[random.Random, int], tuple[Harm, Harm]]
"""From randomness and the number of the connection (from 0): the harm to asking, the harm to answering."""


def always(*, asking: Harm = HARMLESS, answering: Harm = HARMLESS) -> Choose:
    """The same harm to every connection."""
    return lambda _chance, _number: (asking, answering)


class ChaosProxy:
    """Listens on an ephemeral port of loopback, before the server at `to_port`. `choose` may be set anew."""

    def __init__(self, to_port: int, choose: Choose, *, seed: int = 0) -> None:
        self.to_port = to_port
        self.choose = choose
        self.seed = seed
        self.port = 0
        self.open_now = 0
        self.passed: list[dict[str, int]] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._come, "127.0.0.1", 0, backlog=1_024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Reset what is open and close."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        number = len(self.passed)
        self.passed.append({"asking": 0, "answering": 0})
        chance = random.Random(f"{self.seed}/{number}")  # a text: the same in every process
        asking, answering = self.choose(chance, number)
        self.open_now += 1
        try:
            with suppress(asyncio.CancelledError):  # by `stop` alone; asyncio's streams would complain
                await self._connect(number, chance, (reader, writer), asking, answering)
        finally:
            await _let_go(writer)
            self.open_now -= 1

    async def _connect(
        self,
        number: int,
        chance: random.Random,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        asking: Harm,
        answering: Harm,
    ) -> None:
        try:
            server = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            return
        writers = (client[1], server[1])
        for writer in writers:
            writer.transport.set_write_buffer_limits(high=0)  # so that what passed has left before the act
        ways = (
            _Way("asking", client[0], server[1], asking, random.Random(chance.random())),
            _Way("answering", server[0], client[1], answering, random.Random(chance.random())),
        )
        flows = [asyncio.ensure_future(way.flow(self.passed[number], writers)) for way in ways]
        try:
            await asyncio.gather(*flows)
        except (ConnectionError, _Over):
            pass
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)
            await _let_go(server[1])


class _Over(Exception):
    """Both sides were closed."""


class _Way:
    """One direction of one connection."""

    def __init__(
        self,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        harm: Harm,
        chance: random.Random,
    ) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer
        self._harm = harm
        self._chance = chance
        self._at = 0

    async def flow(
        self, passed: dict[str, int], both: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    ) -> None:
        """Pass bytes on until their sender ends, or until the act."""
        harm, has_acted = self._harm, self._harm.after_bytes is None
        while data := await self._reader.read(READ_BYTES):
            for piece in self._pieces(data):
                if harm.pause_s:
                    await asyncio.sleep(harm.pause_s)
                if piece:
                    self._writer.write(piece)
                    await self._writer.drain()
                    self._at += len(piece)
                    passed[self.name] = self._at
                if not has_acted and self._at == harm.after_bytes:
                    has_acted = True
                    await self._act(both)
        with suppress(OSError, RuntimeError):
            self._writer.write_eof()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """The data in pieces, cut where the act comes."""
        harm = self._harm
        size = harm.piece_bytes or len(data)
        edge = -1 if harm.after_bytes is None else harm.after_bytes - self._at
        if edge == 0:
            yield b""
        at = 0
        while at < len(data):
            to = min(at + size, len(data))
            if at < edge < to:
                to = edge
            yield data[at:to]
            at = to

    async def _act(self, both: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        act = self._harm.act
        if act is Act.GARBAGE:
            self._writer.write(self._chance.randbytes(self._harm.garbage_bytes))
        elif act is Act.END:
            self._writer.write_eof()
            await self._swallow()
        elif act is Act.STALL:
            await asyncio.Event().wait()
        else:
            for writer in both:
                if act is Act.RESET:
                    _reset(writer)
                else:
                    writer.close()
            raise _Over

    async def _swallow(self) -> None:
        """Read on, so that its sender notices nothing."""
        while await self._reader.read(READ_BYTES):
            pass
        await asyncio.Event().wait()


async def _let_go(writer: asyncio.StreamWriter) -> None:
    """End it, in whatever state it is."""
    _reset(writer)
    with suppress(OSError):
        await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST, unless it is closed already or on the way to it."""
    if writer.transport.is_closing():
        return
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
