"""The part of the store in a file that holds credentials of upstreams, sealed (`gateway.keeper.seal`).

What makes records of rows is loaded with the first row: a gateway whose vault is empty does without.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act, Described
from gateway.store.connection import Connection, Values
from gateway.store.faults import StoreConflict, damaged
from gateway.store.rows import Row

if TYPE_CHECKING:
    from gateway.keeper.credentials import CredentialNote, SealedCredential

COLUMNS: Final = "name, version, key_id, nonce, sealed, preview, set_at, set_by, last_used_at, refused_at"
SELECT: Final = f"SELECT {COLUMNS} FROM credentials ORDER BY name"  # noqa: S608


class SealedRows(ABC):
    """Credentials as rows."""

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

    async def credentials(self) -> "list[SealedCredential]":
        """All of them, by name."""
        return [self._credential(row) for row in await self._read(SELECT)]

    async def put_credentials(self, sealed: "Sequence[SealedCredential]", act: Act) -> None:
        """Add or replace, all or none."""
        from gateway.store import credential_rows as rows  # noqa: PLC0415

        async with self._transaction():
            for each in sealed:
                found = await self._writer.fetch(rows.SELECT_ONE, (each.name,))
                before = self._credential(found[0]) if found else None
                if (conflict := rows.assert_follows(before, each)) is not None:
                    raise StoreConflict(f"{self._path}: {conflict}")
                await self._writer.write(rows.PUT, [rows.row_after(before, each)])
                await self._tell(act, None, rows.described(before), rows.described(each))

    async def remove_credential(self, name: str, act: Act) -> None:
        """Remove one."""
        from gateway.store import credential_rows as rows  # noqa: PLC0415

        async with self._transaction():
            found = await self._writer.fetch(rows.SELECT_ONE, (name,))
            if not found:
                raise rows.CredentialNotFound(f"there is no credential {name!r} in the vault")
            await self._writer.write(rows.DELETE, [(name,)])
            await self._tell(act, None, rows.described(self._credential(found[0])), None)

    async def note_credentials(self, notes: "Sequence[CredentialNote]") -> None:
        """Write what use left behind."""
        from gateway.store import credential_rows as rows  # noqa: PLC0415

        if notes:
            async with self._transaction():
                await self._writer.run_many(rows.NOTE, [rows.note_row_of(note) for note in notes])

    def _credential(self, row: Row) -> "SealedCredential":
        from gateway.store.credential_rows import credential_of  # noqa: PLC0415

        try:
            return credential_of(row)
        except ValueError as error:
            raise damaged(self._path, f"the credential {row[0]!r} cannot be read") from error
