"""A lean plane without sockets: transports that only remember, a clock that the test moves, every step plain.

A caller is a `LeanCaller` on such a transport; a connection to the upstream is put into the pool by the test,
which then sees what is written to it and says what arrives on it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.core.keys import ApiKey, Network
from gateway.core.routes import Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.lean_caller import LeanCaller
from gateway.plane.lean_server import LeanPlane
from gateway.plane.lean_upstream import LinkUser, UpstreamLink, UpstreamPool, origin_of
from gateway.store.memory import MemoryKeyStore
from gateway.wire.request_head import Limits
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.unit.keeper.stage import HandClock, key_of, secret_of
from tests.unit.plane.stage import Witness, trouble_with_the_store

PEER = "198.51.100.7"
PROXIES: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)
UPSTREAM = Upstream(
    "main", "http", "127.0.0.1", 1, timeout_connect_s=5.0, timeout_first_byte_s=60.0, timeout_idle_s=30.0
)
LIMITS = Limits(
    head_bytes_max=1_024,
    body_bytes_max=1_000_000,
    head_timeout_s=10.0,
    idle_timeout_s=75.0,
    connections_max=4,
    connections_per_peer_max=2,
)
ROUTES = (Route("open", "/open/**", "main", public=True), Route("any", "/any/**", "main"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /open/x HTTP/1.1\r\nHost: h\r\n\r\n"
KEYED = b"GET /any/x HTTP/1.1\r\nHost: h\r\nX-API-Key: " + secret_of(1).encode() + b"\r\n\r\n"
HEALTH = b"GET /.keyhatch/health HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /open/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Remembers what was asked of it. `unsent`: bytes that the other side has not taken."""

    def __init__(self, peer: str = PEER) -> None:
        self.options: list[tuple[int, int, bytes]] = []
        super().__init__({"peername": (peer, 4_711), "socket": self})
        self.written = b""
        self.unsent = 0
        self.was_closed = False
        self.was_aborted = False
        self.has_ended = False
        self.reads = True
        self.may_write: Callable[[bytes], None] = lambda _: None

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self.options.append((level, option, value))

    def write(self, data: Any) -> None:
        self.may_write(data)
        self.written += data

    def write_eof(self) -> None:
        self.has_ended = True

    def close(self) -> None:
        self.was_closed = True

    def abort(self) -> None:
        self.was_aborted = True

    def is_closing(self) -> bool:
        return self.was_closed or self.was_aborted

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None

    def take(self) -> bytes:
        """What was written since the last time."""
        written, self.written = self.written, b""
        return written


class Stage:
    """A plane that does not listen, and what is around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limits: Limits = LIMITS) -> None:
        self.monkeypatch = monkeypatch
        self.clock = HandClock()
        self.witness = Witness()
        self.store = MemoryKeyStore()
        self.keeper = Gatekeeper(RouteTable(ROUTES), "kh", self.store, self.clock, trouble_with_the_store)
        ground = Ground({"main": replace(UPSTREAM)}, limits, PROXIES)
        self.plane = LeanPlane(ground, Surroundings(self.keeper, self.witness, self.clock))
        self.plane._descriptors = 1_000

    def caller(self, *sent: bytes, peer: str = PEER) -> tuple[LeanCaller, FakeTransport]:
        """Somebody who connects and sends this."""
        caller, transport = LeanCaller(self.plane), FakeTransport(peer)
        caller.connection_made(transport)
        for data in sent:
            caller.data_received(data)
        return caller, transport

    def dial_in_vain(self) -> list[LinkUser]:
        """Let no dialling come to its end; returns who waits for a connection."""
        waiting: list[LinkUser] = []

        def dial(_: UpstreamPool, _target: UpstreamTarget, user: LinkUser) -> asyncio.Task[None]:
            waiting.append(user)
            return asyncio.ensure_future(asyncio.sleep(60))

        self.monkeypatch.setattr(UpstreamPool, "dial", dial)
        return waiting

    def link(self) -> tuple[UpstreamLink, FakeTransport]:
        """An idle connection to the upstream, which is lent next."""
        pool = self.plane.house.pool
        link, transport = UpstreamLink(pool, origin_of(UPSTREAM), pool._books.generation), FakeTransport()
        link.connection_made(transport)
        pool._links.add(link)
        pool.take_home(link, self.clock.mono)
        return link, transport

    def remember(self, key: ApiKey | None = None) -> ApiKey:
        """Put the record behind the first secret into the cache."""
        key = key or key_of(1)
        self.keeper.cache.remember(key.digest, key, self.keeper.cache.generation)
        return key

    def wait(self, seconds: float, *callers: LeanCaller) -> None:
        """Time passes, and the plane compares deadlines as its sweep does."""
        self.clock.mono += seconds
        for caller in callers:
            for _ in range(3):
                if caller.deadline <= self.clock.mono:
                    caller.expire(self.clock.mono)
        self.plane.house.pool.sweep(self.clock.mono)


def status_of(written: bytes) -> int:
    """The status of the first answer in these bytes."""
    assert written.startswith(b"HTTP/1.1 "), written
    return int(written[9:12])
