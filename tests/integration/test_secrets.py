"""Keys shown in every place there is, right and wrong: none is ever found where it does not belong.

The gateway logs all it can (debug), the upstream breaks now and then, heads are malformed. Afterwards the
log, the metrics, the store's files, the process list and every byte the upstream received are searched.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from gateway.core.keys import compose_secret, digest_of
from tests.support.raw_caller import call
from tests.support.raw_connection import eventually
from tests.support.running_gateway import Home, RunningGateway
from tests.support.scripted_upstream import CLOSE, OK, RESET, Act, ScriptedUpstream, UpstreamConnection

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
STREAM = ("Accept: text/event-stream",)
UNKNOWN = compose_secret("kh", b"canary".ljust(32, b"\x07")).reveal()
FOREIGN = "sk-proj-" + "Ca9nAr2y" * 12


def basic(user: str, password: str) -> str:
    return "Authorization: Basic " + b64encode(f"{user}:{password}".encode()).decode()


def request(target: str, *fields: str, method: str = "GET") -> str:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: gate.example", *fields, "", ""))


def showing(key: str) -> Iterator[str]:
    """Requests that show the key where a key may stand."""
    yield request("/x", f"Authorization: Bearer {key}")
    yield request("/x", f"authorization: bearer  Bearer {key} ")
    yield request("/x", f'Authorization: Bearer "{key}"')
    yield request("/x", f"Authorization: {key}")
    yield request("/x", f"X-API-Key: {key}", f"Authorization: Bearer {key}")
    for name in ("X-API-Key", "api-key", "xi-api-key", "x-goog-api-key", "X_API_KEY"):
        yield request("/x", f"{name}: {key}")
    yield request("/x", basic("x", key))
    yield request("/x", basic(key, ""))
    for target in (
        f"/x?access_token={key}&a=1",
        f"/x?a=1&api_key={key}",
        f"/x?access_token={quote(key, '')}",
    ):
        yield request(target, *STREAM)
        yield request(target, *UPGRADE)
    yield request("/x", *UPGRADE, f"Sec-WebSocket-Protocol: openai-insecure-api-key.{key}, tune")


def doubling(key: str) -> Iterator[str]:
    """Requests that show the key where it may stand, and once more where it does not belong."""
    for field in ("Cookie: a=b; session=", "Referer: http://gate.example/?access_token=", "User-Agent: "):
        yield request("/x", f"X-API-Key: {key}", f"{field}{key}")
    for field in ("X-Request-Id: ", "Proxy-Authorization: Bearer ", "X-Custom: ", "Origin: http://"):
        yield request("/x", f"X-API-Key: {key}", f"{field}{key}")
    for query in (f"key={key}", f"a=1&access_token={key}", key):
        yield request(f"/x?{query}", f"X-API-Key: {key}")


def misplacing(key: str) -> Iterator[str]:
    """Requests that show the key where no key belongs, and no key where one does."""
    yield request(f"/x?access_token={key}")
    yield request(f"/x?api_key={key}", method="POST")
    yield request(f"/x?key={key}&token={key}#{key}")
    yield request(f"/{key}/x")
    yield request(f"/x;{key}/../{key}")
    yield request(f"http://user:{key}@gate.example/x")
    yield request("/x", f"Cookie: session={key}; api_key={key}")
    yield request("/x", f"Referer: http://gate.example/?access_token={key}")
    yield request("/x", f"Origin: http://{key}.example", f"User-Agent: {key}", f"X-Request-Id: {key}")
    yield request("/x", f"X-Keyhatch-Key-Name: {key}", f"X-Forwarded-For: {key}", f"Forwarded: for={key}")
    yield request("/x", f"Proxy-Authorization: Bearer {key}", f"Cookie2: {key}")
    yield request("/x", *UPGRADE, f"Sec-WebSocket-Protocol: {key}")


def garbling(key: str) -> Iterator[str]:
    """Heads that cannot be read, with the key in every part."""
    yield f"{key} / HTTP/1.1\r\nHost: gate.example\r\n\r\n"
    yield f"GET /{key} HTTP/{key}\r\nHost: gate.example\r\n\r\n"
    yield f"GET / {key} HTTP/1.1\r\nHost: gate.example\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: {key} {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\n{key}: {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nAuthorization Bearer {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nAuthorization : Bearer {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key[:20]}\r\n {key[20:]}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key}\x00\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key}\r\nContent-Length: {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key}\r\nTransfer-Encoding: {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key}\r\nExpect: {key}\r\n\r\n"
    yield f"GET /x HTTP/1.1\r\nHost: gate.example\r\nX-API-Key: {key}\r\nX: {'x' * 40_000}\r\n\r\n"
    yield f"CONNECT {key}:443 HTTP/1.1\r\nHost: gate.example\r\n\r\n"
    yield f"{key}\r\n\r\n"
    yield f"\x16\x03\x01{key}\r\n\r\n"


ROOMS = (showing, doubling, misplacing, garbling)


class MoodyUpstream(ScriptedUpstream):
    """Does the same on every request: whatever its mood is at that moment."""

    def __init__(self) -> None:
        super().__init__(self._act)
        self.mood: bytes | Act = OK

    async def _act(self, connection: UpstreamConnection) -> None:
        while True:
            await connection.request(within_s=60)
            connection.play(self.mood)


@pytest.fixture
async def upstream() -> AsyncIterator[MoodyUpstream]:
    upstream = MoodyUpstream()
    await upstream.start()
    yield upstream
    await upstream.stop()


async def send(gateway: RunningGateway, text: str) -> bytes:
    """Send it, and wait for whatever the gateway says to it; the answer."""
    caller = await call("127.0.0.1", gateway.port, text.encode("utf-8"))
    await caller.until(lambda: caller.is_ended or b"\r\n\r\n" in caller.received, "an answer", 10)
    caller.transport.abort()
    await caller.until(lambda: caller.is_lost, "the caller is gone")
    return bytes(caller.received)


def spellings(key: str) -> Iterator[bytes]:
    """The ways in which a key could be left somewhere."""
    rest = key.removeprefix("kh_")
    yield rest.encode()
    yield rest[:20].encode()  # wherever a head is cut
    yield rest[-20:].encode()
    yield b64encode(f"x:{key}".encode())[4:40]
    yield b64encode(f"{key}:".encode())[4:40]
    yield digest_of(key).hex().encode()


def found_in(places: dict[str, bytes], keys: dict[str, str]) -> list[str]:
    return [
        f"{name} in {place}"
        for name, key in keys.items()
        for place, content in places.items()
        if any(spelling in content for spelling in spellings(key))
    ]


def store_files(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.folder.glob("keyhatch.db*") if path.is_file()}


async def test_no_key_is_found_where_it_does_not_belong(home: Home, upstream: MoodyUpstream) -> None:
    routes: list[dict[str, Any]] = [
        {"id": "open", "path": "/open/**", "upstream": "main", "public": True},
        {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
    ]
    home.configure(f"http://127.0.0.1:{upstream.port}", routes, logging={"level": "debug"})
    with home.serve() as gateway:
        keys = {
            "a good key": home.make_key("Canary"),
            "a revoked key": home.make_key("Dead canary"),
            "an unknown key": UNKNOWN,
            "a mistyped key": UNKNOWN[:-1] + ("a" if UNKNOWN[-1] != "a" else "b"),
            "a foreign key": FOREIGN,
        }
        home.manage(lambda desk: desk.revoke("Dead canary"))
        requests = [text for key in keys.values() for room in ROOMS for text in room(key)]
        answers = [await send(gateway, text) for text in requests]
        assert sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers) >= 10, "the good one got in"
        for mood in (RESET, CLOSE, b"nonsense\r\n\r\n"):
            upstream.mood = mood
            answers += [await send(gateway, text) for text in showing(keys["a good key"])]
        assert sum(b"x-keyhatch-reason: upstream_protocol" in answer for answer in answers) >= 30
        ran = await asyncio.to_thread(home.keyhatch, "keys", "verify", given=keys["a revoked key"])
        await eventually(lambda: len(gateway.lines()) >= len(answers), "every exchange is logged", 10)
        process = psutil.Process(gateway.process.pid)
        places = {
            "the log": gateway.log.encode("utf-8"),
            "the output": gateway.out.encode("utf-8"),
            "the metrics": gateway.ask_admin("/metrics").body,
            "the process list": " ".join(process.cmdline()).encode("utf-8"),
            "the environment": repr(process.environ()).encode("utf-8"),
            "what verify says": (ran.out + ran.err).encode("utf-8"),
            "what callers were told": b"\n".join(answers),
            "what the upstream received": upstream.everything(),
            **store_files(home),
        }
    places |= {f"{name} after the end": content for name, content in store_files(home).items()}
    places["the log to its end"] = gateway.log.encode("utf-8")
    assert len(places["what the upstream received"]) > 1_000
    assert "keyhatch.db-wal" in places
    assert found_in(places, keys) == []


def test_the_search_would_find_a_key(tmp_path: Path) -> None:
    for leak in (UNKNOWN.encode(), basic("x", UNKNOWN).encode(), basic(UNKNOWN, "").encode()):
        assert found_in({"here": b"... " + leak + b" ..."}, {"it": UNKNOWN}) == ["it in here"]


async def test_a_key_on_a_public_route_is_stripped_and_not_judged(
    home: Home, upstream: ScriptedUpstream
) -> None:
    home.configure(
        f"http://127.0.0.1:{upstream.port}",
        [{"id": "open", "path": "/**", "upstream": "main", "public": True}],
    )
    with home.serve() as gateway:
        for text in showing(UNKNOWN):
            if "X_API_KEY" not in text:
                assert (await send(gateway, text))[:13] == b"HTTP/1.1 200 "
    assert found_in({"what the upstream received": upstream.everything()}, {"it": UNKNOWN}) == []
