"""A stand on which a data plane is tried: a caller on one side, a scripted upstream on the other.

The plane is chosen by name and everything else is the same for all planes: the routes, the keys, limits
short enough to wait for, a clock that the test moves by hand, a store that can break or dawdle, an observer
that keeps what it was told. `Stand.stop` checks what must hold after every test whatever it was about: no
upstream saw a secret or anything but strict HTTP, every exchange was told exactly once, the plane left no
connection open.
"""

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from gateway.config.applied import preset_routes, spoken
from gateway.config.upstream_sections import UpstreamSettings
from gateway.core.hosts import NOT_SOLD, Hosts
from gateway.core.keys import ApiKey, Network, compose_secret, digest_of
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import Exchange, StoreUnavailable
from gateway.plane.contract import Ground, Plane, Surroundings, Tracer
from gateway.plane.lean_server import LeanPlane
from gateway.plane.with_aiohttp import AiohttpPlane
from gateway.store.memory import MemoryKeyStore
from gateway.tls.door import TlsDoor
from gateway.tls.files import TlsFiles, read_certificate
from gateway.wire.injection import Injection
from gateway.wire.request_head import Limits
from gateway.wire.upstream import Upstream
from tests.support.raw_caller import RawCaller, call
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import OK, Script, ScriptedUpstream, answering
from tests.support.tls_caller import call_tls, write_pair

PLANES: Final[Mapping[str, Callable[[Ground, Surroundings], Plane]]] = {
    "aiohttp": AiohttpPlane,
    "lean": LeanPlane,
}

EPOCH_S: Final = 1_800_000_000.0  # 2027-01-15T08:00:00Z: where every test's wall clock begins
LOCAL: Final[Network] = ip_network("127.0.0.0/8")
ELSEWHERE: Final[Network] = ip_network("198.51.100.0/24")


def secret_of(number: int) -> bytes:
    """A well-formed secret: the same number, the same secret."""
    return compose_secret("kh", number.to_bytes(32, "big")).reveal().encode("ascii")


KEY: Final = secret_of(2**250 + 1)
OTHER_KEY: Final = secret_of(2**251 + 2)
STRANGE_KEY: Final = secret_of(2**252 + 3)  # well-formed, in no store
SECRETS: Final = (KEY, OTHER_KEY, STRANGE_KEY)

ROUTES: Final = (
    Route("open", "/open/**", "main", public=True),
    Route("any", "/any/**", "main"),
    Route("vault", "/any/vault/**", "main", scopes=("admin:write",)),
    Route("chat", "/chat/**", "main", scopes=("chat:write",)),
    Route("admin", "/admin/**", "main", scopes=("admin:write",)),
    Route("either", "/either/**", "main", any_of=("admin:read", "admin:write")),
    Route("read", "/read", "main", methods=frozenset({"GET"})),
    Route("odd", "/odd", "main", methods=frozenset({"PURGE", "get"})),
    Route(
        "home",
        "/home/**",
        "main",
        scopes=("chat:write",),
        anonymous=Anonymous((LOCAL,), frozenset({"chat:write"})),
    ),
    Route("ui", "/ui/**", "main", scopes=("chat:write",), browser_prompt=True),
    Route("down", "/down/**", "down"),
    Route("second", "/second/**", "second"),
)


def server_context() -> ssl.SSLContext:
    """What a stand with TLS serves with."""
    with tempfile.TemporaryDirectory() as folder:
        return read_certificate(TlsFiles(*write_pair(Path(folder)))).context


class HandClock:
    """A wall clock that only the test moves. Durations are real."""

    def __init__(self) -> None:
        self.at = EPOCH_S

    def now(self) -> float:
        """Where the test put it."""
        return self.at

    def monotonic(self) -> float:
        """The real one."""
        return time.monotonic()


class Shelf(MemoryKeyStore):
    """A store that can be broken, or hold back every look-up until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.looking = 0
        self.fetched = 0

    async def get(self, key_id: str) -> ApiKey | None:
        """The record with this id; how often it was asked for is counted."""
        self.fetched += 1
        if self.is_broken:
            raise StoreUnavailable("broken by the test")
        return await super().get(key_id)

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The record as it is now, told when it may be told."""
        self.looking += 1
        found = await super().find_by_digest(digest)
        await self.may_answer.wait()
        if self.is_broken:
            raise StoreUnavailable("broken by the test")
        return found


