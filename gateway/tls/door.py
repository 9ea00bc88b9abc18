"""What the connections of TLS listeners share: the certificate in force, and what became of handshakes.

A new certificate is for connections that come; those that are open go on under the one they began with.
"""

import ssl
from collections.abc import Mapping
from typing import Final

FAILURES: Final = (
    "plain_http",  # a request in clear text on the port for TLS
    "not_tls",  # other bytes
    "timeout",  # no handshake in time
    "left",  # gone in the middle
    "client_certificate",  # none where one is asked for, or one that cannot be trusted
    "distrusted",  # the caller does not trust our certificate
    "refused",  # no version or cipher in common, or broken bytes
)
"""How a handshake can fail: a closed set, for the metrics."""

_OF_THE_CLIENTS: Final = ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "CERTIFICATE_VERIFY_FAILED")
_DISTRUST: Final = ("UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED")


class TlsDoor:
    """`context` is what new connections are served with, `handshake_s` how long a handshake may take."""

    def __init__(self, context: ssl.SSLContext, handshake_s: float) -> None:
        self.context = context
        self.handshake_s = handshake_s
        self._failures = dict.fromkeys(FAILURES, 0)

    @property
    def failures(self) -> Mapping[str, int]:
        """Handshakes that failed so far, by how."""
        return self._failures

    def failed(self, how: str) -> None:
        """A handshake failed; `how` is one of `FAILURES`."""
        self._failures[how] += 1


def how_failed(error: ssl.SSLError) -> str:
    """Which of `FAILURES` an error in a handshake comes to."""
    reason = getattr(error, "reason", None) or ""
    if reason in _OF_THE_CLIENTS:
        return "client_certificate"
    return "distrusted" if "ALERT" in reason and reason.endswith(_DISTRUST) else "refused"
