"""The caller's side of the aiohttp plane: one connection, its deadlines, and answers written raw.

aiohttp parses heads and frames request bodies; everything it would say by itself is replaced: its error
pages by our refusals, its missing head deadline by ours, its response headers by the bytes we compose.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import LineTooLong, TransferEncodingError

from gateway.core.refusal import Deny, Reason
from gateway.plane.http_date import HttpDate
from gateway.plane.own_reply import reply_bytes
from gateway.wire.opening import unreadable
from gateway.wire.reply import Reply
from gateway.wire.request_head import Limits, too_large

LINGER_S: Final = 5.0  # how long a refused upload is read away, so that its sender gets to read why
OPENING_BYTES: Final = 512

Refuse = Callable[[Deny, str, bytes], Reply]
"""Turn a refusal that no exchange was begun for into a reply, and tell the observer of it: the peer, and the
first bytes of the head."""


class Door(Protocol):
    """Who counts the connections."""

    def came(self, caller: "CallerProtocol") -> bool:
        """Count one in; False if there are too many."""

    def went(self, caller: "CallerProtocol") -> None:
        """Count it out."""


class CutShort(Exception):
    """The answer stopped after its head was sent; `cause` is one of `Exchange.cut`'s."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Answer(web.StreamResponse):
    """What a handler returns when it has written the whole answer itself: only whether to stay open."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request."""
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing to prepare: the head was written by the exchange."""
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing to end: so was the body."""


class CallerProtocol(web.RequestHandler):  # type: ignore[misc,unused-ignore]
    """One caller's connection. A head that does not arrive whole within its deadline is refused.

    `is_busy`: an exchange is under way. `is_over`: the last answer was given. `is_cut`: the gateway stops
    and ends it in the middle. `body`: what the exchange reads. aiohttp 3.14 never tells a body that its
    chunks broke; it queues the fault as if it were the next request, and the reader would wait until the
    idle time is over.
    """

    def __init__(self, server: web.Server, limits: Limits, refuse: Refuse, date: HttpDate) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_timeout_s,
            access_log=None,  # type: ignore[arg-type]
            max_line_size=limits.head_bytes_max,
            max_field_size=limits.head_bytes_max,
            max_headers=limits.fields_max,
            lingering_time=LINGER_S,
            auto_decompress=False,
        )
        self.limits = limits
        self.date = date
        self.peer = ""
        self.is_busy = False
        self.is_over = False
        self.is_cut = False
        self.body: StreamReader | None = None
        self._refuse = refuse
        self._head_timer: asyncio.TimerHandle | None = None
        self._last_timer: asyncio.TimerHandle | None = None
        self._opening = b""
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._idle_since = 0.0
        self.door: Door | None = None

    @property
    def idle_since(self) -> float:
        """When it last served somebody (monotonic seconds)."""
        return self._idle_since

    @property
    def has_begun(self) -> bool:
        """Whether part of a head is here, or all of it, that is not served yet."""
        return self._head_timer is not None

    def make_room(self) -> None:
        """Another connection needs the place, and this one is idle."""
        if self.transport is not None:
            self.transport.abort()

    def be_idle(self, now: float) -> None:
        """Nobody is served from this moment on."""
        self.is_busy, self.body, self._idle_since = False, None, now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who is there."""
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        super().connection_made(transport)
        if self.door is not None and not self.door.came(self) and self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The caller is gone: stop the clocks; aiohttp cancels the exchange."""
        self.stop_timers()
        super().connection_lost(exc)
        self._may_write.set()
        if self.door is not None:
            self.door.went(self)

    def force_close(self) -> None:
        """Close, which waits for what was written to be taken; but not for ever."""
        self.expect_the_end()
        super().force_close()

    def expect_the_end(self) -> None:
        """Nothing more will be written: what a caller leaves lying for the idle time is thrown away."""
        transport = self.transport
        if transport is not None and self._last_timer is None and transport.get_write_buffer_size():
            self._last_timer = asyncio.get_running_loop().call_later(
                self.limits.idle_timeout_s, transport.abort
            )

    def stop_timers(self) -> None:
        """It is over."""
        self.stop_head_timer()
        if self._last_timer is not None:
            self._last_timer.cancel()

    def pause_writing(self) -> None:
        """The caller reads more slowly than it is written to."""
        super().pause_writing()
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._may_write.set()

    async def deliver(self, data: bytes) -> None:
        """Write, then wait until the caller has caught up.

        Raises a `ConnectionError` if it is gone, and `CutShort` if it takes nothing at all for the idle time:
        a caller that reads slowly may go on, one that does not read must not hold what it was given for ever.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the caller is gone")
        transport.write(data)
        while not self._may_write.is_set():
            left = transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(self.limits.idle_timeout_s):
                    await self._may_write.wait()
            except TimeoutError:
                if transport.get_write_buffer_size() >= left:
                    raise CutShort("caller_idle") from None

    def data_received(self, data: bytes) -> None:
        """The first byte of a head starts its deadline."""
        if self._head_timer is not None:
            self._opening += data[: OPENING_BYTES - len(self._opening)]
        elif data and not self.is_busy and not self.is_over:  # aiohttp passes nothing when it reads on
            self._opening = data[:OPENING_BYTES]
            self._head_timer = asyncio.get_running_loop().call_later(
                self.limits.head_timeout_s, self._head_is_late
            )
        super().data_received(data)
        body = self.body
        if body is not None and self._messages and not body.is_eof() and body.exception() is None:
            body.set_exception(TransferEncodingError("a broken chunk"))

    def stop_head_timer(self) -> None:
        """The head is whole."""
        self._opening = b""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it may quote the request
    ) -> web.StreamResponse:
        """A head that aiohttp could not parse: our refusal instead of its page, and the connection closes."""
        self._write_and_close(self._fault(exc))
        self.stop_head_timer()
        return Answer(keep_alive=False)

    def _fault(self, exc: BaseException | None) -> Deny:
        if isinstance(exc, LineTooLong):
            return too_large("bytes in the head", self.limits.head_bytes_max)
        if "Too many headers" in str(exc):
            return too_large("header fields", self.limits.fields_max)
        return unreadable(self._opening)

    def say_no_more(self) -> None:
        """The last answer was given; the caller may still be sending, and is read without being told more."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.is_busy:
            limit = f"{self.limits.head_timeout_s:g}"
            self._write_and_close(Deny(Reason.REQUEST_TIMEOUT, {"limit": limit}))
            self.force_close()

    def _write_and_close(self, deny: Deny) -> None:
        self.is_over = True
        reply = self._refuse(deny, self.peer, self._opening)
        if self.transport is not None and not self.transport.is_closing():
            is_head = self._opening.startswith(b"HEAD ")
            self.transport.write(reply_bytes(reply, self.date(), is_head=is_head, keep_alive=False))


def protocol_of(request: web.BaseRequest) -> CallerProtocol:
    """The connection a request came on."""
    protocol: Any = request.protocol
    assert isinstance(protocol, CallerProtocol)  # noqa: S101 - our own factory made it
    return protocol
