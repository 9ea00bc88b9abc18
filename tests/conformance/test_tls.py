"""HTTPS on the proxied port: all that holds without TLS holds with it, and what is TLS's own."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.tls.connection import SAY_HTTPS
from gateway.tls.files import TlsFiles, read_certificate
from gateway.tls.self_signed import self_signed
from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import KEY, Stand, request
from tests.support.raw_caller import RawCaller, call
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import answering
from tests.support.tls_caller import NOW_S, TlsCaller, call_tls, client_pair, trusting, write_pair

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
HANDSHAKE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.fixture
async def stand(build: BuildStand) -> Stand:
    return await build(tls=True)


@pytest.fixture
async def by_hand(build: BuildStand) -> Stand:
    return await build(tls=True, script=None)


async def secure(stand: Stand, *pieces: bytes) -> TlsCaller:
    """A caller of the stand's."""
    caller = await stand.call(*pieces)
    assert isinstance(caller, TlsCaller)
    return caller


async def of(stand: Stand, *pieces: bytes, context: ssl.SSLContext | None = None) -> TlsCaller:
    """A caller with ways of their own."""
    caller = await call_tls(stand.host, stand.port, *pieces, context=context)
    stand.callers.append(caller)
    return caller


async def plain(stand: Stand, *pieces: bytes) -> RawCaller:
    """A caller who begins without TLS."""
    caller = await call(stand.host, stand.port, *pieces)
    stand.callers.append(caller)
    return caller


def failed(stand: Stand) -> dict[str, int]:
    """Handshakes that failed so far."""
    assert stand.door is not None
    return {how: count for how, count in stand.door.failures.items() if count}


# --- What holds without TLS


async def test_one_connection_serves_many_requests_in_order(stand: Stand) -> None:
    caller = await secure(stand, request() * 3)
    assert [(await caller.response()).status for _ in range(3)] == [200, 200, 200]
    caller.send(request(shown=None))
    assert (await caller.response()).status == 401
    assert caller.tls.version() == "TLSv1.3"
    assert caller.tls.selected_alpn_protocol() is None


async def test_the_upstream_is_told_that_the_caller_speaks_https(stand: Stand) -> None:
    caller = await secure(stand, request())
    await caller.response()
    (seen,) = stand.upstream.requests()
    assert seen.one(b"x-forwarded-proto") == b"https"


async def test_a_stream_arrives_as_it_is_sent(by_hand: Stand) -> None:
    caller = await secure(by_hand, request())
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    upstream.send(CHUNKED)
    body = b""
    for piece in (b"data: 1\n\n", b"data: 2\n\n"):
        upstream.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        body += piece
        await caller.until_body(body)
    upstream.send(b"0\r\n\r\n")
    assert (await caller.response()).body == body


async def test_an_upload_of_many_records_arrives_whole(stand: Stand) -> None:
    body = bytes(range(256)) * 4_000
    caller = await secure(stand, request(b"POST /any/x HTTP/1.1", b"Content-Length: %d" % len(body)))
    await caller.send_all(body)
    assert (await caller.response(b"POST")).status == 200
    (seen,) = stand.upstream.requests()
    assert seen.body == body


async def test_a_caller_who_does_not_read_is_not_read_for(build: BuildStand) -> None:
    """Back-pressure: what waits for the caller is bounded, and all of it comes in the end."""
    size = 8_000_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    stand = await build(tls=True, script=answering(answer))
    caller = await secure(stand)
    caller.stop_reading()
    caller.send(request())
    await asyncio.sleep(0.2)
    caller.go_on_reading()
    assert len((await caller.response()).body) == size


async def test_a_refused_upload_that_goes_on_gets_to_read_why(build: BuildStand) -> None:
    """We say goodbye and read on: closing on what was not read would take the answer with it."""
    stand = await build(tls=True)
    caller = await secure(stand, request(b"POST /any/x HTTP/1.1", b"Content-Length: 4000000", shown=None))
    for _ in range(40):
        caller.send(b"x" * 10_000)
        await asyncio.sleep(0)
    response = await caller.last_response(b"POST")
    assert response.status == 401
    assert caller.was_goodbye
    stand.assert_untouched()


