"""The store in one SQLite file: write-ahead log, one writer, and readers that never wait for it.

Promises
1. A write is on the disk when it returns (`synchronous = FULL`); one that raises changed nothing, and one
   that the file lets fall raises.
2. Look-ups have a connection of their own and do not wait behind writes, not even behind one that waits for
   another program's lock.
3. Every digest that ever led to a record still does, until the record is deleted.
4. A file that was deleted, moved or replaced while open is noticed before the next answer: what the old file
   says is no longer the truth, and what was written to it would be lost.
5. What cannot be trusted is refused when it is opened (`gateway.store.schema`), and the lock keeps other
   processes of Keyhatch away (`gateway.store.lock`).

While this store is open nothing else in the process may open and close the same file: POSIX would drop
SQLite's own locks on it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from gateway.core.keys import EXPIRING_WINDOW_S, ApiKey, Status
from gateway.keeper.audit import FIRST_ENTRIES, GENESIS, Act, AuditEntry, AuditQuery, Described, chained
from gateway.keeper.days import UsageDay, UsageQuery, number_of
from gateway.keeper.ports import (
    CHANGE,
    CREATE,
    DELETE,
    KeyNotFound,
    KeyQuery,
    OnceDone,
    OnceTaken,
    StoreUnavailable,
    Use,
)
from gateway.store import audit_rows, once_rows, rows, usage_rows
from gateway.store.connection import Connection, Values, connect
from gateway.store.faults import (
    RESTORE,
    StoreConflict,
    StoreReplaced,
    busy,
    closed,
    damaged,
    missing,
)
from gateway.store.lock import StoreLock
from gateway.store.many import ManyKeys
from gateway.store.place import settle
from gateway.store.reader import Reader
from gateway.store.schema import Migration, is_there, load_migrations, make_ready
from gateway.store.sealed import SealedRows

BUSY_TIMEOUT_S: Final = 5.0
_AT_ONCE_S: Final = 0.05
_ROWS_AT_ONCE: Final = 256  # about 2 ms of reading rows before others get their turn


class SqliteKeyStore(ManyKeys, SealedRows):
    """An open store; made by `open_sqlite`."""

    def __init__(
        self, path: Path, lock: StoreLock, writer: Connection, reader: Reader, *, busy_timeout_s: float
    ) -> None:
        self._path = path
        self._lock = lock
        self._writer = writer
        self._reader = reader
        self._busy_timeout_s = self._patience_s = busy_timeout_s
        self._writing = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._opened = _identity(path)
        self._version = 0

    @property
    def path(self) -> Path:
        """The file, without symbolic links."""
        return self._path

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The record whose secret has, or before a rotation had, this digest."""
        return self._one(await self._read(rows.SELECT_BY_DIGEST, (digest,)))

    async def get(self, key_id: str) -> ApiKey | None:
        """The record with this id."""
        return self._one(await self._read(rows.SELECT_BY_ID, (key_id,)))

    async def list_keys(self) -> list[ApiKey]:
        """All records, newest first."""
        keys = []
        for number, row in enumerate(await self._read(rows.SELECT_ALL)):
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            keys.append(self._key(row))
        return keys

    async def count_by_status(self, now: float) -> dict[Status, int]:
        """How many records have which status at `now`."""
        counts = await self._read(rows.COUNT_BY_STATUS, {"now": now, "window": EXPIRING_WINDOW_S})
        return {Status(status): count for status, count in counts}

    async def find_by_name(self, name: str, limit: int) -> list[ApiKey]:
        """At most so many records of this exact name, newest first."""
        return [self._key(row) for row in await self._read(rows.SELECT_BY_NAME, (name, limit))]

    async def count_living(self, owner: str, now: float) -> int:
        """How many records of an owner are neither revoked nor expired."""
        [(count,)] = await self._read(rows.COUNT_LIVING, {"owner": owner, "now": now})
        return int(count)

    async def page(self, query: KeyQuery) -> list[tuple[int, ApiKey]]:
        """Records with their numbers, newest first."""
        found = await self._read(rows.SELECT_PAGE, rows.page_asked(query))
        return [(row[0], self._key(row[1:-1])) for row in found]

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """Entries of acts, in the order asked for."""
        found = await self._read(*audit_rows.asked(query))
        try:
            return [audit_rows.entry_of(row) for row in found]
        except (ValueError, RecursionError) as error:
            raise damaged(self._path, "an entry of the audit cannot be read") from error

    async def find_once(self, actor: str, name: str) -> OnceDone | None:
        """What the actor did under this name, as long as it is remembered."""
        found = await self._read(once_rows.SELECT, (actor, name))
        return once_rows.done_of(found[0]) if found else None

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        """Add a record; raises `StoreConflict` if its id or a digest is taken."""
        row = rows.row_of(key)
        async with self._transaction():
            await self._note_once(act, key.id)
            await self._writer.write(rows.INSERT, [row])
            await self._lead_to(key)
            await self._tell(act, key.id, None, key)

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        """Read, change and write one record in one transaction; `change` must keep the id."""
        async with self._transaction():
            before = self._one(await self._writer.fetch(rows.SELECT_BY_ID, (key_id,)))
            if before is None:
                raise KeyNotFound(f"there is no key with the id {key_id}")
            after = change(before)
            if after.id != key_id:
                raise ValueError("a change must keep the key's id")
            if after == before:
                return before
            after = replace(after, revision=before.revision + 1)
            await self._note_once(act, key_id)
            await self._writer.write(rows.UPDATE, [rows.row_of(after)])
            await self._lead_to(after)
            await self._tell(act, key_id, before, after)
        return after

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        """Remove a record and all its digests."""
        async with self._transaction():
            before = self._one(await self._writer.fetch(rows.SELECT_BY_ID, (key_id,)))
            if before is None:
                raise KeyNotFound(f"there is no key with the id {key_id}")
            await self._writer.write(rows.DELETE, [(key_id,)])
            await self._tell(act, key_id, before, None)

    async def note_act(self, act: Act, before: Described | None, after: Described | None) -> None:
        """Add the entry of an act that is about no key and changes nothing here."""
        async with self._transaction():
            await self._tell(act, None, before, after)

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        """Add a batch of uses and of days of usage in one transaction; unknown ids are passed over."""
        batches = (
            (rows.RECORD_USE, list(map(rows.use_row_of, uses))),
            (usage_rows.RECORD, [usage_rows.row_of(day) for day in days]),
            (usage_rows.RECORD_REFUSALS, [row for day in days for row in usage_rows.refusal_rows_of(day)]),
        )
        if uses or days:
            async with self._transaction():
                for statement, batch in batches:
                    if batch:
                        await self._writer.run_many(statement, batch)

    async def usage(self, query: UsageQuery) -> list[UsageDay]:
        """Days of usage, in the order of `gateway.keeper.days`."""
        if query.per != "total":
            return await self._usage(query)
        totals: list[UsageDay] = []
        while len(totals) < query.limit and (found := await self._usage(query)):
            totals += found
            query = replace(query, after=(found[-1].day, ""))
        return totals

    async def _usage(self, query: UsageQuery) -> list[UsageDay]:
        """What one statement tells of a query."""
        found = await self._read(*usage_rows.asked(query))
        try:
            return [usage_rows.day_of(row) for row in found]
        except (ValueError, RecursionError) as error:
            raise damaged(self._path, "a day of usage cannot be read") from error

    async def forget_usage(self, before: date, limit: int) -> int:
        """Remove days before this one, at most so many; how many were removed."""
        if not await self._read(usage_rows.SELECT_ANY_BEFORE, (number_of(before),)):
            return 0  # as on most days: the writer is left alone
        async with self._transaction():
            await self._writer.fetch(usage_rows.FORGET, (number_of(before), limit))
            [(forgotten,)] = await self._writer.fetch(usage_rows.FORGOTTEN)
        return int(forgotten)

    async def data_version(self) -> int:
        """A number that differs after another program changed the data.

        It is asked of the writing connection, because SQLite counts what other connections commit: the
        reading one would report our own writes too. While a write is under way the last answer stands.
        """
        self._assert_open()
        if not self._writing.locked():
            [(self._version,)] = await self._writer.fetch("PRAGMA data_version")
        return self._version

    async def check(self) -> None:
        """Read a record and a digest; raise `StoreUnavailable` if that fails or the file was replaced."""
        self._one(await self._read(rows.SELECT_ANY))
        await self._read("SELECT key_id FROM secrets LIMIT 1")

    async def close(self) -> None:
        """Wait for the write under way, then release connections, threads and the lock."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            async with self._writing:
                try:
                    await self._reader.close()
                finally:
                    await self._writer.close()
        finally:
            self._lock.release()

    async def _read(self, statement: str, values: Values = ()) -> list[rows.Row]:
        self._assert_open()
        return await self._reader.fetch(statement, values)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        self._assert_open()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._busy_timeout_s):
                await self._writing.acquire()
        except TimeoutError:
            raise busy(self._path) from None
        try:
            self._assert_open()
            await self._be_patient(time.monotonic() - began)
            async with self._writer.transaction():
                yield
        finally:
            self._writing.release()

    async def _be_patient(self, waited_s: float) -> None:
        """What was waited for the write before counts: both together take `busy_timeout_s` at most."""
        left_s = self._busy_timeout_s - (waited_s if waited_s > _AT_ONCE_S else 0.0)
        if left_s != self._patience_s:
            await self._writer.fetch(f"PRAGMA busy_timeout = {max(1, round(left_s * 1_000))}")
            self._patience_s = left_s

    async def _lead_to(self, key: ApiKey) -> None:
        """Make the record's digests lead to it."""
        for digest in {key.digest, key.previous_digest or key.digest}:
            holders = await self._writer.fetch(rows.SELECT_HOLDER, (digest,))
            if not holders:
                await self._writer.write(rows.INSERT_DIGEST, [(digest, key.id)])
            elif holders != [(key.id,)]:
                raise StoreConflict(f"{self._path} refuses key {key.id}: its secret belongs to another key")

    async def _tell(
        self,
        act: Act,
        key_id: str | None,
        before: ApiKey | Described | None,
        after: ApiKey | Described | None,
    ) -> None:
        """Add the entry of an act, within its transaction. One that is not written undoes the act."""
        last = await self._writer.fetch(audit_rows.SELECT_LAST)
        number, previous = last[0] if last else (0, GENESIS)
        entry = chained(number + 1, previous, act, key_id, before, after)
        await self._writer.write(audit_rows.INSERT, [audit_rows.row_of(entry)])

    async def _note_once(self, act: Act, key_id: str) -> None:
        """Remember an act that has a name, within its transaction."""
        if act.once is None:
            return
        await self._writer.fetch(once_rows.FORGET, once_rows.forgotten_before(act))
        if await self._writer.fetch(once_rows.SELECT, (act.actor, act.once.name)):
            raise OnceTaken(act.once.name)
        await self._writer.write(once_rows.INSERT, [once_rows.row_of(act, key_id)])

    def _one(self, found: Sequence[rows.Row]) -> ApiKey | None:
        return self._key(found[0]) if found else None

    def _key(self, row: rows.Row) -> ApiKey:
        try:
            return rows.key_of(row)
        except (ValueError, RecursionError) as error:
            raise damaged(self._path, f"the record of key {row[0]!r} cannot be read") from error

    def _assert_open(self) -> None:
        if self._closing is not None:
            raise closed(self._path)
        if _identity(self._path) != self._opened:
            raise StoreReplaced(
                f"{self._path} was deleted, moved or replaced while open: put it back and restart the "
                f"gateway, or {RESTORE}"
            )


