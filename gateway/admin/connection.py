"""Connections to the admin listener: aiohttp's server, with deadlines of ours and no pages of its own.

A head has its deadline, and so has whoever does not take what they are sent. What reaches a handler is
answered by the application (`gateway.admin.app`). What never becomes a request is answered here, in the same
words: bytes that are no HTTP, a head that is too large or does not arrive in time, an expectation that nobody
meets. No answer names a version, and no caller can fill the log with tracebacks.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import LineTooLong

from gateway.admin.answers import last_words
from gateway.admin.app import problem
from gateway.admin.late import Receive
from gateway.wire.opening import unreadable
from gateway.wire.request_head import Limits

_OPENING_BYTES: Final = 8
_LOG: Final = logging.getLogger("gateway.admin")


class AdminConnection(web.RequestHandler):  # type: ignore[misc,unused-ignore]
    """One connection. `is_busy`: a request is being answered. `is_over`: the last answer was given."""

    def __init__(self, server: web.Server, limits: Limits, now: Callable[[], float]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_timeout_s,
            access_log=None,  # type: ignore[arg-type]
            max_line_size=limits.head_bytes_max,
            max_field_size=limits.head_bytes_max,
            max_headers=limits.fields_max,
        )
        self.is_busy = False
        self.is_over = False
        self.body: StreamReader | None = None
        self._limits = limits
        self._now = now
        self._opening = b""
        self._head_timer: asyncio.TimerHandle | None = None
        self._full_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody is there any more."""
        self.stop_head_timer()
        self._stop_full_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller does not take what it is sent: it may take nothing for as long as it may be idle."""
        super().pause_writing()
        self._watch_reader(self._waiting_bytes())

    def resume_writing(self) -> None:
        """It took what waited."""
        self._stop_full_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """The first byte of a head starts its deadline."""
        in_body = self.body is not None and not self.body.is_eof()
        # aiohttp calls it with nothing when it goes on reading.
        if data and self._head_timer is None and not (self.is_busy or self.is_over or in_body):
            self._opening = data[:_OPENING_BYTES]
            self._head_timer = asyncio.get_running_loop().call_later(
                self._limits.head_timeout_s, self._head_is_late
            )
        super().data_received(data)

    def stop_head_timer(self) -> None:
        """The head is whole, or will never be."""
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
        """A head that aiohttp could not parse: a problem instead of its page, and the connection closes."""
        self.stop_head_timer()
        if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
            self._write(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            rule = unreadable(self._opening).facts["rule"]
            self._write(HTTPStatus.BAD_REQUEST, f"The request breaks a rule of HTTP: {rule}.")
        return _Written()

    def _stop_full_timer(self) -> None:
        if self._full_timer is not None:
            self._full_timer.cancel()
            self._full_timer = None

    def _watch_reader(self, waiting_bytes: int) -> None:
        """Look after a while whether the caller took any of what waits."""
        loop = asyncio.get_running_loop()
        self._full_timer = loop.call_later(self._limits.idle_timeout_s, self._look_at_reader, waiting_bytes)

    def _look_at_reader(self, before_bytes: int) -> None:
        waiting_bytes = self._waiting_bytes()
        if waiting_bytes < before_bytes:
            self._watch_reader(waiting_bytes)
        elif self.transport is not None:
            self.transport.abort()

    def _waiting_bytes(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def _head_is_late(self) -> None:
        self._head_timer = None
        limit = f"{self._limits.head_timeout_s:g}"
        self._write(HTTPStatus.REQUEST_TIMEOUT, f"The request did not arrive within {limit} seconds.")
        self.force_close()

    def _write(self, status: HTTPStatus, detail: str | None = None) -> None:
        self.is_over = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(last_words(status, detail, self._now()))


class _Written(web.StreamResponse):
    """What `handle_error` returns when the answer is already on its way: close behind it."""

    @property
    def keep_alive(self) -> bool:
        """The connection closes."""
        return False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """There is no head to write."""
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nor a body to end."""


async def serving(runner: web.AppRunner, limits: Limits, now: Callable[[], float]) -> Receive:
    """Set the runner up; what serves each connection with its application."""
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 - the runner was set up
    server.request_handler = _guarded(server.request_handler)
    return lambda: AdminConnection(server, limits, now)


def _guarded(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The application, its answers to expectations (which no middleware sees) made problems too."""

    async def answer(request: web.Request) -> web.StreamResponse:
        connection: Any = request.protocol
        connection.stop_head_timer()
        connection.is_busy, connection.body = True, request.content
        try:
            response: web.StreamResponse = await handle(request)
        except web.HTTPException as refusal:
            return problem(HTTPStatus(refusal.status))
        except Exception:  # noqa: BLE001 - an accident is answered, and logged whole
            _LOG.exception("the admin listener met something unexpected before the application was asked")
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            return response
        finally:
            connection.is_busy, connection.is_over = False, not request.keep_alive

    return answer