async def test_a_websocket_passes_both_ways_and_ends_with_a_goodbye(by_hand: Stand) -> None:
    caller = await secure(by_hand, request(b"GET /any/x HTTP/1.1", *HANDSHAKE))
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    upstream.send(SWITCHING)
    await caller.until_received(b"\r\n\r\n")
    caller.send(b"\x81\x85abcdhello")
    await upstream.until_received(b"hello")
    upstream.send(b"\x81\x02hi")
    await caller.until_received(b"\x81\x02hi")
    upstream.close()
    await caller.until_ended()
    assert caller.was_goodbye


@pytest.mark.parametrize("politely", [True, False], ids=["goodbye", "reset"])
async def test_a_caller_who_leaves_stops_the_upstream(by_hand: Stand, politely: bool) -> None:
    caller = await secure(by_hand, request())
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    upstream.send(CHUNKED + b"5\r\nhello\r\n")
    await caller.until_body(b"hello")
    if politely:
        caller.end()
    else:
        caller.reset()
    await upstream.until_ended()
    assert (await by_hand.exchange()).cut == "caller_gone"


async def test_an_answer_that_is_cut_never_looks_whole(by_hand: Stand) -> None:
    """Without a length its end is the connection's: it is reset, and no goodbye is said."""
    head = request(b"GET /any/x HTTP/1.0")
    caller = await secure(by_hand, head)
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    upstream.send(CHUNKED + b"5\r\nhello\r\n")
    await caller.until_received(b"hello")
    upstream.reset()
    await caller.until(lambda: caller.is_lost, "it is cut")
    assert caller.was_reset
    assert not caller.was_goodbye


async def test_the_end_lets_answers_finish_and_says_goodbye_to_the_idle(by_hand: Stand) -> None:
    idle = await secure(by_hand)
    caller = await secure(by_hand, request())
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    upstream.send(CHUNKED + b"5\r\nhello\r\n")
    await caller.until_body(b"hello")
    draining = asyncio.ensure_future(by_hand.plane.drain(5.0))
    await idle.until_ended()
    assert idle.was_goodbye
    upstream.send(b"0\r\n\r\n")
    assert (await caller.last_response()).body == b"hello"
    await draining


async def test_a_stranger_who_closes_at_once_ends_what_was_asked_before(stand: Stand) -> None:
    caller = await secure(stand, request())
    caller.end()
    await caller.until_ended()
    await eventually(lambda: not stand.plane.connections.open, "it is gone")


# --- What is TLS's own


@pytest.mark.parametrize("opening", [request(), b"POST / HTTP/1.1\r\n", b"HEAD / HTTP/1.1\r\n\r\n"])
async def test_who_speaks_plain_http_is_told_to_say_https(stand: Stand, opening: bytes) -> None:
    caller = await plain(stand, opening)
    await caller.until_ended()
    assert bytes(caller.received) == SAY_HTTPS
    assert (await caller.last_response()).status == 400
    assert failed(stand) == {"plain_http": 1}
    assert KEY not in SAY_HTTPS
    stand.assert_untouched()


@pytest.mark.parametrize("opening", [b"SSH-2.0-x\r\n", b"\x00", b"\x15\x03\x01\x00\x02\x02\x00"])
async def test_who_speaks_neither_is_shut_out_without_a_word(stand: Stand, opening: bytes) -> None:
    caller = await plain(stand, opening)
    await caller.until_ended()
    assert bytes(caller.received) == b""
    assert failed(stand) == {"not_tls": 1}


async def test_a_handshake_has_its_deadline(build: BuildStand) -> None:
    stand = await build(tls=True, limits=Limits(head_timeout_s=0.2))
    silent = await plain(stand)
    half = await plain(stand, b"\x16\x03\x01\x01\x00\x01")
    await silent.until_ended()
    await half.until_ended()
    assert failed(stand) == {"timeout": 2}


async def test_who_leaves_amid_the_handshake_is_counted(stand: Stand) -> None:
    for leave in ("end", "reset"):
        caller = await plain(stand, b"\x16\x03\x01\x01\x00\x01")
        await eventually(lambda: stand.plane.connections.open, "it is there")
        getattr(caller, leave)()
        await eventually(lambda: not stand.plane.connections.open, "it is gone")
    assert failed(stand) == {"left": 2}


