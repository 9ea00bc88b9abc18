"""The files of `server.tls`: where they are, and what is wrong with them.

They are read here, before they are served with, so that a certificate that does not work is a problem of the
configuration like any other: at its line, with its mend, at `keyhatch check` as at the start. A configuration
without TLS loads nothing for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config.model import Settings
from gateway.config.rules import Finding
from gateway.config.sections import TlsSettings
from gateway.config.tree import Node, placed

if TYPE_CHECKING:
    from gateway.tls.files import TlsFiles


def files_of(tls: TlsSettings, tree: Node, base_dir: Path) -> "TlsFiles":
    """The files that these settings name; only for settings that are on."""
    from gateway.tls.files import TlsFiles  # noqa: PLC0415 - whoever has no TLS does without

    def at(option: str) -> Path | None:
        written: str | None = getattr(tls, option)
        return None if written is None else placed(written, ("server", "tls", option), tree, base_dir)

    cert, key = at("cert_file"), at("key_file")
    assert cert is not None and key is not None  # noqa: S101, PT018 - the settings are on
    return TlsFiles(cert, key, at("client_ca_file"), tls.client_cert, tls.min_version)


def broken_certificates(settings: Settings, tree: Node, base_dir: Path) -> Iterator[Finding]:
    """What keeps the certificate, or what belongs to it, from being used."""
    tls = settings.server.tls
    if not tls.is_on:
        return
    from gateway.tls.files import Unusable, read_certificate  # noqa: PLC0415 - as above

    try:
        read_certificate(files_of(tls, tree, base_dir))
    except Unusable as unusable:
        yield Finding(("server", "tls", unusable.option), str(unusable), quotes=True)
