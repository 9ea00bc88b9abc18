"""Certificate and key as files hold them, read into a context that a listener serves with.

1. What is read is checked whole: that both files are there and hold what they should, that they belong
   together, that a key needs no password, that the file of client authorities holds some. The first thing
   wrong is raised as `Unusable`, with the option it concerns and the mend; no message holds a file's content.
2. TLS 1.2 at least, with ciphers that authenticate what they encipher and keys that are forgotten; no
   compression and no renegotiation; ALPN says http/1.1 and nothing else.
"""

import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gateway.tls.validity import Validity, read_validity

FILE_BYTES_MAX: Final = 1_048_576
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; those of TLS 1.3 are all fit."""

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.+?-----END [A-Z0-9 ]*CERTIFICATE-----", re.DOTALL
)
_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
_LOCKED: Final = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED")
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Unusable(Exception):
    """Files that cannot be served with. `option` is the one to look at; the text says why, and the mend."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Which files, and how they are used."""

    cert: Path
    key: Path
    client_ca: Path | None = None
    client_cert: Literal["optional", "required"] = "required"
    min_version: Literal["1.2", "1.3"] = "1.2"

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files there are."""
        return tuple(path for path in (self.cert, self.key, self.client_ca) if path is not None)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was read: a context to serve with, when the certificate holds, and its SHA-256 fingerprint."""

    context: ssl.SSLContext
    validity: Validity
    fingerprint: str


def read_certificate(files: TlsFiles) -> Certificate:
    """Read and check everything; raises `Unusable`."""
    chain = _read("cert_file", files.cert)
    first = _CERTIFICATE.search(chain)
    if first is None:
        raise Unusable(
            "cert_file", f"'{files.cert}' holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        )
    try:
        der = ssl.PEM_cert_to_DER_cert(_plain(first[0]))
        validity = read_validity(der)
    except ValueError:
        raise Unusable("cert_file", f"the certificate in '{files.cert}' cannot be read") from None
    _check_key(files.key)
    context = _context(files)
    _load(context, files)
    if files.client_ca is not None:
        _trust(context, files.client_ca, files.client_cert)
    return Certificate(context, validity, fingerprint_of(der))


def fingerprint_of(der: bytes) -> str:
    """SHA-256 as browsers and openssl show it: pairs of hexadecimal digits between colons."""
    return ":".join(re.findall("..", hashlib.sha256(der).hexdigest().upper()))


def _plain(pem: bytes) -> str:
    """With the usual marks, which are all that ssl reads."""
    inner = b"".join(pem.splitlines()[1:-1]).decode("ascii")
    return f"{ssl.PEM_HEADER}\n{inner}\n{ssl.PEM_FOOTER}"


def _read(option: str, path: Path) -> bytes:
    try:
        if path.is_dir():
            raise Unusable(option, f"'{path}' is a folder: name the file in it")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise Unusable(option, f"there is no file '{path}'") from None
    except PermissionError:
        raise Unusable(option, f"'{path}' cannot be read by the user that runs the gateway") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unusable(option, f"'{path}' cannot be read: {why}") from None
    if len(content) > FILE_BYTES_MAX:
        raise Unusable(option, f"'{path}' is larger than 1MiB")
    return content


def _check_key(path: Path) -> None:
    content = _read("key_file", path)
    if _LOCKED.search(content):
        mend = f"openssl pkey -in '{path}' -out unlocked.key writes it without one"
        raise Unusable("key_file", f"the key in '{path}' is locked with a password; {mend}")
    if _KEY.search(content) is None:
        raise Unusable("key_file", f"'{path}' holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[files.min_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_cert_chain(files.cert, files.key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"the key in '{files.key}' does not belong to the certificate in '{files.cert}'"
            raise Unusable("key_file", message) from None
        why = (error.reason or "no reason given").replace("_", " ").lower()
        raise Unusable("cert_file", f"'{files.cert}' and '{files.key}' cannot be used: {why}") from None
    except (OSError, ValueError) as error:
        message = (
            f"'{files.cert}' and '{files.key}' cannot be read: {getattr(error, 'strerror', None) or error}"
        )
        raise Unusable("cert_file", message) from None


def _trust(context: ssl.SSLContext, path: Path, client_cert: str) -> None:
    content = _read("client_ca_file", path)
    found = [_plain(match[0]) for match in _CERTIFICATE.finditer(content)]
    message = f"'{path}' holds no certificate authority in PEM (-----BEGIN CERTIFICATE-----)"
    if not found:
        raise Unusable("client_ca_file", message)
    try:
        context.load_verify_locations(cadata="\n".join(found))
    except (ValueError, ssl.SSLError):
        raise Unusable("client_ca_file", message) from None
    context.verify_mode = ssl.CERT_REQUIRED if client_cert == "required" else ssl.CERT_OPTIONAL
