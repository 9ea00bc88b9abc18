"""HTTPS upstreams: always verified, by whom and under which name; refusals name no address."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.refusal import Reason
from gateway.wire.targets import Tls, UpstreamTarget
from tests.support.authority import Authority
from tests.support.http_samples import answer
from tests.support.plane_stand import Stand, request
from tests.support.raw_connection import RawConnection
from tests.support.scripted_upstream import ScriptedUpstream, UpstreamConnection, answering

GET = request(b"GET /any/x HTTP/1.1")
POST = request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi")


class Secured:
    """A scripted upstream under TLS, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.upstream = ScriptedUpstream(answering(answer(body=b"secured")))
        self.server: asyncio.Server | None = None
        self.port = 0

    async def listen(self, name: str = "127.0.0.1", *, days: int = 1, asks: bool = False) -> None:
        """Serve under a certificate for this name, good until so many days from now."""
        pair = self.authority.sign(name, days=days)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.cert_file, pair.key_file)
        if asks:
            context.load_verify_locations(self.authority.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        self.server = await asyncio.get_running_loop().create_server(
            lambda: UpstreamConnection(self.upstream), "127.0.0.1", 0, ssl=context
        )
        self.port = self.server.sockets[0].getsockname()[1]

    def trusting(self, server_name: str | None = None, *, shows: bool = False) -> Tls:
        """What believes the authority; `shows` a certificate of its own, too."""
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        if shows:
            pair = self.authority.sign("gateway")
            context.load_cert_chain(pair.cert_file, pair.key_file)
        return Tls(context, server_name)


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    secured = Secured(tmp_path)
    yield secured
    for connection in secured.upstream.connections:
        if connection.task is not None:
            connection.task.cancel()
        connection.abandon()
    if secured.server is not None:
        secured.server.close()
    await asyncio.sleep(0)


def lead(stand: Stand, port: int, tls: Tls | None = None, connect_s: float = 5.0) -> None:
    ground = stand.plane.ground
    targets = (UpstreamTarget("main", "https", "127.0.0.1", port, tls=tls),)
    main = replace(ground.upstreams["main"], port=port, targets=targets, timeout_connect_s=connect_s)
    stand.plane.ground = replace(ground, upstreams={**ground.upstreams, "main": main})


async def test_one_whose_authority_is_known_is_asked_over_one_connection(
    stand: Stand, secured: Secured
) -> None:
    await secured.listen()
    lead(stand, secured.port, secured.trusting())
    for sent in (GET, POST, GET):
        caller = await stand.call(sent)
        assert (await caller.response()).body == b"secured"
    seen = secured.upstream.requests()
    assert [each.body for each in seen] == [b"", b"hi", b""]
    assert {each.one(b"host") for each in seen} == {b"127.0.0.1:%d" % secured.port}
    assert len(secured.upstream.connections) == 1


async def refused(stand: Stand, caplog: pytest.LogCaptureFixture, said: str) -> None:
    with caplog.at_level(logging.WARNING, "gateway.plane"):
        caller = await stand.call(POST)
        response = await caller.response()
    assert response.status == 502
    assert b"127.0.0.1" not in response.body
    assert b"certificate" not in response.body
    assert (await stand.exchange()).reason is Reason.UPSTREAM_UNREACHABLE
    assert any(said in record.getMessage() for record in caplog.records), caplog.text


async def test_one_whose_authority_is_unknown_is_sent_nothing(
    stand: Stand, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    await secured.listen()
    lead(stand, secured.port)
    await refused(stand, caplog, "tls.ca_file can name the authority that signed it")
    assert secured.upstream.requests() == []


async def test_one_with_another_name_is_sent_nothing(
    stand: Stand, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    await secured.listen("ai.example")
    lead(stand, secured.port, secured.trusting())
    await refused(stand, caplog, "tls.server_name can say which name it holds")


async def test_one_that_has_expired_is_sent_nothing(
    stand: Stand, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    await secured.listen(days=-1)
    lead(stand, secured.port, secured.trusting())
    await refused(stand, caplog, "certificate has expired): renew it")


async def test_the_name_can_be_told(stand: Stand, secured: Secured) -> None:
    await secured.listen("ai.example")
    lead(stand, secured.port, secured.trusting("ai.example"))
    caller = await stand.call(GET)
    assert (await caller.response()).body == b"secured"


async def test_one_that_asks_for_a_certificate_is_shown_ours(stand: Stand, secured: Secured) -> None:
    await secured.listen(asks=True)
    lead(stand, secured.port, secured.trusting(shows=True))
    caller = await stand.call(GET)
    assert (await caller.response()).body == b"secured"


async def test_without_ours_it_answers_nothing(stand: Stand, secured: Secured) -> None:
    await secured.listen(asks=True)
    lead(stand, secured.port, secured.trusting())
    caller = await stand.call(POST)
    assert (await caller.response()).status == 502
    assert secured.upstream.requests() == []


async def test_a_server_without_tls_is_sent_nothing_in_the_open(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    lead(stand, stand.second.port)
    connection = asyncio.ensure_future(stand.second.connection())
    try:
        caller = await stand.call(POST)
        (await connection).send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert (await caller.response()).status == 502
        assert b"hi" not in bytes(stand.second.connections[0].received)
        stand.second.connections.clear()
    finally:
        connection.cancel()
    assert "speaks no TLS" in caplog.text


async def test_the_time_to_connect_covers_the_handshake(stand: Stand) -> None:
    silent: list[RawConnection] = []

    def take() -> RawConnection:
        silent.append(RawConnection())
        return silent[-1]

    server = await asyncio.get_running_loop().create_server(take, "127.0.0.1", 0)
    lead(stand, server.sockets[0].getsockname()[1], connect_s=0.2)
    caller = await stand.call(GET)
    assert (await caller.response()).status == 504
    assert (await stand.exchange()).reason is Reason.UPSTREAM_TIMEOUT
    server.close()
    for each in silent:
        each.abandon()