class Notebook:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[Exchange] = []

    def exchange_began(self) -> None:
        """Count it."""
        self.begun += 1

    def exchange_ended(self, exchange: Exchange) -> None:
        """Keep it."""
        self.ended.append(exchange)


def key(**changes: object) -> ApiKey:
    """The record behind `KEY`: Ada's, with the scope chat:write."""
    record = ApiKey(
        id="key_ada",
        name="Ada's laptop",
        owner="ada@example.org",
        preview="kh_…",
        digest=digest_of(KEY.decode("ascii")),
        scopes=frozenset({"chat:write"}),
        created_at=EPOCH_S - 86_400,
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def other_key(**changes: object) -> ApiKey:
    """The record behind `OTHER_KEY`: Bob's, with every scope."""
    digest = digest_of(OTHER_KEY.decode("ascii"))
    record = key(id="key_bob", name="Bob", owner="bob", digest=digest, scopes=frozenset({"*"}))
    return replace(record, **changes)  # type: ignore[arg-type]


@dataclass
class Setting:
    """What a test may want otherwise. Times in seconds, short enough to wait for only where they matter.

    `upstream`: more fields of every upstream. `routes` are there beside the usual ones. `known` says of which
    upstream what a configuration would: a preset, a mount; then the usual routes are not there.
    """

    script: Script | None = field(default_factory=lambda: answering(OK))
    keys: Iterable[ApiKey] = field(default_factory=lambda: (key(), other_key()))
    limits: Limits = field(default_factory=Limits)
    trusted: tuple[Network, ...] = ()
    names: tuple[str, ...] = ("gate.example",)
    timeout_connect_s: float = 5.0
    timeout_first_byte_s: float = 30.0
    timeout_idle_s: float = 30.0
    upstream: Mapping[str, Any] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    injection: Injection | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    tls: bool = field(default_factory=lambda: "CONFORMANCE_TLS" in os.environ)
    tracer: Tracer | None = None


class Stand:
    """A running plane and everything around it."""

    def __init__(self, plane_name: str, setting: Setting) -> None:
        self.plane_name = plane_name
        self.setting = setting
        self.clock = HandClock()
        self.store = Shelf()
        self.notebook = Notebook()
        self.upstream = ScriptedUpstream(setting.script)
        self.second = ScriptedUpstream(answering(OK))
        self.callers: list[RawCaller] = []
        self.store_errors = 0
        said = {"main": UpstreamSettings.model_validate({"url": "http://127.0.0.1:1", **setting.known})}
        usual = () if setting.known else ROUTES
        hosts = Hosts(setting.names, NOT_SOLD)
        table = RouteTable((*usual, *setting.routes), preset_routes(said), spoken(said), hosts)
        self.gatekeeper = Gatekeeper(table, "kh", self.store, self.clock, self._count_store_error)
        self.host, self.port = "", 0
        self.door: TlsDoor | None = None
        self._plane: Plane | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_untouched = False

    @property
    def plane(self) -> Plane:
        """The plane, once started."""
        assert self._plane is not None
        return self._plane

    async def start(self) -> None:
        """Start both upstreams, then the plane, then the sweep that ends what died by time."""
        for record in self.setting.keys:
            await self.store.insert(record)
        await self.upstream.start()
        await self.second.start()
        self._plane = self.another_plane()
        if self.setting.tls:
            self.door = TlsDoor(server_context(), self.setting.limits.head_timeout_s)
        self.host, self.port = await self.plane.start("127.0.0.1", 0, self.door)
        self.task(self.gatekeeper.live.run())

    def another_plane(self) -> Plane:
        """A plane on the same ground, not started."""
        around = Surroundings(self.gatekeeper, self.notebook, self.clock)
        return PLANES[self.plane_name](self._ground(), around)

    def lead(self, name: str, port: int | None, host: str = "127.0.0.1") -> None:
        """A reload: from now on this upstream is at that place, or (None) there is none of that name."""
        ground = self.plane.ground
        upstreams = dict(ground.upstreams)
        old = upstreams.pop(name)
        if port is not None:
            upstreams[name] = replace(old, host=host, port=port, targets=())
        self.plane.ground = replace(ground, upstreams=upstreams)

    def unlock(self, name: str, injection: Injection | None = None) -> None:
        """A reload: from now on this upstream is lent this, or asks for nothing."""
        ground = self.plane.ground
        upstreams = dict(ground.upstreams)
        upstreams[name] = replace(upstreams[name], injection=injection)
        self.plane.ground = replace(ground, upstreams=upstreams)

    async def call(self, *pieces: bytes) -> RawCaller:
        """A new caller, who sends these bytes."""
        knock = call if self.door is None else call_tls
        caller = await knock(self.host, self.port, *pieces)
        self.callers.append(caller)
        return caller

    async def change_key(self, **changes: object) -> None:
        """Write the record behind `KEY` and tell the gatekeeper, as the management of keys does."""
        record = await self.store.update("key_ada", lambda old: replace(old, **changes))  # type: ignore[arg-type]
        self.gatekeeper.key_changed("key_ada", record)

    async def delete_key(self) -> None:
        """Remove the record behind `KEY`."""
        await self.store.delete("key_ada")
        self.gatekeeper.key_changed("key_ada", None)

    def assert_untouched(self) -> None:
        """Nothing reached the upstream, not even a connection; asked again when the stand stops."""
        assert [bytes(each.received) for each in self.upstream.connections] == []
        self._is_untouched = True

    async def until_looking(self) -> None:
        """Wait until the store was asked for a record."""
        await eventually(lambda: self.store.looking > 0, "the store is asked")

    async def exchange(self, number: int = 0) -> Exchange:
        """What the observer was told of the n-th exchange, when it is over."""
        ended = self.notebook.ended
        return await eventually(lambda: ended[number] if len(ended) > number else None, f"exchange {number}")

    def task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something go on beside the test; it ends with the stand."""
        task = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """Stop everything and check what must always hold."""
        for caller in self.callers:
            caller.abandon()
        for task in self._tasks:
            task.cancel()
        if self._plane is not None:
            await self._plane.drain(1.0)
        await eventually(self._is_quiet, "the plane closes its connections and tells of every exchange")
        await self.upstream.stop()
        await self.second.stop()
        self._check()

    def _is_quiet(self) -> bool:
        connections = (*self.upstream.connections, *self.second.connections)
        return self.notebook.begun <= len(self.notebook.ended) and all(each.is_ended for each in connections)

    def _check(self) -> None:
        seen = self.upstream.everything() + self.second.everything()
        assert not [secret for secret in SECRETS if secret in seen], "the upstream saw a secret"
        for upstream in (self.upstream, self.second):
            upstream.requests()  # raises if anything but strict HTTP arrived
        assert self.notebook.begun == len(self.notebook.ended), "exchanges begun and ended differ"
        assert self.upstream.troubles == []
        if self._is_untouched:
            self.assert_untouched()

    def _ground(self) -> Ground:
        setting = self.setting
        servers = (self.upstream, self.second)
        ports = dict(zip(("main", "second"), (server.port for server in servers), strict=True))
        upstreams = {
            name: Upstream(
                name,
                "http",
                "127.0.0.1",
                port,
                timeout_connect_s=setting.timeout_connect_s,
                timeout_first_byte_s=setting.timeout_first_byte_s,
                timeout_idle_s=setting.timeout_idle_s,
                **setting.upstream,
                injection=setting.injection,
            )
            for name, port in {**ports, "down": 1}.items()
        }
        scheme = "https" if setting.tls else "http"
        return Ground(upstreams, setting.limits, setting.trusted, scheme, setting.tracer)

    def _count_store_error(self) -> None:
        self.store_errors += 1


def request(
    line: bytes = b"GET /any/x HTTP/1.1", *fields: bytes, shown: bytes | None = KEY, body: bytes = b""
) -> bytes:
    """A request: its line, `Host`, the key in `X-API-Key` (unless `shown` is None), these fields, a body."""
    lines = [line, b"Host: gate.example"]
    if shown is not None:
        lines.append(b"X-API-Key: " + shown)
    return b"\r\n".join((*lines, *fields, b"", b"")) + body
