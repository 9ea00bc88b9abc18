"""Upstreams: does somebody listen there, and does it speak HTTP? Asked side by side, without a credential."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.config.tls_files import UnusableError
from gateway.plane.reports import why_not
from gateway.service.compile import ground_of
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream

TIMEOUT_S: Final = 3.0
AT_ONCE: Final = 16


def look(patient: Patient) -> Iterator[Finding]:
    """One finding for each target of each upstream."""
    loaded = patient.loaded
    try:
        upstreams = ground_of(loaded.settings, base_dir=loaded.base_dir).upstreams.values()
    except UnusableError as error:
        yield fail("upstreams", f"tls.{error.field} {error}", "mend it: keyhatch check names its place")
        return
    every = [(upstream, target) for upstream in upstreams for target in upstream.targets]
    with ThreadPoolExecutor(AT_ONCE) as together:
        yield from together.map(lambda each: _ask(*each), every)


def _ask(upstream: Upstream, target: UpstreamTarget) -> Finding:
    what, host = f"upstream {upstream.name}", target.host
    if upstream.crew.only is None:
        what += f" target {target.name}"
    where = target.path or f"{host} port {target.port}"
    try:
        with _connected(target) as raw:
            first = _first_bytes(raw, target)
    except ssl.SSLError as error:
        return fail(
            what,
            f"{where} is not trusted or speaks no TLS: {why_not(error)}",
            "mend its certificate or the url",
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


def _connected(target: UpstreamTarget) -> socket.socket:
    if not target.path:
        return socket.create_connection((target.host, target.port), TIMEOUT_S)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_S)
    try:
        connection.connect(target.path)
    except OSError:
        connection.close()
        raise
    return connection


def _first_bytes(raw: socket.socket, target: UpstreamTarget) -> bytes | None:
    """The beginning of its answer to a plain question; None if it stays silent."""
    connection = raw
    if target.scheme == "https":
        context = None if target.tls is None else target.tls.context
        name = None if target.tls is None else target.tls.server_name
        connection = (context or ssl.create_default_context()).wrap_socket(
            raw, server_hostname=name or target.host
        )
    head = (
        f"HEAD / HTTP/1.1\r\nHost: {target.authority}\r\n"
        "User-Agent: keyhatch-doctor\r\nConnection: close\r\n\r\n"
    )
    try:
        connection.sendall(head.encode("ascii"))
        return connection.recv(16)
    except TimeoutError:
        return None
    finally:
        connection.close()
