"""The first bytes of what no parser could read: what is said of it, and what of it may stand in the log.

Nothing is decided by what is found here. The caller is refused in any case; this room only makes the refusal
and the operator's line say more than that something was wrong.
"""

from typing import Final

from gateway.core.refusal import Deny
from gateway.wire.request_head import METHOD, malformed

_TLS: Final = b"\x16\x03"  # a handshake record of any version (RFC 8446 §5.1)


def is_tls(opening: bytes) -> bool:
    """Whether somebody means to speak TLS to a plain port."""
    return opening.startswith(_TLS)


def glimpse(opening: bytes) -> tuple[str, str]:
    """Method and path of a head that could not be read, as far as they can be seen in its first bytes.

    For the operator's log alone: nothing is decided by it. The query stays out, as it does of every log.
    """
    if is_tls(opening):
        return "", ""
    words = opening.lstrip(b"\r\n").partition(b"\r\n")[0].split(maxsplit=2)
    method, target = (*words, b"", b"")[:2]
    path = target.partition(b"?")[0].decode("utf-8", "surrogateescape")
    return method.decode("ascii") if METHOD.fullmatch(method) else "", path


def unreadable(opening: bytes) -> Deny:
    """The refusal of what no parser could read; `opening` is how it began."""
    if is_tls(opening):
        return malformed("this looks like TLS, and this port speaks plain HTTP")
    return malformed("its head cannot be parsed")