async def test_a_connection_counts_before_its_handshake(build: BuildStand) -> None:
    stand = await build(tls=True, limits=Limits(connections_max=1))
    silent = await plain(stand)
    await eventually(lambda: stand.plane.connections.open, "it counts")
    caller = await secure(stand, request())  # the silent one makes room
    assert (await caller.response()).status == 200
    await silent.until_ended()
    assert stand.plane.connections.made_room == 1


async def test_broken_bytes_end_the_handshake_without_a_traceback(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await plain(stand, b"\x16\x03\x01\x00\x05hello")
    await caller.until_ended()
    assert failed(stand) == {"refused": 1}
    assert [record for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []
    assert "Traceback" not in caplog.text


async def test_broken_records_end_a_connection_and_its_exchange(
    by_hand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await secure(by_hand, request())
    upstream = await by_hand.upstream.connection()
    await upstream.until_received(b"\r\n\r\n")
    caller.transport.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    await caller.until(lambda: caller.is_ended or caller.fault, "it is ended")
    await upstream.until_ended()
    assert (await by_hand.exchange()).cut == "caller_gone"
    assert "Traceback" not in caplog.text


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_of_tls_are_refused(stand: Stand) -> None:
    context = trusting()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    caller = await of(stand, context=context)
    await caller.until_ended()
    assert failed(stand) == {"refused": 1}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_served_and_agree_on_http_1_1(
    stand: Stand, version: ssl.TLSVersion
) -> None:
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    caller = await of(stand, request(), context=context)
    assert (await caller.response()).status == 200
    assert caller.tls.selected_alpn_protocol() == "http/1.1"
    caller.close()


async def test_a_caller_who_does_not_trust_the_certificate_is_counted(stand: Stand) -> None:
    context = trusting(self_signed(["localhost"], NOW_S, 36_500))
    caller = await of(stand, context=context)
    assert caller.fault is not None
    caller.close()
    await eventually(lambda: failed(stand) == {"distrusted": 1} or None, "it is counted")


async def test_a_new_certificate_is_for_connections_that_come(stand: Stand, tmp_path: Path) -> None:
    old = await secure(stand, request())
    await old.response()
    other = self_signed(["localhost"], NOW_S, 36_500)
    assert stand.door is not None
    stand.door.context = read_certificate(TlsFiles(*write_pair(tmp_path, other))).context
    new = await of(stand, request(), context=trusting(other))
    assert (await new.response()).status == 200
    assert new.tls.getpeercert(binary_form=True) == other.der
    old.send(request())
    assert (await old.response()).status == 200
    new.close()


@pytest.mark.parametrize("client_cert", ["required", "optional"])
async def test_callers_are_asked_for_a_certificate(
    build: BuildStand, tmp_path: Path, client_cert: str
) -> None:
    stand = await build(tls=True)
    assert stand.door is not None
    cert, key = write_pair(tmp_path)
    authority, _ = write_pair(tmp_path, ours := client_pair(), "ours")
    files = TlsFiles(cert, key, authority, client_cert)  # type: ignore[arg-type]
    stand.door.context = read_certificate(files).context
    shown, foreign = trusting(), trusting()
    shown.load_cert_chain(*write_pair(tmp_path, ours, "shown"))
    foreign.load_cert_chain(*write_pair(tmp_path, client_pair(), "foreign"))
    known = await of(stand, request(), context=shown)
    assert (await known.response()).status == 200
    stranger = await of(stand, request(), context=foreign)
    await stranger.until(lambda: stranger.is_ended or stranger.fault, "it is refused")
    nobody = await of(stand, request())
    if client_cert == "required":
        await nobody.until(lambda: nobody.is_ended or nobody.fault, "it is refused")
    else:
        assert (await nobody.response()).status == 200
    refused = 2 if client_cert == "required" else 1
    await eventually(lambda: failed(stand) == {"client_certificate": refused} or None, "it is counted")
    for caller in (known, stranger, nobody):
        caller.close()


async def test_many_callers_at_once_are_served(stand: Stand) -> None:
    callers = await asyncio.gather(*(secure(stand, request()) for _ in range(50)))
    assert {(await caller.response()).status for caller in callers} == {200}
