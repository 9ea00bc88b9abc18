"""The connection that look-ups use: they wait in line for SQLite's one thread, and the line has an end.

A look-up that was handed to the thread cannot be taken back. Whoever stops waiting for it leaves it in the
line, so a disk that hangs would gather one more for every stranger's request. So each counts until SQLite
is done with it, whether or not anybody still waits, and past a bound new ones are refused at once.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.store.connection import Connection, Values
from gateway.store.faults import flooded
from gateway.store.rows import Row

WAITING_MAX: Final = 1_024  # up to 0.1 s of work where the disk does not hang


class Reader:
    """Reads through a connection of its own, which it closes."""

    def __init__(self, path: Path, connection: Connection, waiting_max: int = WAITING_MAX) -> None:
        self._path = path
        self._connection = connection
        self._waiting_max = waiting_max
        self._waiting: set[asyncio.Future[list[Row]]] = set()

    async def fetch(self, statement: str, values: Values = ()) -> list[Row]:
        """Run one statement and return all its rows; raises `StoreBusy` where too many wait already."""
        if len(self._waiting) >= self._waiting_max:
            raise flooded(self._path, len(self._waiting))
        read = asyncio.ensure_future(self._connection.fetch(statement, values))
        self._waiting.add(read)
        read.add_done_callback(self._done)
        await asyncio.wait((read,))  # unlike `await read`, it lets who is cancelled leave alone
        return read.result()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _done(self, read: asyncio.Future[list[Row]]) -> None:
        self._waiting.discard(read)
        with suppress(asyncio.CancelledError):
            read.exception()  # who waits is told; if nobody does any more, asyncio need not complain
