"""The store in a dictionary: for tests, and the shortest statement of what a store does.

It keeps the whole contract but one: nothing outlives the process.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.core.keys import ApiKey, Status
from gateway.keeper.ports import KeyNotFound, StoreUnavailable, Use
from gateway.store.faults import StoreConflict


class MemoryKeyStore:
    """Records by id, and the digests that lead to them."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._holders: dict[bytes, str] = {}
        self._is_closed = False

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The record whose secret has, or before a rotation had, this digest."""
        self._assert_open()
        holder = self._holders.get(digest)
        return None if holder is None else self._keys[holder]

    async def get(self, key_id: str) -> ApiKey | None:
        """The record with this id."""
        self._assert_open()
        return self._keys.get(key_id)

    async def list_keys(self) -> list[ApiKey]:
        """All records, newest first."""
        self._assert_open()
        return sorted(self._keys.values(), key=lambda key: key.created_at)[::-1]

    async def count_by_status(self, now: float) -> dict[Status, int]:
        """How many records have which status at `now`."""
        self._assert_open()
        return dict(Counter(key.status(now) for key in self._keys.values()))

    async def insert(self, key: ApiKey) -> None:
        """Add a record; raises `StoreConflict` if its id or a digest is taken."""
        self._assert_open()
        if key.id in self._keys:
            raise StoreConflict(f"key {key.id} is already there")
        self._lead_to(key)
        self._keys[key.id] = key

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        """Read, change and write one record; `change` must keep the id."""
        self._assert_open()
        after = change(self._known(key_id))
        if after.id != key_id:
            raise ValueError("a change must keep the key's id")
        self._lead_to(after)
        self._keys[key_id] = after
        return after

    async def delete(self, key_id: str) -> None:
        """Remove a record and all its digests."""
        self._assert_open()
        self._known(key_id)
        del self._keys[key_id]
        self._holders = {digest: holder for digest, holder in self._holders.items() if holder != key_id}

    async def record_uses(self, uses: Sequence[Use]) -> None:
        """Add a batch of uses. Times never move backwards; unknown ids are passed over."""
        self._assert_open()
        for use in uses:
            key = self._keys.get(use.key_id)
            if key is not None:
                self._keys[use.key_id] = _used(key, use)

    async def data_version(self) -> int:
        """Always 0: nobody else can change what is in here."""
        self._assert_open()
        return 0

    async def check(self) -> None:
        """Return, as long as it is not closed."""
        self._assert_open()

    async def close(self) -> None:
        """Refuse from now on."""
        self._is_closed = True

    def _known(self, key_id: str) -> ApiKey:
        key = self._keys.get(key_id)
        if key is None:
            raise KeyNotFound(f"there is no key with the id {key_id}")
        return key

    def _lead_to(self, key: ApiKey) -> None:
        digests = {key.digest, key.previous_digest or key.digest}
        if any(self._holders.get(digest, key.id) != key.id for digest in digests):
            raise StoreConflict(f"key {key.id} is refused: its secret belongs to another key")
        self._holders.update(dict.fromkeys(digests, key.id))

    def _assert_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable("the store is closed: the gateway is stopping")


def _used(key: ApiKey, use: Use) -> ApiKey:
    is_newer = key.last_used_at is None or use.at >= key.last_used_at
    previous = [at for at in (key.previous_secret_last_used_at, use.previous_at) if at is not None]
    return replace(
        key,
        use_count=key.use_count + use.count,
        last_used_at=use.at if is_newer else key.last_used_at,
        last_used_from=use.peer if is_newer else key.last_used_from,
        previous_secret_last_used_at=max(previous, default=None),
    )
