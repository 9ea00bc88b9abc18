"""Finding the desk: the running server's, or one of our own over the file.

There is one writer always. Whoever holds the store's lock serves the desk: a running server over its control
socket, otherwise this process, for as long as the context lasts.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.keeper.desk import KeyDesk
from gateway.keeper.ports import Clock


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
) -> AsyncIterator[KeyDesk]:
    """The desk for the store at `store_path`; raises `StoreUnavailable` with the mend."""
    yield _not_yet()


def _not_yet() -> KeyDesk:
    raise NotImplementedError
