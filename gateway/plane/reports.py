"""What a plane reports of an upstream's targets, and in which words: to their standings, and to the log.

What is said of trouble never holds an address: it is shown in the console, too.
"""

import logging
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from gateway.wire.targets import Standing, State
from gateway.wire.upstream import Upstream

_log: Final = logging.getLogger("gateway.plane")
LATE: Final = "it takes no connection in time (timeouts.connect)"
DRAINED: Final = "every target is drained: keyhatch upstreams resume takes one back"
_STATES: Final[Mapping[State, str]] = {
    State.UP: "is up again",
    State.DOWN: "is down",
    State.EJECTED: "is left out for a time",
    State.DRAINED: "is drained",
}
_HANDSHAKE: Final[Mapping[str, str]] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a certificate: set tls.cert_file and tls.key_file",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who signed our client certificate: see tls.cert_file",
    "WRONG_VERSION_NUMBER": "it speaks no TLS there: its url should begin with http://",
}
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NO_NAME: Final = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def failed(upstream: Upstream, standing: Standing, now: float, why: str) -> None:
    """A request found nobody at this target, or no answer."""
    tell(upstream.name, standing, standing.failed(now, upstream.eject, why))


def worked(upstream: Upstream, standing: Standing, now: float) -> None:
    """A request was answered; to be called where `standing.failures` says that there is news in it."""
    tell(upstream.name, standing, standing.worked(now))


def tell(upstream: str, standing: Standing, state: State | None) -> None:
    """Write a change into the log; None: there was none."""
    if state is None:
        return
    what = f"upstream '{upstream}': target '{standing.target.name}' {_STATES[state]}"
    if state is State.UP:
        _log.warning("%s", what)
    else:
        _log.warning("%s: %s", what, standing.last_error)


def warn(request_id: str, upstream: Upstream, standing: Standing | None, trouble: str) -> None:
    """Tell of trouble that one request met; which target it was, where there are several."""
    who = f"'{upstream.name}'"
    if standing is not None and upstream.crew.only is None:
        who += f" target '{standing.target.name}'"
    _log.warning("request %s: upstream %s: %s", request_id, who, trouble)


def why_not(fault: BaseException) -> str:
    """Why no connection could be made, and what to do about it where that can be known."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _why_unverified(fault)
    if isinstance(fault, ssl.SSLError):
        reason = fault.reason or "no TLS"
        return f"the TLS handshake failed: {_HANDSHAKE.get(reason, reason.lower().replace('_', ' '))}"
    if isinstance(fault, socket.gaierror):
        return "its name leads nowhere: see the name server, or its url"
    if isinstance(fault, FileNotFoundError):
        return "there is no such Unix socket: is it started?"
    if isinstance(fault, TimeoutError):
        return LATE
    if isinstance(fault, OSError) and fault.errno:
        return os.strerror(fault.errno)  # not its own words: they may hold the address
    return type(fault).__name__


def _why_unverified(fault: ssl.SSLCertVerificationError) -> str:
    what = f"its certificate cannot be verified ({fault.verify_message}): "
    if fault.verify_code == _EXPIRED:
        return what + "renew it"
    if fault.verify_code in _NO_NAME:
        return what + "tls.server_name can say which name it holds"
    return what + "tls.ca_file can name the authority that signed it"
