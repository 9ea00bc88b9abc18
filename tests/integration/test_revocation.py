"""What ends a key ends its open streams and WebSockets within a second, and nobody else's; on both planes.

Within a second means: no byte of any of them arrives later than that after the change was acknowledged. New
requests have no such second: the first one after it is refused.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from gateway.keeper.desk import KeyDesk
from tests.support.last_bytes import LastBytes
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.plain_caller import open_socket, open_stream
from tests.support.running_gateway import Home, RunningGateway, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module", params=["aiohttp", "lean"])
def at_home(
    upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    server = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": request.param}
    home.configure(upstream.url, server=server)
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
    watched = Watched(gateway, at_home.make_key(f"Bystander of {request.node.name[-60:]}"))
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


STREAMS = 20


def by_the_api(at_home: Home, gateway: RunningGateway, name: str) -> float:
    """Revoke through the management API; when it was answered."""
    admin = Management(gateway.admin_port, first_key(at_home.folder))
    [key] = [each for each in admin.every(f"/keys?q={quote(name)}") if each["name"] == name]
    assert admin("POST", f"/keys/{key['id']}/revoke").status == 200
    return time.monotonic()


def by_the_desk(at_home: Home, _: RunningGateway, name: str) -> float:
    """Revoke over the control socket; when that was acknowledged (monotonic)."""

    async def revoke(desk: KeyDesk) -> float:
        await desk.revoke(name)
        return time.monotonic()

    return at_home.manage(revoke)


def by_the_command(at_home: Home, _: RunningGateway, name: str) -> float:
    """Revoke by `keyhatch keys revoke`; when that was done."""
    at_home.keys("revoke", name, "--yes")
    return time.monotonic()


@pytest.mark.parametrize("revoke", [by_the_desk, by_the_command, by_the_api])
def test_no_byte_arrives_later_than_a_second_after_the_acknowledgement_and_no_request_passes_after_it(
    gateway: RunningGateway,
    at_home: Home,
    upstream: LastingUpstream,
    revoke: Callable[[Home, RunningGateway, str], float],
    record_property: Callable[[str, object], None],
) -> None:
    name = f"Measured {revoke.__name__}"
    key, bystander = at_home.make_key(name), at_home.make_key(f"Bystander of {name}")
    paths = ["/ticks", "/ws-ticks"] * (STREAMS // 2)
    with (
        LastBytes(gateway.port, key, paths) as doomed,
        LastBytes(gateway.port, bystander, paths[:2]) as others,
        closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)) as kept,
    ):
        shown = {"Authorization": f"Bearer {key}"}
        kept.request("GET", "/.keyhatch/me", headers=shown)
        assert kept.getresponse().read()
        acknowledged = revoke(at_home, gateway, name)
        kept.request("GET", "/.keyhatch/me", headers=shown)
        refused = kept.getresponse()
        anew = gateway.ask("/ticks", key=key)
        assert (refused.status, refused.getheader("X-Keyhatch-Reason")) == (401, "key_revoked")
        assert (anew.status, anew.reason) == (401, "key_revoked")
        eventually(lambda: len(doomed.ended) == STREAMS, "every stream ends", 1.5)
        late_s = [at - acknowledged for at in doomed.last.values()]
        record_property("last_byte_after_acknowledgement_s", max(late_s))
        assert len(late_s) == STREAMS
        assert max(late_s) <= 1.0
        assert min(late_s) > -1.5, "a stream had fallen silent before its key was revoked"
        after = max(doomed.ended.values())
        eventually(lambda: min(others.last.values()) > after, "what others opened goes on")
        assert others.ended == {}
    eventually(lambda: upstream.open_now.total() == 0, "the upstream's side is closed too")
