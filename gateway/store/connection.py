"""One connection to a SQLite file, on the thread aiosqlite gives it. The seam for every error it raises.

Promises
1. Whatever goes wrong leaves as `StoreUnavailable`, with the file and the mend in its text.
2. No transaction stays open: what raises inside one, cancellation included, rolls it back. Statements reach
   the thread in the order in which they are asked for, and a rollback is asked for before anything is
   awaited, so it takes its place behind whatever was under way even if its caller is cancelled twice.
3. A connection that nobody closed never keeps the process alive.

It opens files that exist and creates none: creating is `gateway.store.schema`'s work.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

import aiosqlite

from gateway.store.faults import damaged, fault_of
from gateway.store.rows import Row

_THREAD_END_S: Final = 1.0

Values = Sequence[Any] | Mapping[str, Any]


class Connection:
    """An open connection. Rows are tuples; every statement commits by itself unless in a `transaction`."""

    def __init__(self, path: Path, driver: aiosqlite.Connection) -> None:
        self._path = path
        self._driver = driver

    async def fetch(self, statement: str, values: Values = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        with self._seam():
            return cast("list[Row]", await self._driver.execute_fetchall(statement, values))

    async def run_many(self, statement: str, values: Sequence[Values]) -> int:
        """Run one statement once per set of values; how many rows that wrote."""
        with self._seam():
            cursor = await self._driver.executemany(statement, values)
            await cursor.close()
        return int(cursor.rowcount)

    async def write(self, statement: str, values: Sequence[Values]) -> None:
        """Write a row per set of values; raises `StoreDamaged` where the file let one fall unseen."""
        if await self.run_many(statement, values) != len(values):
            raise damaged(self._path, "a row was not written")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All or nothing: commits at the end, rolls back if anything is raised. It is the only writer."""
        try:
            await self.fetch("BEGIN IMMEDIATE")
            yield
            await self.fetch("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error, ValueError):  # what broke first is what is told
                await self._driver.rollback()
            raise

    async def close(self) -> None:
        """Close the file and end the thread. Closing twice is harmless."""
        with self._seam():
            await self._driver.close()

    @contextmanager
    def _seam(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, OverflowError) as error:
            raise fault_of(self._path, error) from error


async def connect(path: Path, *, busy_timeout_s: float, can_write: bool) -> Connection:
    """Open an existing file. Where another program has it locked, a write waits `busy_timeout_s` at most."""
    driver = aiosqlite.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        cached_statements=64,
    )
    # The thread is the driver's own affair, and until 0.22 the driver was the thread. As a daemon it cannot
    # hang a process that ends without closing; SQLite's log keeps the file whole.
    thread: Any = getattr(driver, "_thread", driver)
    thread.daemon = True
    try:
        await driver
    except (sqlite3.Error, OSError) as error:
        thread.join(_THREAD_END_S)  # it was told to end; nobody may close the loop before it has reported
        raise fault_of(path, error) from error
    connection = Connection(path, driver)
    try:
        for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "synchronous = FULL"):
            await connection.fetch(f"PRAGMA {pragma}")
        if not can_write:
            # SQLite's own lower() knows ASCII alone.
            await driver.create_function("folded", 1, str.lower, deterministic=True)
            await connection.fetch("PRAGMA query_only = ON")
    except BaseException:
        await asyncio.shield(connection.close())
        raise
    return connection
