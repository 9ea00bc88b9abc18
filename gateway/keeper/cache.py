"""The cache of records by digest, so that a known key is judged without asking the store.

Promises
1. The key of the cache is the full digest; no two secrets ever share an entry.
2. It is bounded: records and absences separately, so that a flood of unknown keys cannot push known ones
   out. The oldest entry of its kind goes first.
   What is looked up for a signed address stands under the key's id: an id is no digest, as it is shorter.
3. It is told of every change and never guesses: `put` replaces a record under all digests that lead to it,
   `forget` drops them all. Whether a record is alive is judged at use, so nothing here has to expire.
4. A look-up that began before a change cannot bring back what the change replaced (see `generation`).
"""

from typing import Final

from gateway.core.keys import ApiKey

RECORDS_MAX: Final = 100_000  # about 1 KiB each
ABSENCES_MAX: Final = 10_000


class KeyCache:
    """digest → record, or None where the store is known to hold none."""

    def __init__(self, records_max: int = RECORDS_MAX, absences_max: int = ABSENCES_MAX) -> None:
        self.generation = 0
        self._records: dict[bytes, ApiKey] = {}
        self._digests: dict[str, set[bytes]] = {}
        self._absent: dict[bytes, None] = {}
        self._records_max = records_max
        self._absences_max = absences_max

    def look_up(self, digest: bytes) -> ApiKey | None:
        """The record, or None if none is cached: ask `is_absent` to tell unknown from not there."""
        return self._records.get(digest)

    def is_absent(self, digest: bytes) -> bool:
        """Whether the store said that no record has this digest."""
        return digest in self._absent

    def remember(self, digest: bytes, key: ApiKey | None, generation: int) -> None:
        """Keep what a look-up found, unless something changed since it began (promise 4)."""
        if generation != self.generation:
            return
        if key is None:
            if digest not in self._absent and len(self._absent) >= self._absences_max:
                del self._absent[next(iter(self._absent))]
            self._absent[digest] = None
            return
        if digest not in self._records and len(self._records) >= self._records_max:
            self._drop(next(iter(self._records)))
        self._records[digest] = key
        self._digests.setdefault(key.id, set()).add(digest)

    def changed(self, key_id: str, key: ApiKey | None) -> None:
        """A record was written (None: deleted). Known digests follow it; absences are asked anew."""
        self.generation += 1
        self._absent.clear()
        for digest in tuple(self._digests.get(key_id, ())):
            if key is None:
                self._drop(digest)
            else:
                self._records[digest] = key

    def clear(self) -> None:
        """Forget everything: the data changed in a way we were not told of."""
        self.generation += 1
        self._records.clear()
        self._digests.clear()
        self._absent.clear()

    def _drop(self, digest: bytes) -> None:
        key = self._records.pop(digest)
        digests = self._digests[key.id]
        digests.discard(digest)
        if not digests:
            del self._digests[key.id]
