"""One question to the management API, as a handler sees it: who asks, what for, and the desk they may use."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, TypeVar

from gateway.admin.api.asked import cursor_of
from gateway.admin.api.problems import Code, Refused
from gateway.admin.api.words import Asked
from gateway.config.reloaded import Reload
from gateway.core.keys import ApiKey, Secret
from gateway.core.routes import RouteTable
from gateway.keeper.audit import Once
from gateway.keeper.authority import Manager, Want, admit_to, assert_holds, assert_may_widen
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.desk import NotAllowed, StateConflict
from gateway.keeper.draining import TargetDesk
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Clock, KeyNotFound, OnceDone, OnceTaken
from gateway.keeper.watched import Watched
from gateway.metrics import Metrics
from gateway.wire.key_json import as_json

T = TypeVar("T")

REPLAYED: Final = "Idempotency-Replayed"


class Unreachable(StrEnum):
    """Why no connection to an upstream can be opened. None of it tells where the upstream is."""

    NAME_NOT_FOUND = "name not found"
    REFUSED = "refuses connections"
    SILENT = "does not answer within 2 s"
    NO_WAY = "cannot be reached"
    UNWELL = "fails its health check"
    DRAINED = "is drained"


@dataclass(frozen=True, slots=True)
class Knocked:
    """How the upstream of this name was found `at` a moment (seconds since 1970); no `problem`: it is up."""

    name: str
    at: float
    problem: Unreachable | None


@dataclass(frozen=True, slots=True)
class House:
    """What handlers need of the gateway. `table` is asked anew each time: a reload may replace it.

    `upstreams` tells how the upstreams stand, which may take a moment; `credentials` and `targets` are the
    desks of theirs.
    """

    keyring: Keyring
    clock: Clock
    table: Callable[[], RouteTable]
    watched: Watched
    metrics: Metrics
    upstreams: Callable[[], Awaitable[Sequence[Knocked]]]
    credentials: Callable[[], CredentialDesk]
    reload: Reload
    targets: Callable[[], TargetDesk]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers: data for JSON (None: no body), further headers, another status than usual."""

    data: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: HTTPStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Everything about one question, on `key_id` or `name`. `etags` None: any state will do."""

    house: House
    manager: Manager
    me: ApiKey
    request_id: str
    body: Asked
    query: Asked
    key_id: str
    name: str
    etags: tuple[str, ...] | None
    once: Once | None
    now: float
    upstream: str = ""
    target: str = ""

    def desk(self, want: Want, *, holds: bool = False) -> Keyring:
        """The desk, for changes of keys that they may change; `holds`: whose scopes they also hold."""

        def assert_may(key: ApiKey) -> None:
            admit_to(self.manager, want, key)
            if holds:
                assert_holds(self.manager, key.scopes)
            if self.etags is not None and etag_of(key) not in self.etags:
                raise Refused(
                    HTTPStatus.PRECONDITION_FAILED,
                    Code.OUTDATED,
                    "Somebody changed the key since you looked: look at it again, then decide anew.",
                    headers={"ETag": etag_of(key)},
                )

        def assert_change(before: ApiKey, after: ApiKey) -> None:
            assert_may_widen(self.manager, before, after)

        return self.house.keyring.acting(
            self.me.id, self.request_id, once=self.once, assert_may=assert_may, assert_change=assert_change
        )

    async def key(self, key_id: str | None = None) -> ApiKey:
        """A record that they may look at; raises `KeyNotFound` or `NotAllowed`."""
        key = await self.house.keyring.get(self.key_id if key_id is None else key_id)
        admit_to(self.manager, Want.LOOK, key)
        return key

    def assert_sees_all(self) -> None:
        """Raise `NotAllowed` for whoever manages only their own keys."""
        if not self.manager.may_everywhere(Want.LOOK):
            raise NotAllowed("this takes the scope keyhatch:read, which your key does not have")

    def shown(self, key: ApiKey) -> Answer:
        """A record as an answer, with the tag that names its state."""
        return Answer(as_json(key, self.now), {"ETag": etag_of(key)})

    def issued(self, key: ApiKey, secret: Secret) -> Answer:
        """A record and its new secret: the only answers that hold one. Its first call is waited for."""
        self.house.watched.look(key)
        return Answer({**as_json(key, self.now), "key": secret.reveal()}, {"ETag": etag_of(key)})

    async def do_once(self, do: Callable[[Keyring], Awaitable[Answer]], desk: Keyring) -> Answer:
        """Do it; or, where it was done under this name before, tell what became of it, without the secret."""
        if self.once is None:
            return await do(desk)
        done = await desk.done_once(self.once.name)
        if done is None:
            try:
                return await do(desk)
            except OnceTaken:
                done = await desk.done_once(self.once.name)
            except (StateConflict, Refused):  # it may be the very same request that came first
                done = await desk.done_once(self.once.name)
                if done is None:
                    raise
        return await self._replay(done)

    async def _replay(self, done: OnceDone | None) -> Answer:
        if done is None or self.once is None or done.fingerprint != self.once.fingerprint:
            raise Refused(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                Code.IDEMPOTENCY_KEY_REUSED,
                "This Idempotency-Key was used for another request: take a new one for each new request.",
            )
        key = await self.key(done.key_id)
        return Answer(as_json(key, self.now), {"ETag": etag_of(key), REPLAYED: "true"}, HTTPStatus.OK)


def page_of(found: list[T], limit: int, tell: Callable[[T], object], place: Callable[[T], object]) -> Answer:
    """A piece of a list: one value more than wanted was asked for, and says if there is more."""
    page = found[:limit]
    cursor = cursor_of(place(page[-1])) if len(found) > limit else None
    return Answer({"items": [tell(each) for each in page], "next_cursor": cursor})


def etag_of(key: ApiKey) -> str:
    """Names what management made of a record; its uses leave it as it is."""
    return f'"{key.revision}"'


def fingerprint(parts: Iterable[str]) -> bytes:
    """32 bytes that tell what was asked."""
    asked = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        asked.update(len(raw).to_bytes(8, "big") + raw)
    return asked.digest()


def not_found(key_id: str) -> KeyNotFound:
    """There is no such key, or none that they may know of."""
    return KeyNotFound(f"there is no key with the id {key_id}")
