"""`keyhatch tls self-signed`: a certificate for a home network, and how to have it trusted."""

import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from gateway.cli.everywhere import Command, InOrder
from gateway.cli.output import Form, data, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.policy import moment
from gateway.store.system import NEW

DAYS: Final = 397
CERT: Final = Path("keyhatch.crt")
KEY: Final = Path("keyhatch.key")
TOLD: Final = """\
{cert} (for everybody to see) and {key} (secret, mode 0600) hold until {ends}.
It is for: {names}.

Write into the configuration, and restart the gateway:

  server:
    tls: {{cert_file: {cert}, key_file: {key}}}

Callers trust it once they were given {cert}; compare the fingerprint where one is shown:

  browser, Windows, macOS   import it as a trusted root authority
  Debian, Ubuntu            copy it to /usr/local/share/ca-certificates/ and run update-ca-certificates
  iOS                       send it there, install the profile, then Settings > General > About >
                            Certificate Trust Settings
  curl                      curl --cacert {cert} https://localhost:8080/.keyhatch/health
  Python                    SSL_CERT_FILE={cert} (httpx, openai), REQUESTS_CA_BUNDLE={cert} (requests)
  Node                      NODE_EXTRA_CA_CERTS={cert}

SHA-256 fingerprint:"""


@click.group(cls=InOrder)
def tls() -> None:
    """Make a certificate, so that callers can speak HTTPS."""


@tls.command("self-signed", cls=Command, short_help="Make a certificate for a home network.")
@click.option("--name", "names", metavar="NAME", multiple=True, help="A further name or address. Repeatable.")
@click.option("--days", metavar="N", type=click.IntRange(1, 36_500), default=DAYS, help="Default: 397.")
@click.option("--cert", metavar="FILE", type=click.Path(path_type=Path), default=CERT, help="keyhatch.crt")
@click.option("--key", metavar="FILE", type=click.Path(path_type=Path), default=KEY, help="keyhatch.key")
@click.option("--force", "--yes", "-y", is_flag=True, help="Replace the files if they are there.")
@output_option
@pass_surroundings
def self_signed(
    surroundings: Surroundings,
    form: Form,
    *,
    names: tuple[str, ...],
    days: int,
    cert: Path,
    key: Path,
    force: bool,
) -> None:
    """Make a key and a certificate that vouches for itself, for a home network, and print its fingerprint.

    It is for localhost, this machine's names and addresses, and every --name. Files that are there are kept
    unless --force is said.
    """
    for path in () if force else (cert, key):
        if path.exists():
            raise click.ClickException(f"{path} is there already: --force replaces it")
    if cert.absolute() == key.absolute():
        raise click.UsageError("The certificate is for everybody and the key for nobody: name two files.")
    from gateway.tls import self_signed as maker  # noqa: PLC0415 - it loads the library for certificates
    from gateway.tls.files import fingerprint_of  # noqa: PLC0415
    from gateway.tls.validity import read_validity  # noqa: PLC0415

    every = tuple(dict.fromkeys((*map(_name, names), *own_names())))
    made = maker.self_signed(every, surroundings.clock.now(), days)
    write(key, made.key, 0o600)
    write(cert, made.certificate, 0o644)
    ends, fingerprint = moment(read_validity(made.der).ends_at), fingerprint_of(made.der)
    if form == "json":
        told = {"cert_file": str(cert), "key_file": str(key), "names": every, "expires_at": ends}
        data_json({**told, "sha256": fingerprint})
        return
    say(TOLD.format(cert=cert, key=key, ends=ends, names=", ".join(every)))
    data(fingerprint)


def own_names() -> Iterator[str]:
    """By what this machine is called, here and from the network, as far as it knows."""
    yield "localhost"
    host = socket.gethostname().lower()
    candidates = [host, socket.getfqdn().lower()]
    if "." not in host:
        candidates.append(f"{host}.local")  # as mDNS tells it
    yield from (name for name in candidates if _is_name(name))
    yield from ("127.0.0.1", "::1")
    yield from _addresses(host)


def write(path: Path, content: bytes, mode: int) -> None:
    """A file that has its mode from the first moment on, whole or not there."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, NEW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _name(text: str) -> str:
    """A name or an address as certificates hold it, or a usage error."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(text.strip("[]")))
    try:
        name = text.lower().encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not _is_name(name.removeprefix("*.")):
        raise click.UsageError(f"'{text}' is neither the name of a host nor an address.")
    return name


def _is_name(text: str) -> bool:
    from gateway.config.fields import read_host_name  # noqa: PLC0415 - with what else commands load late
    from gateway.config.problems import Unfit  # noqa: PLC0415

    try:
        return read_host_name(text) == text
    except Unfit:
        return False


def _addresses(host: str) -> Iterable[str]:
    """The machine's addresses: those its name leads to, and the one it has for others."""
    found: list[str] = []
    with suppress(OSError, UnicodeError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # nothing is sent
            found.append(probe.getsockname()[0])
    plain = (text.partition("%")[0] for text in found)
    return dict.fromkeys(str(ipaddress.ip_address(text)) for text in plain)
