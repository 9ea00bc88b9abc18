"""Upstreams: does somebody listen there, and does it speak HTTP? Asked side by side, without a credential."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.service.compile import ground_of
from gateway.wire.upstream import Upstream

TIMEOUT_S: Final = 3.0
AT_ONCE: Final = 16


def look(patient: Patient) -> Iterator[Finding]:
    """One finding for each upstream."""
    upstreams = ground_of(patient.loaded.settings).upstreams.values()
    with ThreadPoolExecutor(AT_ONCE) as together:
        yield from together.map(_ask, upstreams)


def _ask(upstream: Upstream) -> Finding:
    what, host = f"upstream {upstream.name}", upstream.host
    where = f"{host} port {upstream.port}"
    try:
        with socket.create_connection((host, upstream.port), TIMEOUT_S) as raw:
            first = _first_bytes(raw, upstream)
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "no TLS"
        return fail(
            what, f"{where} is not trusted or speaks no TLS ({why})", "mend its certificate or the url"
        )
    except socket.gaierror:
        return fail(what, f"the name {host} leads nowhere", "mend its url, or the name server")
    except TimeoutError:
        return fail(what, f"{where} does not take a connection", "see the network and its firewall")
    except OSError as error:
        return fail(what, f"{where} cannot be reached ({error.strerror})", "start it, or mend its url")
    if first is None:
        return warn(what, f"{where} listens and does not answer", "see whether it is busy or hangs")
    if not first.startswith(b"HTTP/1."):
        return fail(what, f"{where} speaks no HTTP/1.1", "name the server's own HTTP port")
    return ok(what, f"{where} answers")


def _first_bytes(raw: socket.socket, upstream: Upstream) -> bytes | None:
    """The beginning of its answer to a plain question; None if it stays silent."""
    connection = raw
    if upstream.scheme == "https":
        connection = ssl.create_default_context().wrap_socket(raw, server_hostname=upstream.host)
    host = upstream.authority
    head = f"HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: keyhatch-doctor\r\nConnection: close\r\n\r\n"
    try:
        connection.sendall(head.encode("ascii"))
        return connection.recv(16)
    except TimeoutError:
        return None
    finally:
        connection.close()
