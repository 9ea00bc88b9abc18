"""What the keeper asks of the outside: a clock, a key store, an observer. Protocols and values only.

Implementations live on the floors above (`gateway.store`, `gateway.metrics`, `gateway.logs`) or in tests,
and are told apart by what they are made of. Every store passes one contract suite (tests/contract).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, Protocol

from gateway.core.keys import ApiKey, Status
from gateway.core.refusal import Reason
from gateway.keeper.audit import FIRST_ENTRIES, Act, AuditEntry, AuditQuery, Described
from gateway.keeper.days import UsageDay, UsageQuery


class StoreUnavailable(Exception):
    """The store did not answer, or not in a way that can be trusted. Fail closed.

    The message is for the operator: it names the file and the mend, never a secret or a digest. `is_full`:
    there is no room for what was to be written.
    """

    is_full = False


class KeyNotFound(Exception):
    """No record with this id (or name)."""


class OnceTaken(Exception):
    """The actor already did something under this name. Nothing was written."""


@dataclass(frozen=True, slots=True)
class OnceDone:
    """What an actor did under a name that makes it happen once, and to which key."""

    fingerprint: bytes = field(repr=False)
    act: str
    key_id: str


ONCE_KEPT_S: Final = 86_400.0
"""How long such a name is remembered at least."""


@dataclass(frozen=True, slots=True)
class Use:
    """Uses of one key since the last batch: the latest moment (seconds, UTC), its peer, and how many.

    `previous_at` is the latest moment at which the secret before the last rotation was used, if it was, and
    `previous_peer` from where.
    """

    key_id: str
    at: float
    peer: str
    count: int
    previous_at: float | None = None
    previous_peer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyQuery:
    """Which records are wanted: newest first, at most `limit`, those before the record numbered `before`.

    `status` None is any but revoked, as `ApiKey.status` has it at `now`. `text` stands in name, owner, note
    or preview, in any case. `used_since` and `unused_since` ask what `ApiKey.was_used_since` and
    `is_unused_since` tell; `uses` has the latest uses that are not in the store yet, by key, and they count.
    """

    now: float
    status: Status | Literal["all"] | None = None
    owner: str | None = None
    text: str | None = None
    used_since: float | None = None
    unused_since: float | None = None
    uses: Mapping[str, float] = field(default_factory=dict)
    limit: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class WholeKey:
    """A record, and every digest that leads to it: whether that secret was made elsewhere (imported)."""

    key: ApiKey
    secrets: Mapping[bytes, bool] = field(repr=False)


class Clock(Protocol):
    """Two clocks: `now` for what people read (it may jump), `monotonic` for durations (it may not)."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment, never backwards."""


CREATE: Final = Act("create")
CHANGE: Final = Act("edit")
DELETE: Final = Act("delete")
IMPORT: Final = Act("import")
"""What is written of an act of which no more is said."""


class Recorder(Protocol):
    """Writes entries of acts that are about no key."""

    async def note_act(self, act: Act, before: Described | None, after: Described | None) -> None:
        """Add the entry; raises `StoreUnavailable`."""


