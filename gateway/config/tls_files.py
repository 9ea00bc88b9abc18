"""The files behind `upstreams.NAME.tls`, turned into what secures a connection, or into what is wrong.

They are read when a configuration is loaded to be served: a file that is missing or broken is a problem of
the configuration, at its place, before anything is put in force.
"""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.config.rules import Finding
from gateway.config.target_sections import UpstreamTlsSettings
from gateway.config.upstream_sections import UpstreamSettings

_WRONG_KEY: Final = "KEY_VALUES_MISMATCH"


class UnusableError(Exception):
    """A file cannot be used. `field` is the option that names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def client_context(written: UpstreamTlsSettings, base_dir: Path) -> ssl.SSLContext | None:
    """What secures connections by these options; None: no file is named. Raises `UnusableError`."""
    if not written.needs_files:
        return None
    context = ssl.create_default_context(cadata=_authorities(written, base_dir))
    context.set_alpn_protocols(["http/1.1"])
    if written.cert_file is not None:
        key_file = None if written.key_file is None else base_dir / written.key_file
        _show(context, base_dir / written.cert_file, key_file)
    return context


def unusable(upstreams: Mapping[str, UpstreamSettings], base_dir: Path) -> Iterator[Finding]:
    """What is wrong with the files of all upstreams."""
    for name, upstream in upstreams.items():
        try:
            client_context(upstream.tls, base_dir)
        except UnusableError as error:
            yield Finding(("upstreams", name, "tls", error.field), str(error))


def _authorities(written: UpstreamTlsSettings, base_dir: Path) -> str | None:
    if written.ca_file is None:
        return None
    text = _read("ca_file", base_dir / written.ca_file)
    unusable = UnusableError("ca_file", "holds no certificate in PEM form")
    if not text.strip():
        raise unusable  # or else the system's authorities would be taken
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise unusable from None
    return text


def _read(field: str, path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnusableError(field, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    """Show this certificate to whoever asks for one."""
    _read("cert_file", cert_file)
    field = "cert_file" if key_file is None else "key_file"
    if key_file is not None:
        _read(field, key_file)

    def refuse() -> str:
        raise UnusableError(
            field, "is encrypted: write the key without a passphrase, readable by its user alone"
        )

    try:
        context.load_cert_chain(cert_file, key_file, refuse)
    except ssl.SSLError as error:
        if error.reason == _WRONG_KEY:
            raise UnusableError(field, "is not the key of the certificate in cert_file") from None
        message = (
            "holds no certificate and key in PEM form"
            if key_file is None
            else "is no key in PEM form, or cert_file holds no certificate"
        )
        raise UnusableError(field, message) from None
