"""`keyhatch health`: whether the gateway answers, for whoever watches a container. Light: it is asked often.

The admin listener is asked for /healthz, which says that the process answers and nothing else: whoever
restarts on it must not restart because a disk is full. Only where that listener is and whether it speaks TLS
is read from the configuration, so an edit that is broken elsewhere, which the running gateway has not taken
over, does no harm.

Exit code 0 or 1 and, unless it is called wrongly, no other: that is what Docker wants. Nothing secret is
sent, so whose certificate is shown does not matter here.
"""

import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.loading import all_flags, callable_at, door
from gateway.cli.output import Form, data, data_json, output_option
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.fields import Address
from gateway.config.in_part import find_admin
from gateway.config.load import find_config
from gateway.config.problems import ConfigError

if TYPE_CHECKING:
    import ssl

TIMEOUT_S: Final = 3.0
_PAGE: Final = "/healthz"
_BYTES_MAX: Final = 8_192
_WELL: Final = b'{"status": "ok"}'


class _UnwellError(Exception):
    """Says what is wrong, in short words; never leaves this module."""


@click.command("health", cls=Command, short_help="Ask the running gateway whether it answers.")
@click.option("--admin", metavar="HOST:PORT", help="The admin listener, where serve was told it by a flag.")
@output_option
@pass_surroundings
def health(surroundings: Surroundings, admin: str | None, form: Form) -> int:
    """Ask the running gateway whether it answers: exit code 0 if so, else 1 and why not.

    It says nothing of upstreams and the store: that is /readyz, and keyhatch doctor.
    """
    trouble, where, is_well = "", "", False
    try:
        address, tls = _listener(surroundings, admin)
        where = f"{door(address, tls=tls)}{_PAGE}"
        _ask(callable_at(address), tls=tls)
        is_well = True
    except ConfigError as error:
        trouble = "; ".join(map(str, error.problems))
    except _UnwellError as unwell:
        trouble = str(unwell)
    if form == "json":
        data_json({"status": "ok" if is_well else "failed", "asked": where, "detail": trouble})
    else:
        data(": ".join(word for word in ("ok" if is_well else "failed", where, trouble) if word))
    return ExitCode.DONE if is_well else ExitCode.FAILED


def _listener(surroundings: Surroundings, admin: str | None) -> tuple[Address, bool]:
    path = find_config(surroundings.config, surroundings.environ, Path())
    flags = all_flags(surroundings, {} if admin is None else {"server.admin": admin})
    return find_admin(path, surroundings.environ, flags)


def _ask(address: Address, *, tls: bool) -> None:
    if address.port == 0:
        raise _UnwellError(
            "server.admin picks a free port, which cannot be known here: say --admin HOST:PORT"
        )
    try:
        with closing(_connected(address, tls=tls)) as caller:
            caller.sendall(f"GET {_PAGE} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            answer = _all_of(caller)
    except ConnectionRefusedError:
        raise _UnwellError("nobody listens there: the gateway does not run, or listens elsewhere") from None
    except TimeoutError:
        raise _UnwellError(f"no answer within {TIMEOUT_S:g} s") from None
    except OSError as error:
        if _wants_certificate(error):
            return
        raise _UnwellError(error.strerror or str(error)) from None
    if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(_WELL):
        raise _UnwellError("another program answers there, or not this gateway's admin listener")


def _connected(address: Address, *, tls: bool) -> "socket.socket | ssl.SSLSocket":
    caller = socket.create_connection((address.host, address.port), TIMEOUT_S)
    if not tls:
        return caller
    import ssl  # noqa: PLC0415 - hardly anybody has TLS here

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with caller:  # it is the other socket's from here on, or nobody's
        return context.wrap_socket(caller)


def _all_of(caller: socket.socket) -> bytes:
    answer = b""
    while len(answer) < _BYTES_MAX and (more := caller.recv(_BYTES_MAX)):
        answer += more
    return answer


def _wants_certificate(error: OSError) -> bool:
    """Whether the gateway answered, namely that it wants a certificate of whoever asks (`client_ca_file`)."""
    return getattr(error, "reason", None) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
