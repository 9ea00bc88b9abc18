"""One connection under TLS: to the loop it is a protocol, to the protocol behind it a transport.

asyncio's own way (`create_server(ssl=...)`) would tell of a connection only once its handshake is over, can
not end one side of it, and does not count what waits below it. So a plain listener hands its connections to
this one. What it promises:

1. The protocol behind is told of the connection when it comes, so it counts in every limit; bytes it gets are
   deciphered ones. A handshake that takes longer than `TlsDoor.handshake_s` ends the connection.
2. What the protocol does means what it means without TLS: `write_eof` says that no more will come and reads
   on, `close` sends what was written and says goodbye, `abort` drops everything. `get_write_buffer_size` is
   all that has not left, and back-pressure is the socket's own.
3. A caller who speaks plain HTTP is told so, in plain HTTP, before anything else is done for them. Whoever
   speaks neither is shut out without a word.
4. A failed handshake is counted (`TlsDoor.failed`) and told in the log at debug level, never as an error: it
   is nothing that a stranger may fill a log with.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, cast

from gateway.tls.door import TlsDoor, how_failed

READ_BYTES: Final = 65_536
_HANDSHAKE: Final = 0x16  # the type of a TLS record that begins a connection
_METHODS: Final = (
    *(b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"TRACE "),
    *(b"PROPFIND ", b"REPORT ", b"QUERY "),
)
_TEXT: Final = (
    b"This port speaks HTTPS, and the request came in plain HTTP: write https:// instead of http:// in the "
    b"URL. A key that was sent along has crossed the network in clear text: rotate it if others may listen.\n"
)
SAY_HTTPS: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    b"cache-control: no-store\r\nx-keyhatch-reason: request_malformed\r\nconnection: close\r\n\r\n%b"
) % (len(_TEXT), _TEXT)
"""What somebody is told who speaks plain HTTP."""

_log: Final = logging.getLogger("gateway.tls")


class TlsConnection(asyncio.Transport, asyncio.Protocol):
    """Stands between the loop's transport and `protocol`, on the side of the server."""

    __slots__ = (
        "_door",
        "_incoming",
        "_is_closing",
        "_is_finished",
        "_is_open",
        "_outgoing",
        "_protocol",
        "_timer",
        "_tls",
        "_wire",
    )

    def __init__(self, door: TlsDoor, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._door = door
        self._protocol = cast("asyncio.Protocol", protocol)
        self._wire: asyncio.Transport
        self._tls: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO
        self._outgoing: ssl.MemoryBIO
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = False  # the handshake is over
        self._is_finished = False  # we said that no more will come
        self._is_closing = False

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there, and has so long for the handshake."""
        self._wire = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self._timer = asyncio.get_running_loop().call_later(self._door.handshake_s, self._is_late)
        self._protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """The caller sent something."""
        if self._is_closing or (self._tls is None and not self._begin(data)):
            return
        self._incoming.write(data)
        if self._is_open or self._shake_hands():
            self._read()

    def eof_received(self) -> None:
        """The caller's side of the connection ended, politely or not."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._stop_timer() and not self._is_closing:
            self._failed("left", "the connection ended")
        self._is_closing, self._tls = True, None
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller does not take more."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._protocol.resume_writing()

    # What the protocol behind asks for

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is asked about the connection: `ssl_object`, `sslcontext`, and all that the socket knows."""
        if name in ("ssl_object", "sslcontext"):
            return self._door.context if name == "sslcontext" else self._tls
        return self._wire.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who is told from here on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether the connection is ending or over."""
        return self._is_closing or self._wire.is_closing()

    def is_reading(self) -> bool:
        """Whether what the caller sends is read."""
        return self._wire.is_reading()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._wire.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """From how many bytes on that wait the protocol is told to write no more."""
        self._wire.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The limits in force: low, high."""
        return self._wire.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """The bytes, enciphered, that have not left yet."""
        return self._wire.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        if self._tls is None or not self._is_open or self._is_finished or not data:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:  # what cannot be enciphered must not be missing in the middle
            self.abort()
        else:
            self._flush()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send these one after the other."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """TLS has a goodbye of its own."""
        return True

    def write_eof(self) -> None:
        """Send what was written and say that no more will come; what does come is still read."""
        if self._is_closing or self._is_finished:
            return
        self._say_goodbye()
        self._wire.write_eof()

    def close(self) -> None:
        """Send what was written, say goodbye, and close."""
        if self._is_closing:
            return
        self._stop_timer()
        self._say_goodbye()
        self._is_closing = True
        self._wire.close()

    def abort(self) -> None:
        """Close at once; what has not left is lost."""
        self._stop_timer()
        self._is_closing = True
        self._wire.abort()

    # The steps

    def _begin(self, data: bytes) -> bool:
        """The first bytes: TLS, or something that is turned away."""
        if data[0] == _HANDSHAKE:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = self._door.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
            return True
        if data.startswith(_METHODS):
            self._wire.write(SAY_HTTPS)
            self._failed("plain_http", "the caller speaks plain HTTP")
        else:
            self._failed("not_tls", "the caller does not speak TLS")
        self.close()
        return False

    def _shake_hands(self) -> bool:
        """Go on with the handshake; whether it is over, and well."""
        assert self._tls is not None  # noqa: S101 - made with the first byte
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._failed(how_failed(error), str(error))
            self._break_off()
            return False
        self._flush()
        self._is_open = True
        self._stop_timer()
        return True

    def _read(self) -> None:
        assert self._tls is not None  # noqa: S101 - made with the first byte
        pieces: list[bytes] = []
        is_over = is_broken = False
        try:
            while piece := self._tls.read(READ_BYTES):
                pieces.append(piece)
            is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            is_over = True
        except ssl.SSLError:
            is_broken = True
        self._flush()
        if pieces:
            self._protocol.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if is_broken:
            self._break_off()
        elif is_over:
            self._ended()

    def _ended(self) -> None:
        """The caller says no more. As with asyncio's own, that ends the connection under TLS."""
        if not self._is_closing:
            if self._is_open:
                self._protocol.eof_received()
            else:
                self._stop_timer()
                self._failed("left", "the caller ended the connection")
            self.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._wire.write(self._outgoing.read())

    def _say_goodbye(self) -> None:
        if self._tls is not None and self._is_open and not self._is_finished:
            self._is_finished = True
            with suppress(ssl.SSLError):  # it wants the caller's goodbye too, which nobody waits for
                self._tls.unwrap()
            self._flush()

    def _break_off(self) -> None:
        """Tell the caller's TLS why, if that can leave at once, and close."""
        self._stop_timer()
        if self._wire.get_write_buffer_size():
            self.abort()
            return
        self._flush()
        self._is_closing = True
        self._wire.close()

    def _is_late(self) -> None:
        self._timer = None
        self._failed("timeout", "the handshake took too long")
        self.abort()

    def _stop_timer(self) -> bool:
        """Whether the handshake was still awaited."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _failed(self, how: str, why: str) -> None:
        self._door.failed(how)
        name = self._wire.get_extra_info("peername")
        _log.debug("no TLS with %s: %s", name[0] if isinstance(name, tuple) else "somebody", why)
