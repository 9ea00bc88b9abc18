"""Node's `http` and uvicorn behind the gateway: connections ended while idle, trailers, events, sockets."""

import asyncio
import hashlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed

from tests.support.other_upstreams import NodeUpstream, UvicornUpstream
from tests.support.plain_caller import Answer, open_socket, open_stream
from tests.support.running_gateway import Home, RunningGateway, eventually

TICK_S = 0.01
open_now: Counter[str] = Counter()


async def events(request: Request) -> StreamingResponse:
    async def ticks() -> AsyncIterator[str]:
        open_now["/events"] += 1
        try:
            number = 0
            while True:
                yield f"id: {number}\ndata: tick {number}\n\n"
                number += 1
                await asyncio.sleep(TICK_S)
        finally:
            open_now["/events"] -= 1

    return StreamingResponse(ticks(), media_type="text/event-stream")


async def talk(listener: WebSocket) -> None:
    """As a server for speech does: text and sound both ways, and 1008 for what it does not like."""
    await listener.accept(subprotocol="speech.v1")
    open_now["/talk"] += 1
    with suppress(WebSocketDisconnect):
        while True:
            message = await listener.receive()
            if message["type"] == "websocket.disconnect":
                break
            if message.get("text") == "leave":
                await listener.close(1008, "Invalid session")
                break
            if message.get("bytes") is not None:
                await listener.send_bytes(message["bytes"])
            else:
                await listener.send_text(message["text"])
    open_now["/talk"] -= 1


APP = Starlette(routes=[Route("/events", events), WebSocketRoute("/talk", talk)])


@dataclass(frozen=True)
class Rig:
    """A gateway before both at once: uvicorn under /asgi, Node for the rest."""

    node: NodeUpstream
    gateway: RunningGateway
    key: str

    def ask(self, path: str, method: str = "GET", **request: Any) -> Answer:
        """One request with the key."""
        return self.gateway.ask(path, method, key=self.key, **request)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    home = Home(tmp_path_factory.mktemp("home"))
    with NodeUpstream(idle_ms=100) as node, UvicornUpstream(APP) as asgi:
        home.configure(
            node.url,
            [
                {"id": "node", "path": "/**", "upstream": "main", "scopes": []},
                {"id": "asgi", "path": "/asgi/**", "upstream": "asgi", "scopes": [], "strip_prefix": "/asgi"},
            ],
            upstreams={"main": {"url": node.url}, "asgi": {"url": asgi.url}},
        )
        with home.serve() as gateway:
            yield Rig(node, gateway, home.make_key("Visitor"))


def test_nodes_connection_is_used_again_while_it_lasts(rig: Rig) -> None:
    ports = {rig.ask(f"/{number}").data["port"] for number in range(5)}
    assert len(ports) == 1


def test_a_connection_that_node_ended_while_it_was_idle_costs_nobody_a_request(rig: Rig) -> None:
    first = rig.ask("/first").data["port"]
    rig.node.connection_ended()
    answer = rig.ask("/again", "POST", body=b"once")
    assert (answer.status, answer.data["length"]) == (200, 4)
    assert answer.data["port"] != first


def test_nodes_trailers_come_after_the_body_and_never_among_the_headers(rig: Rig) -> None:
    head = f"GET /trailers HTTP/1.1\r\nHost: x\r\nX-API-Key: {rig.key}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", rig.gateway.port), timeout=10) as caller:
        caller.sendall(head.encode())
        answer = b"".join(iter(lambda: caller.recv(65_536), b""))
    head_sent, _, body_sent = answer.partition(b"\r\n\r\n")
    assert b"x-checksum:" not in head_sent.lower()
    assert body_sent.lower().endswith(b"0\r\nx-checksum: 2f1a\r\n\r\n")


def test_an_upload_in_pieces_reaches_node_whole(rig: Rig) -> None:
    pieces = [bytes([number]) * 50_000 for number in range(100)]
    told = rig.ask("/upload", "POST", body=iter(pieces)).data
    assert told["length"] == 5_000_000
    assert told["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert told["httpVersion"] == "1.1"


def test_events_of_uvicorn_arrive_one_by_one_and_leaving_ends_them(rig: Rig) -> None:
    with open_stream(rig.gateway.port, "/asgi/events", key=rig.key) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        told = [response.readline() for _ in range(9)]
        assert [line for line in told if line.startswith(b"data")] == [
            b"data: tick %d\n" % number for number in range(3)
        ]
        assert open_now["/events"] == 1
    eventually(lambda: open_now["/events"] == 0, "uvicorn notices that the listener left", 3)


def test_a_socket_of_uvicorn_speaks_both_ways_and_closes_in_its_own_words(rig: Rig) -> None:
    with open_socket(
        rig.gateway.port, "/asgi/talk", key=rig.key, subprotocols=["speech.v1", "speech.v0"]
    ) as speech:
        assert speech.subprotocol == "speech.v1"
        for message in ("grüß dich", b"\x00\xff" * 100_000):
            speech.send(message)
            assert speech.recv(timeout=10) == message
        speech.send("leave")
        with pytest.raises(ConnectionClosed):
            speech.recv(timeout=10)
        assert (speech.close_code, speech.close_reason) == (1008, "Invalid session")
    eventually(lambda: open_now["/talk"] == 0, "uvicorn has closed it", 3)
