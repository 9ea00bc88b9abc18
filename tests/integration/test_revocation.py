"""What ends a key ends its open streams and WebSockets within a second, and nobody else's."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.lasting_upstream import LastingUpstream
from tests.support.plain_caller import open_socket, open_stream
from tests.support.running_gateway import Home, RunningGateway, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


class Watched:
    """An event stream and a WebSocket of one key, each read by a thread that notes when it ended and how."""

    def __init__(self, gateway: RunningGateway, key: str) -> None:
        self.ended: dict[str, tuple[float, str]] = {}
        self._is_leaving = False
        self._doors = ExitStack()
        self._stream = self._doors.enter_context(open_stream(gateway.port, "/ticks", key=key))
        self._socket = self._doors.enter_context(open_socket(gateway.port, "/ws", key=key))
        assert self._stream.read1() == b"data: tick\n\n"
        self._socket.send("hello")
        assert self._socket.recv(timeout=5) == "hello"
        self._threads = [
            threading.Thread(target=self._read_stream, args=(self._stream,)),
            threading.Thread(target=self._read_socket, args=(self._socket,)),
        ]
        for thread in self._threads:
            thread.start()

    def wait_until_ended(self, within_s: float) -> float:
        """When the later of the two ended (monotonic)."""
        eventually(lambda: len(self.ended) == 2, f"stream and socket end; ended: {self.ended}", within_s)
        return max(at for at, _ in self.ended.values())

    def close(self) -> None:
        """Hang up both."""
        self._is_leaving = True
        self._threads[0].join(5)
        self._doors.close()
        self._threads[1].join(5)

    def _read_stream(self, stream: http.client.HTTPResponse) -> None:
        try:
            while stream.read1():  # readline would take a cut for an end
                if self._is_leaving:
                    return
            self._end("stream", "as if it were whole")
        except http.client.IncompleteRead:
            self._end("stream", "cut")

    def _read_socket(self, socket: ClientConnection) -> None:
        try:
            while True:
                socket.recv()
        except ConnectionClosed:
            self._end("socket", f"closed with {socket.close_code}")

    def _end(self, what: str, how: str) -> None:
        self.ended[what] = (time.monotonic(), how)


@pytest.fixture
def others(gateway: RunningGateway, at_home: Home, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Somebody else's stream and socket, which must come to no harm."""
    watched = Watched(gateway, at_home.make_key(f"Bystander of {request.node.name}"))
    yield watched
    assert watched.ended == {}
    watched.close()


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(("revoke", "--yes"), "key_revoked", id="revoked"),
        pytest.param(("disable",), "key_disabled", id="disabled"),
        pytest.param(("rotate", "--overlap", "0s"), "key_rotated", id="rotated-without-overlap"),
    ],
)
def test_what_a_key_held_open_ends_within_a_second_of_the_command(
    gateway: RunningGateway,
    at_home: Home,
    upstream: LastingUpstream,
    others: Watched,
    act: tuple[str, ...],
    reason: str,
) -> None:
    name = f"Doomed by {act[0]}"
    key = at_home.make_key(name)
    watched = Watched(gateway, key)
    assert gateway.metric("keyhatch_live_streams") == 4
    at_home.keys(act[0], name, *act[1:])
    returned = time.monotonic()
    assert watched.wait_until_ended(1.0) - returned < 1.0
    assert watched.ended["stream"][1] == "cut"
    eventually(lambda: upstream.open_now.total() == 2, "the upstream's side is closed too", 1.0)
    refused = gateway.ask("/ticks", key=key)
    assert (refused.status, refused.reason) == (401, reason)
    watched.close()


def test_what_a_key_held_open_ends_within_a_second_of_its_expiry(
    gateway: RunningGateway, at_home: Home, upstream: LastingUpstream, others: Watched
) -> None:
    made = at_home.keys("create", "Short-lived", "--expires", "5s", "-o", "json").data
    expires_at = datetime.fromisoformat(made["expires_at"]).timestamp()
    watched = Watched(gateway, made["key"])
    ended_at = watched.wait_until_ended(8.0) + time.time() - time.monotonic()
    assert 0.0 <= ended_at - expires_at < 2.0  # moments are told in whole seconds, rounded down
    assert watched.ended["stream"][1] == "cut"
    eventually(lambda: upstream.open_now.total() == 2, "the upstream's side is closed too", 1.0)
    assert gateway.ask("/ticks", key=made["key"]).reason == "key_expired"
    watched.close()


def test_a_request_that_waits_for_its_answer_is_told_that_its_key_was_revoked(
    gateway: RunningGateway, at_home: Home, upstream: LastingUpstream
) -> None:
    key = at_home.make_key("Waiting")
    found: list[str | None] = []
    waiting = threading.Thread(target=lambda: found.append(gateway.ask("/held", key=key).reason))
    waiting.start()
    eventually(lambda: upstream.open_now["/held"] == 1, "the request reaches the upstream")
    at_home.manage(lambda desk: desk.revoke("Waiting"))
    waiting.join(1.0)
    assert found == ["key_revoked"]
    eventually(lambda: upstream.open_now["/held"] == 0, "the upstream's work is stopped", 1.0)
