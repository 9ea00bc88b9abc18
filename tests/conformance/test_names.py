"""Nobody is let in without a key who may be a page that leads its own name here (DNS rebinding)."""

import pytest

from gateway.core.routes import RouteTable
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import websocket
from tests.support.plane_stand import KEY, LOCAL, Stand

EVIL = b"evil.example:8080"


def asking(host: bytes, *fields: bytes, path: bytes = b"/home/x") -> bytes:
    """A request that calls the gateway so."""
    return b"\r\n".join((b"GET " + path + b" HTTP/1.1", b"Host: " + host, *fields, b"", b""))


async def status_of(stand: Stand, raw: bytes) -> int:
    """What it is answered."""
    caller = await stand.call(raw)
    return (await caller.response()).status


@pytest.mark.parametrize("host", [b"127.0.0.1:8080", b"[::1]", b"localhost", b"keyhatch", b"nas.local:80"])
async def test_by_an_address_or_a_name_that_leads_nowhere_else_no_key_is_needed(
    build: BuildStand, host: bytes
) -> None:
    stand = await build(names=())
    assert await status_of(stand, asking(host)) == 200


async def test_by_a_configured_name_no_key_is_needed(build: BuildStand) -> None:
    stand = await build(names=("ai.example.com",))
    assert await status_of(stand, asking(b"AI.example.com:8080")) == 200


async def test_by_any_other_name_a_key_is_needed_and_what_to_do_is_said(build: BuildStand) -> None:
    stand = await build(names=())
    caller = await stand.call(asking(EVIL, b"Origin: http://" + EVIL))
    answer = await caller.response()
    assert answer.status == 401
    assert answer.one(b"x-keyhatch-reason") == b"credential_missing"
    assert b"call this server by its IP address" in answer.body
    assert await status_of(stand, asking(EVIL, b"X-API-Key: " + KEY)) == 200
    assert len(stand.upstream.requests()) == 1


async def test_what_was_remembered_for_one_name_does_not_let_another_in(stand: Stand) -> None:
    for _ in range(3):
        assert await status_of(stand, asking(b"gate.example")) == 200
        assert await status_of(stand, asking(EVIL)) == 401


async def test_a_websocket_is_not_opened_either(build: BuildStand) -> None:
    stand = await build(names=())
    caller = await stand.call(websocket(b"/home/ws", b"Origin: http://gate.example", shown=None))
    assert (await caller.response()).status == 401


@pytest.mark.parametrize(
    ("host", "told", "status"),
    [
        (b"127.0.0.1", b"evil.example", 401),
        (b"evil.example", b"127.0.0.1", 401),
        (b"127.0.0.1", b"localhost, evil.example", 401),
        (b"127.0.0.1", b"gate.example", 200),
    ],
)
async def test_what_a_trusted_proxy_tells_counts_beside_what_it_calls(
    build: BuildStand, host: bytes, told: bytes, status: int
) -> None:
    stand = await build(trusted=(LOCAL,))
    fields = (b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: " + told)
    assert await status_of(stand, asking(host, *fields)) == status


async def test_what_nobody_trusted_tells_opens_and_shuts_nothing(stand: Stand) -> None:
    assert await status_of(stand, asking(EVIL, b"X-Forwarded-Host: localhost")) == 401
    assert await status_of(stand, asking(b"localhost", b"X-Forwarded-Host: evil.example")) == 200


@pytest.mark.parametrize(("host", "origin"), [(EVIL, [b"http://" + EVIL]), (b"gate.example", [])])
async def test_on_a_public_route_a_strange_name_leaves_the_upstream_its_own_defence(
    build: BuildStand, host: bytes, origin: list[bytes]
) -> None:
    stand = await build(upstream={"origin_policy": "strip"})
    assert await status_of(stand, asking(host, b"Origin: http://" + host, path=b"/open/x")) == 200
    assert stand.upstream.the_request().all(b"origin") == origin


async def test_a_reload_that_takes_a_name_away_is_felt_at_once(stand: Stand) -> None:
    for _ in range(3):
        assert await status_of(stand, asking(b"gate.example")) == 200
    stand.gatekeeper.table = RouteTable(stand.gatekeeper.table.routes)
    assert await status_of(stand, asking(b"gate.example")) == 401
