"""Guarantees of gateway/tls/connection.py towards the protocol behind it: it is a transport like any other.

How callers fare is in tests/conformance/test_tls.py.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.tls.connection import TlsConnection
from gateway.tls.door import TlsDoor
from gateway.tls.files import TlsFiles, read_certificate
from tests.support.raw_connection import RawConnection
from tests.support.tls_caller import TlsCaller, write_pair


class Wire(asyncio.Transport):
    """What would be a socket: keeps what is written, and what it is told."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5), "socket": "the socket"})
        self.written = b""
        self.told: list[Any] = []
        self.waiting = 0

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.told.append("write_eof")

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.told or "abort" in self.told

    def is_reading(self) -> bool:
        return "pause" not in self.told

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.remove("pause")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.told.append((high, low))

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return 1, 2

    def get_write_buffer_size(self) -> int:
        return self.waiting


class Both:
    """A connection under TLS, and a caller on its other end; bytes pass when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.door = TlsDoor(read_certificate(TlsFiles(*write_pair(folder))).context, 10.0)
        self.behind = RawConnection()
        self.wire, self.far = Wire(), Wire()
        self.connection = TlsConnection(self.door, self.behind)
        self.caller = TlsCaller()
        self.connection.connection_made(self.wire)
        self.caller.connection_made(self.far)

    def pass_bytes(self, piece_bytes: int = 1_000_000) -> None:
        """Both ways, in pieces, until nothing is left."""
        while self.far.written or self.wire.written:
            data, self.far.written = self.far.written, b""
            for at in range(0, len(data), piece_bytes):
                self.connection.data_received(data[at : at + piece_bytes])
            data, self.wire.written = self.wire.written, b""
            if data:
                self.caller.data_received(data)


@pytest.fixture
async def both(tmp_path: Path) -> Both:
    both = Both(tmp_path)
    both.pass_bytes()
    assert both.caller.is_open
    return both


def test_bytes_pass_however_records_are_cut(tmp_path: Path) -> None:
    async def scenario() -> None:
        both = Both(tmp_path)
        both.pass_bytes(1)
        both.caller.send(b"x" * 20_000)
        both.pass_bytes(1)
        assert bytes(both.behind.received) == b"x" * 20_000

    asyncio.run(scenario())


async def test_what_is_written_arrives(both: Both) -> None:
    both.connection.write(b"one ")
    both.connection.write(b"")
    both.connection.writelines([b"two ", memoryview(b"three")])
    both.pass_bytes()
    assert bytes(both.caller.received) == b"one two three"


async def test_what_cannot_be_enciphered_ends_the_connection(both: Both) -> None:
    class Broken:
        def write(self, _data: bytes) -> None:
            raise ssl.SSLError(1, "broken")

    both.connection._tls = Broken()  # type: ignore[assignment]
    both.connection.write(b"lost")
    both.connection.write(b"lost too")
    assert both.wire.told[0] == "abort"
    assert both.wire.written == b""


async def test_what_is_asked_of_the_socket_is_answered_by_it(both: Both) -> None:
    connection = both.connection
    assert connection.get_extra_info("socket") == "the socket"
    assert connection.get_extra_info("sslcontext") is both.door.context
    assert isinstance(connection.get_extra_info("ssl_object"), ssl.SSLObject)
    assert connection.get_extra_info("nothing", "instead") == "instead"
    connection.set_write_buffer_limits(5, 4)
    assert both.wire.told == [(5, 4)]
    assert connection.get_write_buffer_limits() == (1, 2)
    both.wire.waiting = 7
    assert connection.get_write_buffer_size() == 7
    connection.pause_reading()
    assert not connection.is_reading()
    connection.resume_reading()
    assert connection.is_reading()
    assert connection.can_write_eof()


async def test_back_pressure_is_passed_on(both: Both) -> None:
    both.connection.pause_writing()
    assert not both.behind._may_write.is_set()
    both.connection.resume_writing()
    assert both.behind._may_write.is_set()


async def test_another_protocol_may_take_over(both: Both) -> None:
    other = RawConnection()
    assert both.connection.get_protocol() is both.behind
    both.connection.set_protocol(other)
    both.caller.send(b"hello")
    both.pass_bytes()
    assert bytes(other.received) == b"hello"
    assert both.connection.get_protocol() is other


async def test_who_says_that_no_more_comes_still_reads(both: Both) -> None:
    both.connection.write(b"last")
    both.connection.write_eof()
    both.connection.write_eof()
    both.connection.write(b"too late")
    both.caller.send(b"but I go on")
    both.pass_bytes()
    assert both.caller.was_goodbye
    assert bytes(both.caller.received) == b"last"
    assert bytes(both.behind.received) == b"but I go on"
    assert both.wire.told == ["write_eof"]
    both.connection.close()
    both.connection.close()
    both.connection.write_eof()
    assert both.wire.told == ["write_eof", "close"]


async def test_nothing_is_heard_or_said_after_the_end(both: Both) -> None:
    both.caller.send(b"late")
    late, both.far.written = both.far.written, b""
    both.connection.close()
    both.pass_bytes()
    both.connection.data_received(late)
    both.connection.eof_received()
    both.connection.connection_lost(None)
    both.connection.write(b"nobody hears this")
    assert bytes(both.behind.received) == b""
    assert both.behind.is_lost
    assert both.wire.written == b""
    assert sum(both.door.failures.values()) == 0


async def test_a_goodbye_of_the_callers_ends_it(both: Both) -> None:
    both.caller.send(b"bye")
    both.caller.end()
    both.pass_bytes()
    assert bytes(both.behind.received) == b"bye"
    assert both.behind.is_ended
    assert both.wire.told[-1] == "close"
    assert both.connection.is_closing()


async def test_a_goodbye_that_answers_ours_ends_it_as_well(both: Both) -> None:
    class Over:
        def read(self, _most: int) -> bytes:
            raise ssl.SSLZeroReturnError(6, "over")

        def unwrap(self) -> None:
            pass

    both.connection._tls = Over()  # type: ignore[assignment]
    both.connection.data_received(b"anything")
    assert both.behind.is_ended
    assert both.wire.told == ["close"]


async def test_what_cannot_leave_at_once_is_not_waited_for_when_records_are_broken(both: Both) -> None:
    both.wire.waiting = 1
    both.connection.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    assert both.wire.told == ["abort"]


async def test_nothing_is_written_before_the_handshake(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.connection.write(b"secret")
    assert both.wire.written == b""
    both.connection.abort()
    both.connection.connection_lost(None)
    assert both.wire.told == ["abort"]
    assert both.behind.is_lost
    assert sum(both.door.failures.values()) == 0