async def open_sqlite(
    path: Path,
    *,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    migrations: Sequence[Migration] | None = None,
    can_create: bool = True,
) -> SqliteKeyStore:
    """Open the store in this file; raises `StoreUnavailable`.

    Where there is none it is created, and the one folder it lies in; without `can_create` nothing is, and
    `StoreMissing` is raised. `busy_timeout_s` bounds how long a write waits for another program or for the
    write before it.
    """
    known = load_migrations() if migrations is None else migrations
    opening = asyncio.ensure_future(_open(path, known, busy_timeout_s, can_create=can_create))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(StoreUnavailable):
            await (await opening).close()
        raise


async def _open(
    path: Path, migrations: Sequence[Migration], busy_timeout_s: float, *, can_create: bool
) -> SqliteKeyStore:
    path = settle(path, can_create=can_create)
    async with AsyncExitStack() as undo:
        lock = StoreLock(path)
        undo.callback(lock.release)
        if not can_create and not is_there(path):
            raise missing(path)
        await make_ready(path, migrations, busy_timeout_s=busy_timeout_s)
        writer = await connect(path, busy_timeout_s=busy_timeout_s, can_write=True)
        undo.push_async_callback(writer.close)
        reader = Reader(path, await connect(path, busy_timeout_s=busy_timeout_s, can_write=False))
        undo.push_async_callback(reader.close)
        # What cannot be written is said now and not at the first key; BEGIN alone would not notice.
        await writer.fetch("DELETE FROM keys WHERE FALSE")
        store = SqliteKeyStore(path, lock, writer, reader, busy_timeout_s=busy_timeout_s)
        await store.check()
        undo.pop_all()
    return store


def _identity(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files these are: the store's and its log's device and inode, None where there is none."""
    return tuple(_inode(each) for each in (path, path.with_name(path.name + "-wal")))


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
