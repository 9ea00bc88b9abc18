"""Finding the desk: the running server's, or one of our own over the file.

There is one writer always. Whoever holds the store's lock serves the desk: a running server over its control
socket, otherwise this process, for as long as the context lasts. While a server starts or stops, or another
command is at work, neither is to be had for a moment; so both are tried in turn for a few seconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.admin.control_client import RemoteKeyring
from gateway.admin.control_path import socket_path
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Clock
from gateway.store.faults import StoreBusy
from gateway.store.sqlite import SqliteKeyStore, open_sqlite

PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.05


@asynccontextmanager
async def open_desk(
    store_path: Path,
    *,
    clock: Clock,
    prefix: str,
    default_expiry_s: float | None,
    max_active_per_owner: int,
    catalogue: Mapping[str, str],
    entropy: Callable[[int], bytes],
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[KeyDesk]:
    """The desk for the store at `store_path`; raises `StoreUnavailable` with the mend, or `NotAllowed`.

    The keyring's options count only where this process opens the file; a running server has its own.
    """
    found = await _find(store_path, patience_s)
    if isinstance(found, RemoteKeyring):
        yield found
        return
    try:
        yield Keyring(
            found,
            clock,
            prefix=prefix,
            default_expiry_s=default_expiry_s,
            max_active_per_owner=max_active_per_owner,
            catalogue=catalogue,
            entropy=entropy,
            on_change=_nobody_to_tell,
        )
    finally:
        await found.close()


async def _find(store_path: Path, patience_s: float) -> RemoteKeyring | SqliteKeyStore:
    deadline = time.monotonic() + patience_s
    while True:
        remote = RemoteKeyring(store_path)
        if await remote.is_there():
            return remote
        try:
            return await open_sqlite(store_path)
        except StoreBusy as busy:
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    f"{busy}; nobody answers on {socket_path(store_path)}, so it cannot be asked either"
                ) from busy
        await asyncio.sleep(_PAUSE_S)


def _nobody_to_tell(_key_id: str, _key: ApiKey | None) -> None:
    """No cache and no live exchange hangs on a store that only this process has open."""
