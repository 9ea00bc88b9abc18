"""What the keeper is tried on: a clock set by hand, and a store that answers when the test says so.

A look-up has two moments that a real store puts at any distance: when it reads, and when its answer
arrives. `SteppedStore` keeps each call until the test moves it, so every interleaving can be played.
"""

import asyncio
from collections import Counter as Counts
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, Status, compose_secret, digest_of
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind, RequestView, Target, read_target
from gateway.core.routes import Route, RouteTable
from gateway.keeper.audit import FIRST_ENTRIES, Act, AuditEntry, AuditQuery
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import (
    CHANGE,
    CREATE,
    DELETE,
    IMPORT,
    KeyNotFound,
    KeyQuery,
    KeyStore,
    OnceDone,
    Use,
    WholeKey,
)

EPOCH_S: Final = 1_800_000_000.0
PEER: Final = "198.51.100.7"
TABLE: Final = RouteTable(
    [
        Route("chat", "/chat", "u", scopes=("chat:write",)),
        Route("open", "/open", "u", public=True),
    ]
)


@dataclass
class HandClock:
    """Two clocks that stand still until they are set."""

    wall: float = EPOCH_S
    mono: float = 1_000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


@dataclass
class Counter:
    """Counts how often it is called."""

    count: int = 0

    def __call__(self) -> None:
        self.count += 1


def secret_of(number: int) -> str:
    """A well-formed secret: the same number, the same secret."""
    return compose_secret("kh", number.to_bytes(32, "big")).reveal()


def key_of(number: int, **fields: Any) -> ApiKey:
    """A living key `k<number>` that holds every scope, made an hour ago."""
    key = ApiKey(
        id=f"k{number}",
        name=f"key {number}",
        preview="kh_AbCd…wXyZ",
        digest=digest_of(secret_of(number)),
        scopes=frozenset({"*"}),
        created_at=EPOCH_S - 3_600,
    )
    return replace(key, **fields)


def view_of(secret: str | None, path: str = "/chat", peer: str = PEER) -> RequestView:
    """A request that shows this secret."""
    target = read_target(path.encode())
    assert isinstance(target, Target)
    headers = () if secret is None else ((b"x-api-key", secret.encode()),)
    return RequestView("GET", target, headers, peer, Kind.PLAIN)


