"""Sealed credentials as rows of the store's file: the statements, and the part of the store that runs them.

A value of a credential never comes here: what arrives is sealed (`gateway.keeper.seal`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act, Described
from gateway.keeper.credentials import (
    CredentialNote,
    CredentialNotFound,
    SealedCredential,
    assert_follows,
    described,
)
from gateway.store.connection import Connection, Values
from gateway.store.faults import StoreConflict, damaged
from gateway.store.rows import Row

_COLUMNS: Final = "name, version, key_id, nonce, sealed, preview, set_at, set_by, last_used_at, refused_at"
SELECT: Final = f"SELECT {_COLUMNS} FROM credentials ORDER BY name"  # noqa: S608
SELECT_ONE: Final = f"SELECT {_COLUMNS} FROM credentials WHERE name = ?"  # noqa: S608
PUT: Final = f"INSERT OR REPLACE INTO credentials ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
DELETE: Final = "DELETE FROM credentials WHERE name = ?"
NOTE: Final = """
UPDATE credentials SET
    last_used_at = MAX(COALESCE(last_used_at, ?2), COALESCE(?2, last_used_at)), refused_at = ?3
WHERE name = ?1
"""


def credential_of(row: Sequence[Any]) -> SealedCredential:
    """The record a row holds; raises `ValueError` for whatever we would not have written."""
    name, version, key_id, nonce, sealed, preview, set_at, set_by, last_used_at, refused_at = row
    texts = isinstance(name, str) and isinstance(preview, str) and isinstance(set_by, str)
    raw = isinstance(key_id, bytes) and isinstance(nonce, bytes) and isinstance(sealed, bytes)
    times = isinstance(set_at, float) and all(
        at is None or isinstance(at, float) for at in (last_used_at, refused_at)
    )
    if not (texts and raw and times and isinstance(version, int)):
        raise ValueError("a column holds a value of the wrong kind")
    return SealedCredential(*row)


def row_of(record: SealedCredential) -> tuple[Any, ...]:
    """The record's columns."""
    return astuple(record)


class SealedRows(ABC):
    """The part of the store in a file that holds credentials."""

    _writer: Connection
    _path: Path

    @abstractmethod
    async def _read(self, statement: str, values: Values = ()) -> list[Row]: ...

    @abstractmethod
    def _transaction(self) -> AbstractAsyncContextManager[None]: ...

    @abstractmethod
    async def _tell(
        self,
        act: Act,
        key_id: str | None,
        before: ApiKey | Described | None,
        after: ApiKey | Described | None,
    ) -> None: ...

    async def credentials(self) -> list[SealedCredential]:
        """All of them, by name."""
        return [self._credential(row) for row in await self._read(SELECT)]

    async def put_credentials(self, sealed: Sequence[SealedCredential], act: Act) -> None:
        """Add or replace, all or none."""
        async with self._transaction():
            for each in sealed:
                found = await self._writer.fetch(SELECT_ONE, (each.name,))
                before = self._credential(found[0]) if found else None
                if (conflict := assert_follows(before, each)) is not None:
                    raise StoreConflict(f"{self._path}: {conflict}")
                last = each.last_used_at if before is None else before.last_used_at
                row = row_of(replace(each, last_used_at=last))
                await self._writer.write(PUT, [row])
                await self._tell(act, None, described(before), described(each))

    async def remove_credential(self, name: str, act: Act) -> None:
        """Remove one."""
        async with self._transaction():
            found = await self._writer.fetch(SELECT_ONE, (name,))
            if not found:
                raise CredentialNotFound(f"there is no credential {name!r} in the vault")
            await self._writer.write(DELETE, [(name,)])
            await self._tell(act, None, described(self._credential(found[0])), None)

    async def note_credentials(self, notes: Sequence[CredentialNote]) -> None:
        """Write what use left behind."""
        if notes:
            async with self._transaction():
                await self._writer.run_many(NOTE, [astuple(note) for note in notes])

    def _credential(self, row: Row) -> SealedCredential:
        try:
            return credential_of(row)
        except ValueError as error:
            raise damaged(self._path, f"the credential {row[0]!r} cannot be read") from error
