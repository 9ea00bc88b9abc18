"""What an upstream is called, which origin it is told, and what it learns of those who spoke before."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import websocket
from tests.support.plane_stand import LOCAL, request

ORIGIN = b"Origin: https://evil.example"
FORWARDED = (b"X-Forwarded-For: 192.0.2.1", b"X-Real-IP: 192.0.2.1", b"Forwarded: for=192.0.2.1")


@pytest.mark.parametrize(
    ("policy", "host"), [("preserve", b"gate.example"), ("localhost:11434", b"localhost:11434")]
)
async def test_an_upstream_is_called_as_it_wants(build: BuildStand, policy: str, host: bytes) -> None:
    stand = await build(upstream={"host_policy": policy})
    caller = await stand.call(request())
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"host") == [host]


@pytest.mark.parametrize(("policy", "origin"), [("rewrite", [b"http://gate.example"]), ("strip", [])])
async def test_an_upstream_is_told_the_origin_it_wants(
    build: BuildStand, policy: str, origin: list[bytes]
) -> None:
    stand = await build(upstream={"origin_policy": policy, "host_policy": "preserve"})
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", ORIGIN))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"origin") == origin


async def test_a_strangers_page_without_a_key_keeps_its_origin(build: BuildStand) -> None:
    stand = await build(upstream={"origin_policy": "strip"})
    caller = await stand.call(request(b"GET /open/x HTTP/1.1", ORIGIN, shown=None))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"origin") == [b"https://evil.example"]


@pytest.mark.parametrize(
    ("policy", "told"), [("append", [b"192.0.2.1, 127.0.0.1"]), ("replace", [b"127.0.0.1"]), ("off", [])]
)
async def test_an_upstream_learns_of_the_way_what_it_can_bear(
    build: BuildStand, policy: str, told: list[bytes]
) -> None:
    stand = await build(upstream={"forwarded": policy}, trusted=(LOCAL,))
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", *FORWARDED))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.all(b"x-forwarded-for") == told
    assert bool(seen.all(b"x-real-ip")) is (policy == "append")
    assert bool(seen.all(b"forwarded")) is (policy == "append")


async def test_a_websocket_is_opened_as_the_upstream_wants_it(build: BuildStand) -> None:
    policies = {"host_policy": "localhost:8188", "origin_policy": "rewrite", "forwarded": "off"}
    stand = await build(script=None, upstream=policies)
    await stand.call(websocket(b"/any/ws", ORIGIN))
    seen = await (await stand.upstream.connection()).request()
    assert seen.all(b"host") == [b"localhost:8188"]
    assert seen.all(b"origin") == [b"http://localhost:8188"]
    assert seen.all(b"x-forwarded-for") == []
