"""A raw caller that speaks TLS: what it sends is enciphered, what it keeps is deciphered.

It is its own client side of TLS over the raw connection, so that every byte and every ending is in the
test's hand: `is_ended` is the gateway's goodbye or its FIN, `was_goodbye` tells whether it said goodbye.
"""

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.tls.self_signed import SelfSigned, self_signed
from tests.support.raw_caller import RawCaller

NAMES: Final = ("localhost", "127.0.0.1", "::1", "gate.example")
NOW_S: Final = 1_750_000_000.0


@cache
def pair() -> SelfSigned:
    """One pair for every test that only needs some; it holds for a hundred years."""
    return self_signed(NAMES, NOW_S, 36_500)


def client_pair() -> SelfSigned:
    """A pair that a caller shows, its own authority; `self_signed` makes some for servers alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    since = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + dt.timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    return SelfSigned(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.DER),
    )


def write_pair(folder: Path, made: SelfSigned | None = None, name: str = "gate") -> tuple[Path, Path]:
    """The files of a pair: certificate and key."""
    made = made or pair()
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(made.certificate)
    key.write_bytes(made.key)
    return cert, key


def trusting(made: SelfSigned | None = None) -> ssl.SSLContext:
    """A client's context that trusts a pair and nothing else."""
    return ssl.create_default_context(cadata=(made or pair()).certificate.decode("ascii"))


class TlsCaller(RawCaller):
    """One connection to the gateway, under TLS. What is sent before the handshake is over waits."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.was_goodbye = False
        self.fault: ssl.SSLError | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or trusting()).wrap_bio(
            self._incoming, self._outgoing, server_hostname="localhost"
        )
        self.is_open = False
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._go_on()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.bytes_sent += len(piece)
            if self.is_open and piece:
                self.tls.write(piece)
                self._flush()
            else:
                self._waiting.append(piece)

    def end(self) -> None:
        """Say goodbye, send FIN and keep reading."""
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        self._flush()
        super().end()

    def _go_on(self) -> None:
        try:
            if not self.is_open:
                self.tls.do_handshake()
                self.is_open = True
                self._changed.set()
                self._flush()
                waiting, self._waiting = self._waiting, []
                self.bytes_sent -= sum(map(len, waiting))
                self.send(*waiting)
            while data := self.tls.read(65_536):
                super().data_received(data)
            self._goodbye()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._goodbye()
        except ssl.SSLError as fault:
            self.fault = fault
            self._changed.set()
        self._flush()

    def _goodbye(self) -> None:
        self.was_goodbye = True
        self.eof_received()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())


async def call_tls(host: str, port: int, *pieces: bytes, context: ssl.SSLContext | None = None) -> TlsCaller:
    """Connect, shake hands and send."""
    _, caller = await asyncio.get_running_loop().create_connection(lambda: TlsCaller(context), host, port)
    await caller.until(lambda: caller.is_open or caller.fault or caller.is_ended, "the handshake is over")
    caller.send(*pieces)
    return caller
