"""Many records at once: found by digests or ids, written in one transaction, read whole for an export.

What is looked for is asked in groups of `GROUP`, the last one filled up with nothing, so that there is one
statement for each question however much is asked.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import GENESIS, Act, chained
from gateway.keeper.ports import IMPORT, WholeKey
from gateway.store import audit_rows, rows
from gateway.store.connection import Connection, Values

GROUP: Final = 256
_ASKED: Final = ", ".join("?" * GROUP)

FIND_BY_IDS: Final = f"SELECT {rows.NAMED} FROM keys WHERE id IN ({_ASKED})"  # noqa: S608
FIND_BY_DIGESTS: Final = f"""
SELECT secrets.digest, {rows.NAMED} FROM secrets JOIN keys ON keys.id = secrets.key_id
WHERE secrets.digest IN ({_ASKED})
"""  # noqa: S608
IMPORTED: Final = "SELECT digest, key_id FROM secrets WHERE imported = 1"
ADD_DIGEST: Final = "INSERT INTO secrets (digest, key_id, imported) VALUES (?, ?, ?)"
PAGE: Final = f"SELECT number, {rows.NAMED} FROM keys WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
SECRETS_OF_PAGE: Final = """
SELECT secrets.key_id, secrets.digest, secrets.imported FROM keys JOIN secrets ON secrets.key_id = keys.id
WHERE keys.number > ? AND keys.number <= ?
"""


class ManyKeys(ABC):
    """The part of the store in a file that handles many records at once."""

    _writer: Connection

    @abstractmethod
    async def _read(self, statement: str, values: Values = ()) -> list[rows.Row]: ...

    @abstractmethod
    def _transaction(self) -> AbstractAsyncContextManager[None]: ...

    @abstractmethod
    def _key(self, row: rows.Row) -> ApiKey: ...

    async def find_by_digests(self, digests: Sequence[bytes]) -> dict[bytes, ApiKey]:
        """The records behind many digests."""
        found = [row for group in groups(digests) for row in await self._read(FIND_BY_DIGESTS, group)]
        return {row[0]: self._key(row[1:]) for row in found}

    async def find_by_ids(self, ids: Sequence[str]) -> dict[str, ApiKey]:
        """The records with these ids."""
        found = [row for group in groups(ids) for row in await self._read(FIND_BY_IDS, group)]
        return {row[0]: self._key(row) for row in found}

    async def imported(self) -> dict[bytes, str]:
        """Every digest of an imported secret, and whose it is."""
        return dict(await self._read(IMPORTED))

    async def insert_many(self, keys: Sequence[WholeKey], act: Act = IMPORT) -> None:
        """Add records with all their digests; raises `StoreConflict` if an id or a digest is taken."""
        async with self._transaction():
            for at in range(0, len(keys), GROUP):
                await insert(self._writer, keys[at : at + GROUP], act)

    async def whole_keys(self, after: int, limit: int) -> list[tuple[int, WholeKey]]:
        """Records with numbers beyond `after`, oldest first."""
        found = await self._read(PAGE, (after, limit))
        last = found[-1][0] if found else after
        held = secrets_of(await self._read(SECRETS_OF_PAGE, (after, last)))
        return [(row[0], WholeKey(self._key(row[1:]), held.get(row[1], {}))) for row in found]


def groups(asked: Sequence[bytes | str]) -> Iterator[tuple[bytes | str | None, ...]]:
    """What is asked, in groups of one length."""
    for at in range(0, len(asked), GROUP):
        group = tuple(asked[at : at + GROUP])
        yield (*group, *(None,) * (GROUP - len(group)))


async def insert(writer: Connection, keys: Sequence[WholeKey], act: Act) -> None:
    """Add records, all their digests and an entry for each, within the caller's transaction."""
    await writer.write(rows.INSERT, [rows.row_of(whole.key) for whole in keys])
    await writer.write(ADD_DIGEST, [row for whole in keys for row in _secret_rows(whole)])
    last = await writer.fetch(audit_rows.SELECT_LAST)
    number, previous = last[0] if last else (0, GENESIS)
    told = []
    for whole in keys:
        entry = chained(number + 1, previous, act, whole.key.id, None, whole.key)
        number, previous = entry.number, entry.hash
        told.append(audit_rows.row_of(entry))
    await writer.write(audit_rows.INSERT, told)


def secrets_of(found: Iterable[rows.Row]) -> dict[str, dict[bytes, bool]]:
    """The digests of each key, by its id."""
    held: dict[str, dict[bytes, bool]] = {}
    for key_id, digest, imported in found:
        held.setdefault(key_id, {})[digest] = bool(imported)
    return held


def _secret_rows(whole: WholeKey) -> list[tuple[bytes, str, int]]:
    key = whole.key
    own = dict.fromkeys((key.digest, key.previous_digest or key.digest), False)
    return [(digest, key.id, int(imported)) for digest, imported in {**own, **whole.secrets}.items()]