class KeyStore(Protocol):
    """Where records live. Every method may raise `StoreUnavailable`; a write is durable when it returns."""

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The record whose secret has, or before a rotation had, this digest."""

    async def get(self, key_id: str) -> ApiKey | None:
        """The record with this id."""

    async def find_by_digests(self, digests: Sequence[bytes]) -> dict[bytes, ApiKey]:
        """The records behind many digests; one that leads nowhere is left out."""

    async def find_by_ids(self, ids: Sequence[str]) -> dict[str, ApiKey]:
        """The records with these ids; one that is not there is left out."""

    async def imported(self) -> dict[bytes, str]:
        """Every digest of an imported secret, and the id of the key that it leads to."""

    async def list_keys(self) -> list[ApiKey]:
        """All records, newest first."""

    async def count_by_status(self, now: float) -> dict[Status, int]:
        """How many records have which status at `now`; a status that none has may be left out."""

    async def find_by_name(self, name: str, limit: int) -> list[ApiKey]:
        """At most so many records of this exact name, newest first."""

    async def count_living(self, owner: str, now: float) -> int:
        """How many records of an owner are neither revoked nor expired."""

    async def page(self, query: KeyQuery) -> list[tuple[int, ApiKey]]:
        """Records with their numbers, which never change and grow with each new record."""

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        """Add a record; its id and its digest are new.

        Here as in `update`: where `act.once` has a name, it is remembered with the write for `ONCE_KEPT_S`;
        raises `OnceTaken` if the actor used it before.
        """

    async def insert_many(self, keys: Sequence[WholeKey], act: Act = IMPORT) -> None:
        """Add records with all their digests in one transaction, an entry for each: all of them or none."""

    async def whole_keys(self, after: int, limit: int) -> list[tuple[int, WholeKey]]:
        """Records with numbers beyond `after`, oldest first, each with every digest that leads to it."""

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        """Read, change and write one record in one transaction; raises `KeyNotFound`.

        Digests that a change replaces keep leading to the record, so a rotated secret is recognised. What
        `change` raises passes through and nothing is written; so it is if it changes nothing. The revision
        grows by one.
        """

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        """Remove a record and all its digests; raises `KeyNotFound`."""

    async def find_once(self, actor: str, name: str) -> OnceDone | None:
        """What the actor did under this name, as long as it is remembered."""

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """Entries of acts. Each write above left one, or did not happen."""

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        """Add a batch of uses and of days of usage in one transaction.

        Times never move backwards; unknown ids are passed over.
        """

    async def usage(self, query: UsageQuery) -> list[UsageDay]:
        """Days of usage, in the order of `gateway.keeper.days`."""

    async def forget_usage(self, before: date, limit: int) -> int:
        """Remove days before this one, the oldest first and at most so many; how many were removed."""

    async def data_version(self) -> int:
        """A number that differs after anyone else changed the data (SQLite's `PRAGMA data_version`)."""

    async def check(self) -> None:
        """Return if records can be read right now; raise `StoreUnavailable` otherwise."""

    async def close(self) -> None:
        """Release files and threads. Closing twice is harmless."""


@dataclass(slots=True, kw_only=True)  # not frozen: one is made for each request, and freezing costs 1.5 µs
class Exchange:
    """One request and its response, when it is over: what metrics count and the access log tells.

    `path` is as received, without the query; of a head that was refused as much of it as could be seen, and
    `detail` then says which rule it broke. `status` is what the caller was sent (0: nothing). `reason`
    is set where the gateway answered instead of the upstream. `cut` tells why a response stopped before
    its end. Durations in seconds: `first_byte_s` until the upstream's head, `own_s` the gateway's share.
    `trace_id` is that of the trace it belongs to, `parent` the `traceparent` that says so, if the caller sent
    one that counts; `span` is what the tracer, if there is one, keeps of it.
    """

    request_id: str
    kind: str  # plain | event_stream | websocket
    method: str
    path: str
    route_id: str | None
    upstream: str | None
    key_id: str | None
    key_name: str | None
    peer: str
    status: int
    reason: Reason | None
    cut: str | None  # caller_gone | caller_idle | upstream_cut | upstream_idle | key_ended | shutdown
    bytes_in: int
    bytes_out: int
    duration_s: float
    first_byte_s: float | None
    own_s: float | None
    detail: str | None = None
    trace_id: str | None = None
    parent: bytes | None = None
    span: object | None = field(default=None, repr=False, compare=False)

    @property
    def digest(self) -> bytes | None:
        """That of the secret that was let pass, where it is known. No field: hardly anybody asks for it."""
        return None


class Observer(Protocol):
    """Who is told of exchanges. Plain calls on the request path: they must be quick and never raise."""

    def exchange_began(self) -> None:
        """A request's head was read."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """The exchange is over; told exactly once per `exchange_began`."""
