"""Finding the desk: the running server's, or one of our own over the file.

There is one writer always. Whoever holds the store's lock serves the desk: a running server over its control
socket, otherwise this process, for as long as the context lasts. While a server starts or stops, or another
command is at work, neither is to be had for a moment; so both are tried in turn for a few seconds.

Where there is no store yet, only making or importing a key begins one. Whoever only asks, or mistyped a path,
is told that there is none, and leaves no file behind.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.admin.control_client import RemoteKeyring
from gateway.admin.control_path import HAS_SOCKETS, NO_SOCKETS, socket_path
from gateway.admin.credential_client import RemoteCredentials
from gateway.config.load import Loaded
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.audit import FIRST_ENTRIES, AuditEntry, AuditQuery, host_actor
from gateway.keeper.batch import PAGE_KEYS_MAX, Imported, KeyImport
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.desk import (
    KeyDesk,
    KeyDraft,
    KeyEdit,
    Rotation,
    SignedAddress,
    StatusFilter,
    Verification,
)
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Clock, KeyStore, WholeKey
from gateway.keeper.signing import Signing, nothing_signs
from gateway.service.lender import Lender
from gateway.store.faults import StoreBusy, StoreMissing
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import SqliteKeyStore, open_sqlite

PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.05


@asynccontextmanager
async def open_desk(  # noqa: PLR0913 - all but one are named at the call
    store_path: Path,
    *,
    clock: Clock,
    prefix: str,
    default_expiry_s: float | None,
    max_active_per_owner: int,
    catalogue: Mapping[str, str],
    entropy: Callable[[int], bytes],
    signing: Signing = nothing_signs,
    signed_url_max_s: float = 3_600.0,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[KeyDesk]:
    """The desk for the store at `store_path`; raises `StoreUnavailable` with the mend, or `NotAllowed`.

    Where there is no store every method but `create` and `import_keys` raises `StoreMissing`. The keyring's
    options count only where this process opens the file; a running server has its own.
    """
    async with AsyncExitStack() as until_closed:

        async def find(*, can_create: bool) -> KeyDesk:
            found = await _find(store_path, patience_s, can_create=can_create)
            if isinstance(found, RemoteKeyring):
                return found
            until_closed.push_async_callback(found.close)
            return over(found)

        def over(store: KeyStore) -> KeyDesk:
            return Keyring(
                store,
                clock,
                prefix=prefix,
                default_expiry_s=default_expiry_s,
                max_active_per_owner=max_active_per_owner,
                catalogue=catalogue,
                entropy=entropy,
                on_change=_nobody_to_tell,
                signing=signing,
                signed_url_max_s=signed_url_max_s,
            ).acting(host_actor(os.getuid() if hasattr(os, "getuid") else None))

        try:
            desk = await find(can_create=False)
        except StoreMissing as missing:
            desk = _DeskWithoutStore(missing, lambda: find(can_create=True), over(MemoryKeyStore()))
        yield desk


@asynccontextmanager
async def open_credentials(
    loaded: Loaded,
    store_path: Path,
    *,
    clock: Clock,
    can_create: bool = False,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[CredentialDesk]:
    """The desk of credentials, found in the same way. `can_create`: a store is begun where there is none."""
    found = await _find(store_path, patience_s, can_create=can_create)
    if isinstance(found, RemoteKeyring):
        yield RemoteCredentials(found)
        return
    try:
        lender = Lender(found, clock, on_store_error=_nothing, on_change=_nothing)
        await lender.load()
        lender.take(loaded)
        yield lender.vault.acting(host_actor(os.getuid() if hasattr(os, "getuid") else None))
        await lender.uses.flush()
    finally:
        await found.close()


async def _find(store_path: Path, patience_s: float, *, can_create: bool) -> RemoteKeyring | SqliteKeyStore:
    deadline = time.monotonic() + patience_s
    while True:
        remote = RemoteKeyring(store_path)
        if await remote.is_there():
            return remote
        try:
            return await open_sqlite(store_path, can_create=can_create)
        except StoreBusy as busy:
            if time.monotonic() >= deadline or not HAS_SOCKETS:
                told = f"nobody answers on {socket_path(store_path)}, so it cannot be asked either"
                raise StoreBusy(f"{busy}; {told if HAS_SOCKETS else NO_SOCKETS}") from busy
        await asyncio.sleep(_PAUSE_S)


class _DeskWithoutStore:
    """Says that there is no store, until a key is made or imported: that begins one."""

    def __init__(
        self, missing: StoreMissing, begin: Callable[[], Awaitable[KeyDesk]], trial: KeyDesk
    ) -> None:
        self._missing = missing
        self._begin = begin
        self._trial = trial
        self._begun: KeyDesk | None = None

    @property
    def _desk(self) -> KeyDesk:
        if self._begun is None:
            raise self._missing
        return self._begun

    def acting(self, actor: str, request_id: str | None = None) -> KeyDesk:
        return self if self._begun is None else self._begun.acting(actor, request_id)

    async def create(self, draft: KeyDraft) -> tuple[ApiKey, Secret]:
        if self._begun is None:
            self._begun = await self._begin()
        return await self._begun.create(draft)

    async def list_keys(self, status: StatusFilter = None, owner: str | None = None) -> list[ApiKey]:
        return await self._desk.list_keys(status, owner)

    async def resolve(self, id_or_name: str) -> ApiKey:
        return await self._desk.resolve(id_or_name)

    async def revoke(self, id_or_name: str) -> ApiKey:
        return await self._desk.revoke(id_or_name)

    async def disable(self, id_or_name: str) -> ApiKey:
        return await self._desk.disable(id_or_name)

    async def enable(self, id_or_name: str) -> ApiKey:
        return await self._desk.enable(id_or_name)

    async def edit(self, id_or_name: str, edit: KeyEdit) -> ApiKey:
        return await self._desk.edit(id_or_name, edit)

    async def rotate(self, id_or_name: str, rotation: Rotation) -> tuple[ApiKey, Secret]:
        return await self._desk.rotate(id_or_name, rotation)

    async def undo_rotation(self, id_or_name: str) -> ApiKey:
        return await self._desk.undo_rotation(id_or_name)

    async def finish_rotation(self, id_or_name: str) -> ApiKey:
        return await self._desk.finish_rotation(id_or_name)

    async def delete(self, id_or_name: str) -> ApiKey:
        return await self._desk.delete(id_or_name)

    async def revoke_by_value(self, text: str) -> ApiKey:
        return await self._desk.revoke_by_value(text)

    async def verify(self, text: str) -> Verification:
        return await self._desk.verify(text)

    async def sign(self, id_or_name: str, address: str, life_s: float) -> SignedAddress:
        return await self._desk.sign(id_or_name, address, life_s)

    async def import_keys(self, asked: KeyImport) -> Imported:
        if self._begun is None and asked.dry_run:
            return await self._trial.import_keys(asked)
        if self._begun is None:
            self._begun = await self._begin()
        return await self._begun.import_keys(asked)

    async def export_keys(self, after: int = 0, limit: int = PAGE_KEYS_MAX) -> list[tuple[int, WholeKey]]:
        return await self._desk.export_keys(after, limit)

    async def verify_digests(self, digests: Sequence[bytes]) -> list[Verification]:
        return await self._desk.verify_digests(digests)

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        return await self._desk.audit(query)

    async def usage(self, id_or_name: str | None = None, query: UsageQuery | None = None) -> list[UsageDay]:
        return await self._desk.usage(id_or_name, query)


def _nobody_to_tell(_key_id: str, _key: ApiKey | None) -> None:
    """No cache and no live exchange hangs on a store that only this process has open."""


def _nothing() -> None:
    """No upstream is served by this process, and nobody counts its errors."""