class DictStore:
    """Records in a dictionary, answered at once."""

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = {key.id: key for key in keys}
        self.holders = {key.digest: key.id for key in keys}
        self.elsewhere: set[bytes] = set()
        self.asked: list[bytes | str] = []

    def current(self, digest: bytes) -> ApiKey | None:
        """The record behind a digest as it is at this moment."""
        return self.keys.get(self.holders.get(digest, ""))

    def put(self, key: ApiKey) -> None:
        """Write a record; digests that led to it still do."""
        self.keys[key.id] = key
        self.holders[key.digest] = key.id

    def drop(self, key_id: str) -> None:
        """Delete a record and all its digests."""
        self.keys.pop(key_id, None)
        self.holders = {digest: holder for digest, holder in self.holders.items() if holder != key_id}

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        self.asked.append(digest)
        return self.current(digest)

    async def get(self, key_id: str) -> ApiKey | None:
        self.asked.append(key_id)
        return self.keys.get(key_id)

    async def list_keys(self) -> list[ApiKey]:
        return list(self.keys.values())

    async def count_by_status(self, now: float) -> dict[Status, int]:
        return dict(Counts(key.status(now) for key in self.keys.values()))

    async def find_by_name(self, name: str, limit: int) -> list[ApiKey]:
        return [key for key in self.keys.values() if key.name == name][:limit]

    async def count_living(self, owner: str, now: float) -> int:
        raise AssertionError("not here")

    async def find_by_digests(self, digests: Sequence[bytes]) -> dict[bytes, ApiKey]:
        raise AssertionError("not here")

    async def find_by_ids(self, ids: Sequence[str]) -> dict[str, ApiKey]:
        raise AssertionError("not here")

    async def imported(self) -> dict[bytes, str]:
        return {digest: holder for digest, holder in self.holders.items() if digest in self.elsewhere}

    async def insert_many(self, keys: Sequence[WholeKey], act: Act = IMPORT) -> None:
        raise AssertionError("not here")

    async def whole_keys(self, after: int, limit: int) -> list[tuple[int, WholeKey]]:
        raise AssertionError("not here")

    async def page(self, query: KeyQuery) -> list[tuple[int, ApiKey]]:
        raise AssertionError("not here")

    async def find_once(self, actor: str, name: str) -> OnceDone | None:
        raise AssertionError("not here")

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        raise AssertionError("not here")

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        self.put(key)

    async def update(
        self,
        key_id: str,
        change: Callable[[ApiKey], ApiKey],
        act: Act = CHANGE,
    ) -> ApiKey:
        if key_id not in self.keys:
            raise KeyNotFound(key_id)
        self.put(change(self.keys[key_id]))
        return self.keys[key_id]

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        self.drop(key_id)

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        raise AssertionError("not here")

    async def usage(self, query: UsageQuery) -> list[UsageDay]:
        raise AssertionError("not here")

    async def forget_usage(self, before: date, limit: int) -> int:
        raise AssertionError("not here")

    async def data_version(self) -> int:
        return 0

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass
class Call:
    """One call to a `SteppedStore`, under way."""

    read: Callable[[], ApiKey | None]
    answer: asyncio.Future[ApiKey | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    found: list[ApiKey | None] = field(default_factory=list)

    def look(self) -> None:
        """The store reads, once."""
        if not self.found:
            self.found.append(self.read())

    def arrive(self) -> None:
        """The answer reaches the keeper: what was read then, however long ago."""
        self.look()
        if not self.answer.done():
            self.answer.set_result(self.found[0])

    def fail(self, trouble: Exception) -> None:
        """No answer but trouble."""
        if not self.answer.done():
            self.answer.set_exception(trouble)


class SteppedStore(DictStore):
    """Look-ups wait until the test moves them; changes are seen at once."""

    def __init__(self, *keys: ApiKey) -> None:
        super().__init__(*keys)
        self.calls: list[Call] = []

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        self.asked.append(digest)
        return await self._wait(lambda: self.current(digest))

    async def get(self, key_id: str) -> ApiKey | None:
        self.asked.append(key_id)
        return await self._wait(lambda: self.keys.get(key_id))

    async def _wait(self, read: Callable[[], ApiKey | None]) -> ApiKey | None:
        call = Call(read)
        self.calls.append(call)
        try:
            return await call.answer
        finally:
            self.calls.remove(call)


async def settled() -> None:
    """Let everything run that can run without the test's next step."""
    for _ in range(10):
        await asyncio.sleep(0)


def keeper_of(
    store: KeyStore, clock: HandClock | None = None, errors: Counter | None = None, **options: Any
) -> Gatekeeper:
    """A gatekeeper before `TABLE`."""
    return Gatekeeper(TABLE, "kh", store, clock or HandClock(), errors or Counter(), **options)


def no_end(deny: Deny) -> None:
    """For exchanges that the test does not expect to be ended."""
    raise AssertionError(deny)


def need_of(keeper: Gatekeeper, secret: str = secret_of(1)) -> NeedKey:
    """What has to be settled for a key that is not cached."""
    decision = keeper.peek(view_of(secret))
    assert isinstance(decision, NeedKey)
    return decision


async def decided(keeper: Gatekeeper, secret: str = secret_of(1)) -> Allow | Deny:
    """The decision, as a plane comes to it."""
    decision = keeper.peek(view_of(secret))
    return await keeper.settle(decision) if isinstance(decision, NeedKey) else decision


def reason_of(decision: object) -> Reason | None:
    """Why a decision was a refusal, or None if it was none."""
    assert isinstance(decision, Allow | Deny)
    return decision.reason if isinstance(decision, Deny) else None
