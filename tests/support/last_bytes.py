"""Streams that never end by themselves, each watched to its last byte: when it came, when the end was seen.

Plain sockets under one selector, so that what is noted is what arrived and not what a client library made of
it. Event streams and WebSockets alike: whoever only counts bytes need not tell them apart.
"""

import selectors
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from tests.support.running_gateway import eventually

_READ_BYTES = 65_536
_UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class LastBytes:
    """Opens one stream for each path; a path that begins with `/ws` is asked for as a WebSocket.

    `last` and `ended` tell, by the stream's number and in monotonic seconds, when its last byte came, and
    when it was seen to be over. As a context it returns once every stream flows.
    """

    def __init__(self, port: int, key: str, paths: Sequence[str]) -> None:
        self.last: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self._heads: dict[int, bytes] = dict.fromkeys(range(len(paths)), b"")
        self._is_leaving = False
        self._sockets = ExitStack()
        self._selector = self._sockets.enter_context(selectors.DefaultSelector())
        for number, path in enumerate(paths):
            stream = self._sockets.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            upgrade = _UPGRADE if path.startswith("/ws") else ""
            head = f"GET {path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {key}\r\n{upgrade}\r\n"
            stream.sendall(head.encode("ascii"))
            stream.setblocking(False)
            self._selector.register(stream, selectors.EVENT_READ, number)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(self._all_flow, "every stream flows")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_leaving = True
        self._thread.join(5)
        self._sockets.close()

    def _all_flow(self) -> bool:
        refused = [head for head in self._heads.values() if head and head[9:12] not in (b"200", b"101")]
        assert not refused, refused[0]
        return all(b"\r\n\r\n" in head and b"tick" in head for head in self._heads.values())

    def _watch(self) -> None:
        while not self._is_leaving:
            for chosen, _ in self._selector.select(0.05):
                stream, number = chosen.fileobj, chosen.data
                assert isinstance(stream, socket.socket)
                data = b""
                with suppress(ConnectionError):
                    data = stream.recv(_READ_BYTES)
                now = time.monotonic()
                if data:
                    self.last[number] = now
                    self._heads[number] = (self._heads[number] + data)[:4_096]
                else:
                    self.ended[number] = now
                    self._selector.unregister(stream)
