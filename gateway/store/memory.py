"""The store in a dictionary: for tests, and the shortest statement of what a store does.

It keeps the whole contract but one: nothing outlives the process.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from gateway.core.keys import ApiKey, Status
from gateway.keeper.audit import FIRST_ENTRIES, GENESIS, Act, AuditEntry, AuditQuery, Described, chained
from gateway.keeper.days import UsageDay, UsageQuery, added, page_of
from gateway.keeper.ports import (
    CHANGE,
    CREATE,
    DELETE,
    IMPORT,
    ONCE_KEPT_S,
    KeyNotFound,
    KeyQuery,
    OnceDone,
    OnceTaken,
    StoreUnavailable,
    Use,
    WholeKey,
)
from gateway.store.faults import StoreConflict
from gateway.store.memory_credentials import MemoryCredentials


class MemoryKeyStore(MemoryCredentials):
    """Records by id, and the digests that lead to them."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, ApiKey] = {}
        self._numbers: dict[str, int] = {}
        self._last = 0
        self._holders: dict[bytes, str] = {}
        self._imported: set[bytes] = set()
        self._entries: list[AuditEntry] = []
        self._once: dict[tuple[str, str], tuple[float, OnceDone]] = {}
        self._days: dict[tuple[date, str], UsageDay] = {}
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

    async def find_by_digests(self, digests: Sequence[bytes]) -> dict[bytes, ApiKey]:
        """The records behind many digests."""
        self._assert_open()
        return {each: self._keys[self._holders[each]] for each in digests if each in self._holders}

    async def find_by_ids(self, ids: Sequence[str]) -> dict[str, ApiKey]:
        """The records with these ids."""
        self._assert_open()
        return {key_id: self._keys[key_id] for key_id in ids if key_id in self._keys}

    async def imported(self) -> dict[bytes, str]:
        """Every digest of an imported secret, and whose it is."""
        self._assert_open()
        return {digest: holder for digest, holder in self._holders.items() if digest in self._imported}

    async def list_keys(self) -> list[ApiKey]:
        """All records, newest first."""
        self._assert_open()
        return sorted(self._keys.values(), key=lambda key: key.created_at)[::-1]

    async def count_by_status(self, now: float) -> dict[Status, int]:
        """How many records have which status at `now`."""
        self._assert_open()
        return dict(Counter(key.status(now) for key in self._keys.values()))

    async def find_by_name(self, name: str, limit: int) -> list[ApiKey]:
        """At most so many records of this exact name, newest first."""
        return [key for key in await self.list_keys() if key.name == name][:limit]

    async def count_living(self, owner: str, now: float) -> int:
        """How many records of an owner are neither revoked nor expired."""
        dead = (Status.REVOKED, Status.EXPIRED)
        return sum(key.owner == owner and key.status(now) not in dead for key in await self.list_keys())

    async def page(self, query: KeyQuery) -> list[tuple[int, ApiKey]]:
        """Records with their numbers, newest first."""
        self._assert_open()
        numbered = [(self._numbers[key.id], key) for key in self._keys.values() if _is_wanted(key, query)]
        wanted = [each for each in numbered if query.before is None or each[0] < query.before]
        return sorted(wanted, key=lambda each: each[0])[::-1][: query.limit]

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """Entries of acts, in the order asked for."""
        self._assert_open()
        entries = self._entries[::-1] if query.newest_first else self._entries
        return [entry for entry in entries if _is_asked_for(entry, query)][: query.limit]

    async def find_once(self, actor: str, name: str) -> OnceDone | None:
        """What the actor did under this name, as long as it is remembered."""
        self._assert_open()
        found = self._once.get((actor, name))
        return None if found is None else found[1]

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        """Add a record; raises `StoreConflict` if its id or a digest is taken."""
        self._assert_open()
        if key.id in self._keys:
            raise StoreConflict(f"key {key.id} is already there")
        self._refuse_taken(act)
        self._lead_to(key)
        self._keys[key.id] = key
        self._last += 1
        self._numbers[key.id] = self._last
        self._tell(act, key.id, None, key)

    async def insert_many(self, keys: Sequence[WholeKey], act: Act = IMPORT) -> None:
        """Add records with all their digests, all of them or none."""
        self._assert_open()
        ids = [whole.key.id for whole in keys]
        digests = [digest for whole in keys for digest in _digests_of(whole)]
        if len(set(ids)) < len(ids) or not self._keys.keys().isdisjoint(ids):
            raise StoreConflict("a key is already there: nothing was imported")
        if len(set(digests)) < len(digests) or not self._holders.keys().isdisjoint(digests):
            raise StoreConflict("a secret belongs to another key: nothing was imported")
        for whole in keys:
            await self.insert(whole.key, act)
            self._holders.update(dict.fromkeys(_digests_of(whole), whole.key.id))
            self._imported.update(digest for digest, is_imported in whole.secrets.items() if is_imported)

    async def whole_keys(self, after: int, limit: int) -> list[tuple[int, WholeKey]]:
        """Records with numbers beyond `after`, oldest first."""
        self._assert_open()
        numbers = sorted((number, key_id) for key_id, number in self._numbers.items() if number > after)
        there = [(number, self._keys[key_id]) for number, key_id in numbers if key_id in self._keys]
        return [(number, WholeKey(key, self._secrets_of(key.id))) for number, key in there[:limit]]

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        """Read, change and write one record; `change` must keep the id."""
        self._assert_open()
        before = self._known(key_id)
        after = change(before)
        if after.id != key_id:
            raise ValueError("a change must keep the key's id")
        if after == before:
            return before
        after = replace(after, revision=before.revision + 1)
        self._refuse_taken(act)
        self._lead_to(after)
        self._keys[key_id] = after
        self._tell(act, key_id, before, after)
        return after

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        """Remove a record and all its digests."""
        self._assert_open()
        before = self._known(key_id)
        self._tell(act, key_id, before, None)
        del self._keys[key_id]
        self._holders = {digest: holder for digest, holder in self._holders.items() if holder != key_id}
        self._days = {place: day for place, day in self._days.items() if day.key_id != key_id}
        self._imported &= self._holders.keys()

    async def note_act(self, act: Act, before: Described | None, after: Described | None) -> None:
        """Add the entry of an act that is about no key and changes nothing here."""
        self._assert_open()
        self._tell(act, None, before, after)

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        """Add a batch of uses and of days of usage; unknown ids are passed over."""
        self._assert_open()
        for use in uses:
            key = self._keys.get(use.key_id)
            if key is not None:
                self._keys[use.key_id] = _used(key, use)
        for day in days:
            if day.key_id in self._keys:
                place = (day.day, day.key_id)
                before = self._days.get(place)
                self._days[place] = day if before is None else added(before, day)

    async def usage(self, query: UsageQuery) -> list[UsageDay]:
        """Days of usage, in the order of `gateway.keeper.days`."""
        self._assert_open()
        return page_of(self._days.values(), query)

    async def forget_usage(self, before: date, limit: int) -> int:
        """Remove days before this one, at most so many; how many were removed."""
        self._assert_open()
        forgotten = sorted(place for place in self._days if place[0] < before)[:limit]
        for place in forgotten:
            del self._days[place]
        return len(forgotten)

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

    def _secrets_of(self, key_id: str) -> dict[bytes, bool]:
        digests = (digest for digest, holder in self._holders.items() if holder == key_id)
        return {digest: digest in self._imported for digest in digests}

    def _tell(
        self,
        act: Act,
        key_id: str | None,
        before: ApiKey | Described | None,
        after: ApiKey | Described | None,
    ) -> None:
        if act.once is not None and key_id is not None:
            done = OnceDone(act.once.fingerprint, act.name, key_id)
            self._once[act.actor, act.once.name] = (act.at, done)
        previous = self._entries[-1].hash if self._entries else GENESIS
        self._entries.append(chained(len(self._entries) + 1, previous, act, key_id, before, after))

    def _refuse_taken(self, act: Act) -> None:
        self._once = {each: done for each, done in self._once.items() if done[0] >= act.at - ONCE_KEPT_S}
        if act.once is not None and (act.actor, act.once.name) in self._once:
            raise OnceTaken(act.once.name)

    def _lead_to(self, key: ApiKey) -> None:
        digests = {key.digest, key.previous_digest or key.digest}
        if any(self._holders.get(digest, key.id) != key.id for digest in digests):
            raise StoreConflict(f"key {key.id} is refused: its secret belongs to another key")
        self._holders.update(dict.fromkeys(digests, key.id))

    def _assert_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable("the store is closed: the gateway is stopping")


