"""A gigabyte passes intact in both directions while the gateway grows by less than 16 MB."""

import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from types import TracebackType
from typing import BinaryIO, Self

import pytest

from tests.support.plain_caller import open_stream
from tests.support.running_gateway import Home, RunningGateway, eventually

GIB = 1024**3
MIB = 1024**2
GROWTH_MAX = 16 * MIB
BLOCK = MIB // 4
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


def blocks(size: int) -> Iterator[bytes]:
    """This many bytes, never held whole; every block differs, so none can be lost, doubled or swapped."""
    body = bytearray(bytes(range(256)) * (BLOCK // 256))
    for number in range(size // BLOCK):
        body[:8] = number.to_bytes(8, "big")
        yield bytes(body)


class Warehouse:
    """An upstream on plain sockets, as fast as Python goes: `POST` is hashed, `GET /<size>` is generated."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as reader:  # the gateway hung up
            method, target, _ = reader.readline().split()
            headers = http.client.parse_headers(reader)
            if method == b"GET":
                self._send(connection, int(target[1:]))
            elif headers["Transfer-Encoding"] == "chunked":
                self._tell(connection, _chunked(reader))
            else:
                self._tell(connection, _counted(reader, int(headers["Content-Length"])))

    def _send(self, connection: socket.socket, size: int) -> None:
        self.sent = 0
        connection.sendall(HEAD % size)
        for block in blocks(size):
            connection.sendall(block)
            self.sent += len(block)

    def _tell(self, connection: socket.socket, body: Iterator[bytes]) -> None:
        told = digest(body).encode("ascii")
        connection.sendall(HEAD % len(told) + told)


def _counted(reader: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (piece := reader.read(min(left, BLOCK))):
        left -= len(piece)
        yield piece


def _chunked(reader: BinaryIO) -> Iterator[bytes]:
    while size := int(reader.readline(), 16):
        yield reader.read(size)
        reader.readline()
    reader.readline()


def digest(body: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for piece in body:
        found.update(piece)
    return found.hexdigest()


class Scale:
    """Weighs the gateway every few milliseconds, from its warmed-up weight on."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self._before = self._most = gateway.memory_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._weigh)

    @property
    def growth(self) -> int:
        """By how much it grew at most."""
        return self._most - self._before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _weigh(self) -> None:
        while not self._done.wait(0.02):
            self._most = max(self._most, self._gateway.memory_bytes())


@pytest.fixture(scope="module")
def upstream() -> Iterator[Warehouse]:
    with Warehouse() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: RunningGateway, at_home: Home) -> str:
    key = at_home.make_key("Mover")
    for size in (0, MIB):  # so that what is loaded on first use is there before anything is weighed
        assert upload(gateway, key, size, chunked=True) == upload(gateway, key, size, chunked=False)
        assert download(gateway, key, size) == digest(blocks(size))
    return key


def upload(gateway: RunningGateway, key: str, size: int, *, chunked: bool) -> str:
    length = {} if chunked else {"Content-Length": str(size)}
    return gateway.ask("/in", "POST", key=key, headers=length, body=blocks(size)).body.decode("ascii")


def download(gateway: RunningGateway, key: str, size: int) -> str:
    with open_stream(gateway.port, f"/{size}", key=key) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) == size
        return digest(iter(lambda: response.read(BLOCK), b""))


@pytest.fixture(scope="module")
def gibibyte() -> str:
    return digest(blocks(GIB))


def test_a_gibibyte_up_arrives_intact_in_little_memory(
    gateway: RunningGateway, key: str, gibibyte: str
) -> None:
    with Scale(gateway) as scale:
        assert upload(gateway, key, GIB, chunked=False) == gibibyte
    assert scale.growth < GROWTH_MAX


def test_a_gibibyte_down_arrives_intact_in_little_memory(
    gateway: RunningGateway, key: str, gibibyte: str
) -> None:
    with Scale(gateway) as scale:
        assert download(gateway, key, GIB) == gibibyte
    assert scale.growth < GROWTH_MAX


def test_a_chunked_upload_of_unknown_length_arrives_intact_in_little_memory(
    gateway: RunningGateway, key: str
) -> None:
    with Scale(gateway) as scale:
        assert upload(gateway, key, GIB // 4, chunked=True) == digest(blocks(GIB // 4))
    assert scale.growth < GROWTH_MAX


def test_a_caller_that_does_not_read_holds_the_upstream_back(
    gateway: RunningGateway, upstream: Warehouse, key: str
) -> None:
    with Scale(gateway) as scale, closing(socket.create_connection(("127.0.0.1", gateway.port))) as caller:
        caller.sendall(f"GET /{GIB} HTTP/1.1\r\nHost: gate\r\nX-API-Key: {key}\r\n\r\n".encode("ascii"))
        assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")
        sent = steady(lambda: upstream.sent)
    assert sent < 64 * MIB, "the kernel's buffers and a little more"
    assert scale.growth < GROWTH_MAX


def steady(measure: Callable[[], int]) -> int:
    """Wait until a number has stopped changing for a while, and return it."""
    last, since = -1, time.monotonic()

    def is_steady() -> bool:
        nonlocal last, since
        if (now := measure()) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 0.3

    eventually(is_steady, "nothing moves any more")
    return last
