"""Ports: free for a gateway to listen on, or held by one of ours, which is then asked whether it is ready."""

import errno
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Final

from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.cli.doctor.running import runs
from gateway.cli.loading import door
from gateway.config.fields import Address

TIMEOUT_S: Final = 3.0
_OURS: Final = {"proxy": "/.keyhatch/health", "admin": "/readyz"}
_BYTES_MAX: Final = 1_048_576
LAG_MAX_S: Final = 30.0
_LAG: Final = re.compile(rb"^keyhatch_last_used_flush_lag_seconds ([0-9.e+]{1,30})$", re.MULTILINE)


def look(patient: Patient) -> Iterator[Finding]:
    """One finding for each listener, and one for each thing that a running gateway is not ready for."""
    server, is_held = patient.loaded.settings.server, runs(patient)
    is_ours = is_held or patient.loaded.store_path is None
    speaks_tls = {"proxy": server.tls.is_on, "admin": server.tls.admin}
    for name, address in (("proxy", server.proxy), ("admin", server.admin)):
        what = f"port {address} (server.{name})"
        trouble = _bind(address)
        if trouble is None:
            yield ok(what, "free: the gateway that runs listens elsewhere" if is_held else "free")
        elif trouble.errno == errno.EADDRINUSE:
            at = door(address, tls=speaks_tls[name])
            if server.tls.client_ca_file and speaks_tls[name] and is_ours:
                yield ok(what, "held, and not asked: it wants a certificate of whoever asks")
            else:
                yield from _held(what, name, at, is_ours=is_ours)
        else:
            yield fail(
                what,
                f"cannot be had ({trouble.strerror or trouble})",
                f"choose another address for server.{name}",
            )


def _bind(address: Address) -> OSError | None:
    """Take the address for a moment, as a gateway would; nobody is answered meanwhile."""
    try:
        family, kind, _, _, at = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(at)
    except OSError as trouble:
        return trouble
    return None


def _held(what: str, name: str, at: str, *, is_ours: bool) -> Iterator[Finding]:
    status, body = _ask(at + _OURS[name])
    told = _read(body)
    is_proxy = name == "proxy" and status == 200 and told is not None
    is_admin = name == "admin" and told is not None and told.get("status") in ("ready", "not_ready")
    mend = f"stop that, or choose another address for server.{name}"
    if not (is_proxy or is_admin):
        yield fail(what, "held by another program", mend)
    elif not is_ours:
        yield fail(what, "held by a gateway with another store: none holds this one", mend)
    elif is_proxy or told is None:
        yield ok(what, "a gateway serves here")
    else:
        yield from _readiness(what, told)
        yield from _flushing(what, at)


def _flushing(what: str, at: str) -> Iterator[Finding]:
    """Whether last uses reach the disk; that they wait shows nowhere else while all is answered."""
    _, page = _ask(at + "/metrics")
    match = _LAG.search(page)
    lag_s = 0.0 if match is None else float(match[1])
    if lag_s > LAG_MAX_S:
        mend = "see the log, and whether another program has the store locked or its disk is full"
        yield warn(what, f"uses of keys wait to be written since {lag_s:.0f} s", mend)


def _readiness(what: str, told: dict[str, object]) -> Iterator[Finding]:
    if told["status"] == "ready":
        yield ok(what, "a gateway serves here, and is ready")
    checks = told.get("checks")
    for check in checks if isinstance(checks, list) else ():
        state = check.get("state")
        if state == "warning":
            yield warn(what, f"the gateway warns of its {check['name']}: {check['detail']}", "see its log")
        elif state != "ok":
            yield fail(what, f"the gateway is not ready: its {check['name']} ({state})", "see its log")


def _ask(url: str) -> tuple[int, bytes]:
    """Ask our own machine, past any proxy that the environment names.

    Nothing secret is sent, so whose certificate is shown does not matter: it is looked at elsewhere.
    """
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        handlers.append(urllib.request.HTTPSHandler(context=context))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read(_BYTES_MAX)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(_BYTES_MAX)
    except (OSError, ValueError):
        return 0, b""


def _read(body: bytes) -> dict[str, object] | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