def _digests_of(whole: WholeKey) -> set[bytes]:
    key = whole.key
    return {key.digest, key.previous_digest or key.digest, *whole.secrets}


def _is_wanted(key: ApiKey, query: KeyQuery) -> bool:
    status = key.status(query.now)
    is_listed = status is not Status.REVOKED if query.status is None else query.status in ("all", status)
    text, told = (query.text or "").lower(), (key.name, key.owner, key.note, key.preview)
    if not (is_listed and query.owner in (None, key.owner) and any(text in each.lower() for each in told)):
        return False
    if key.id in query.uses:
        key = replace(key, last_used_at=max(key.last_used_at or 0.0, query.uses[key.id]))
    is_used = query.used_since is None or key.was_used_since(query.used_since)
    return is_used and (query.unused_since is None or key.is_unused_since(query.unused_since))


def _is_asked_for(entry: AuditEntry, query: AuditQuery) -> bool:
    is_ahead = entry.number > query.after
    if query.newest_first:
        is_ahead = query.after == 0 or entry.number < query.after
    places = ((query.key_id, entry.key_id), (query.act, entry.act), (query.actor, entry.actor))
    return is_ahead and all(wanted in (None, found) for wanted, found in places)


def _used(key: ApiKey, use: Use) -> ApiKey:
    is_newer = key.last_used_at is None or use.at >= key.last_used_at
    previous = (key.previous_secret_last_used_at, key.previous_secret_last_used_from)
    if use.previous_at is not None and use.previous_at >= (previous[0] or use.previous_at):
        previous = (use.previous_at, use.previous_peer)
    return replace(
        key,
        use_count=key.use_count + use.count,
        last_used_at=use.at if is_newer else key.last_used_at,
        last_used_from=use.peer if is_newer else key.last_used_from,
        previous_secret_last_used_at=previous[0],
        previous_secret_last_used_from=previous[1],
    )
