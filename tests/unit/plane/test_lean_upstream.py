"""Guarantees of gateway/plane/lean_upstream.py: one connection serves one exchange, and strays close it."""

import asyncio
import ssl

import pytest

from gateway.plane.lean_pool import IDLE_S
from gateway.plane.lean_upstream import UpstreamLink, UpstreamPool, origin_of
from gateway.wire.upstream import Upstream
from tests.unit.plane.lean_stage import UPSTREAM, FakeTransport

ORIGIN = origin_of(UPSTREAM)


class User:
    """Who a connection is lent to; keeps what it was told."""

    def __init__(self, *, fails: bool = False) -> None:
        self.told: list[object] = []
        self.fails = fails

    def linked(self, link: UpstreamLink) -> None:
        self.told.append(link)

    def not_linked(self, fault: OSError) -> None:
        self.told.append(fault)

    def answered(self, data: bytes) -> None:
        if self.fails:
            raise RuntimeError
        self.told.append(data)

    def link_ended(self, fault: Exception | None) -> None:
        self.told.append(("ended", fault))

    def upstream_is_full(self, *, full: bool) -> None:
        self.told.append(full)

    def accident(self) -> None:
        self.told.append("accident")


def link_of(pool: UpstreamPool, user: User | None = None) -> tuple[UpstreamLink, FakeTransport]:
    link, transport = UpstreamLink(pool, ORIGIN, 0), FakeTransport()
    link.connection_made(transport)
    link.user = user
    return link, transport


@pytest.fixture
async def pool() -> UpstreamPool:
    return UpstreamPool()


async def test_what_arrives_is_for_whom_it_is_lent_to(pool: UpstreamPool) -> None:
    link, _ = link_of(pool, user := User())
    link.data_received(b"answer")
    link.pause_writing()
    link.resume_writing()
    link.connection_lost(None)
    link.connection_lost(None)
    assert user.told == [b"answer", True, False, ("ended", None)]


async def test_what_nobody_asked_for_closes_the_connection(pool: UpstreamPool) -> None:
    link, transport = link_of(pool)
    link.pause_writing()
    link.resume_writing()
    pool.take_home(link, 0.0)
    link.data_received(b"stray")
    assert transport.was_aborted
    assert pool.lend(ORIGIN, 0.0) is None


async def test_a_connection_that_ended_is_lent_to_nobody(pool: UpstreamPool) -> None:
    link, _ = link_of(pool)
    pool.take_home(link, 0.0)
    link.eof_received()
    assert pool.lend(ORIGIN, 0.0) is None


async def test_an_accident_is_this_exchanges_alone(pool: UpstreamPool) -> None:
    link, _ = link_of(pool, user := User(fails=True))
    link.data_received(b"answer")
    assert user.told == ["accident"]


async def test_holding_back_twice_is_holding_back_once(pool: UpstreamPool) -> None:
    link, transport = link_of(pool, User())
    for full, reads in ((True, False), (True, False), (False, True), (False, True)):
        link.hold_back(full=full)
        assert transport.reads is reads


async def test_a_released_connection_reads_again_and_is_lent_again(pool: UpstreamPool) -> None:
    link, transport = link_of(pool, User())
    link.hold_back(full=True)
    link.release(1.0)
    assert transport.reads
    assert pool.lend(ORIGIN, 1.0) is link


async def test_who_finishes_sends_what_was_written_and_hears_no_more(pool: UpstreamPool) -> None:
    link, transport = link_of(pool, user := User())
    link.finish()
    assert (transport.was_closed, transport.was_aborted) == (True, False)
    link.data_received(b"too late")
    assert transport.was_aborted
    assert user.told == []


async def test_the_sweep_closes_what_has_been_idle_for_too_long(pool: UpstreamPool) -> None:
    link, transport = link_of(pool)
    pool.take_home(link, 0.0)
    pool.sweep(IDLE_S - 0.1)
    assert not transport.was_aborted
    pool.sweep(IDLE_S)
    assert transport.was_aborted


async def test_a_reload_closes_idle_connections_and_keeps_none_that_comes_home_after(
    pool: UpstreamPool,
) -> None:
    idle, at_rest = link_of(pool)
    lent, at_work = link_of(pool, User())
    pool.take_home(idle, 0.0)
    pool.retire()
    assert (at_rest.was_aborted, at_work.was_aborted) == (True, False)
    lent.release(0.0)
    assert at_work.was_aborted


# --- Dialling ---------------------------------------------------------------------------------------------


@pytest.fixture
async def listening() -> tuple[asyncio.Server, Upstream]:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    return server, Upstream("here", "http", "127.0.0.1", server.sockets[0].getsockname()[1])


async def test_a_new_connection_is_told_of_and_closed_with_the_pool(
    pool: UpstreamPool, listening: tuple[asyncio.Server, Upstream]
) -> None:
    server, upstream = listening
    await pool.dial(upstream.targets[0], user := User())
    (link,) = user.told
    assert isinstance(link, UpstreamLink)
    pool.close()
    assert link.is_gone
    server.close()


async def test_a_connection_that_is_gone_before_anyone_could_use_it_is_none(
    pool: UpstreamPool, listening: tuple[asyncio.Server, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, upstream = listening
    made = UpstreamLink.connection_made

    def gone(link: UpstreamLink, transport: asyncio.BaseTransport) -> None:
        made(link, transport)
        link.abort()

    monkeypatch.setattr(UpstreamLink, "connection_made", gone)
    await pool.dial(upstream.targets[0], user := User())
    (fault,) = user.told
    assert isinstance(fault, ConnectionResetError)
    server.close()


async def test_where_nobody_listens_the_fault_is_told(pool: UpstreamPool) -> None:
    await pool.dial(Upstream("nobody", "http", "127.0.0.1", 1).targets[0], user := User())
    (fault,) = user.told
    assert isinstance(fault, ConnectionRefusedError)


async def test_tls_is_checked_against_the_upstreams_name(
    pool: UpstreamPool, listening: tuple[asyncio.Server, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    async def create_connection(*_: object, **options: object) -> None:
        asked.append(options)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection)
    for _ in range(2):
        await pool.dial(Upstream("safe", "https", "ai.example", 443).targets[0], User())
    contexts = [each["ssl"] for each in asked]
    assert [each["server_hostname"] for each in asked] == ["ai.example"] * 2
    assert isinstance(contexts[0], ssl.SSLContext)
    assert contexts[0] is contexts[1]
    assert contexts[0].verify_mode is ssl.CERT_REQUIRED
    assert contexts[0].check_hostname
    listening[0].close()
