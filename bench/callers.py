"""Callers made by hand, for what wrk cannot do: streams, large bodies, crowds, and one request at a time.

They run in this process, on the load's core. Every one counts what came back; a wrong status or a short body
is a LoadError, because it would stand for other work than the scenario names.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from selectors import EVENT_READ, DefaultSelector
from typing import cast

from bench.load import LoadError

PIECE_BYTES = 65_536
PATIENCE_S = 20.0


def request(path: str, key: str, method: str = "GET", length: int | None = None) -> bytes:
    """A request head."""
    framing = "" if length is None else f"Content-Length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n{framing}\r\n".encode()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection of one's own, without Nagle's delay."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def read_answer(connection: socket.socket, watch: Callable[[], None] | None = None) -> int:
    """Read one answer with a length to its end; the body's bytes."""
    head, _, body = _read_head(connection).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise LoadError(f"answered {head[:30]!r}")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None
    )
    if length is None:
        raise LoadError("an answer without a length")
    left = length - len(body)
    buffer = bytearray(PIECE_BYTES)
    while left > 0:
        count = connection.recv_into(buffer, min(left, PIECE_BYTES))
        if not count:
            raise LoadError("a body was cut short")
        left -= count
        if watch is not None:
            watch()
    return length


def read_status(connection: socket.socket) -> int:
    """The status of an answer whose body nobody wants."""
    return int(_read_head(connection).split(b" ", 2)[1])


def send_body(connection: socket.socket, length: int, watch: Callable[[], None] | None = None) -> None:
    """Send so many bytes of body."""
    piece = memoryview(bytes(PIECE_BYTES))
    while length:
        step = min(length, PIECE_BYTES)
        connection.sendall(piece[:step])
        length -= step
        if watch is not None:
            watch()


def first_bytes_us(port: int, key: str, times: int) -> list[float]:
    """Microseconds from a small request to its answer, one request at a time on one connection."""
    took, sent = [], request("/v1/models", key)
    with connected(port) as connection:
        for _ in range(times):
            begun = time.perf_counter()
            connection.sendall(sent)
            read_answer(connection)
            took.append((time.perf_counter() - begun) * 1e6)
    return took


def crowd(stack: ExitStack, port: int, key: str, count: int) -> None:
    """So many connections that made one request and then stay open until the stack closes."""
    sent = request("/v1/models", key)
    for _ in range(count):
        connection = stack.enter_context(connected(port))
        connection.sendall(sent)
        read_answer(connection)


class Streams:
    """So many event streams at once; `count` reads them for a while and counts their events."""

    def __init__(self, stack: ExitStack, port: int, key: str, streams: int) -> None:
        self._selector = stack.enter_context(DefaultSelector())
        self.ended_at: dict[socket.socket, float] = {}
        self.open = 0
        for _ in range(streams):
            connection = stack.enter_context(connected(port))
            connection.sendall(request("/v1/stream", key))
            head = _read_head(connection)
            if not head.startswith(b"HTTP/1.1 200"):
                raise LoadError(f"a stream was answered {head[:30]!r}")
            connection.settimeout(0)
            self._selector.register(connection, EVENT_READ)
            self.open += 1

    def count(self, seconds: float, *, until_closed: bool = False) -> int:
        """Events that arrived in so many seconds; ends early once all are closed, if asked to."""
        events, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not (until_closed and not self.open):
            for ready, _ in self._selector.select(left):
                events += self._read(cast("socket.socket", ready.fileobj))
        return events

    def _read(self, connection: socket.socket) -> int:
        try:
            data = connection.recv(PIECE_BYTES)
        except BlockingIOError:
            return 0
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(connection)
            self.ended_at[connection] = time.monotonic()
            self.open -= 1
        return data.count(b"data: ")


def _read_head(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(PIECE_BYTES)
        if not data:
            raise LoadError("a connection ended before its answer")
        received += data
    return received
