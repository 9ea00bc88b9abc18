"""Header rules that both directions share: what is hop-by-hop, what is ours, what may not be believed.

Rules (RFC 9110 §7.6.1 and the advisories named)
1. Hop-by-hop fields, and every field that `Connection` lists, are dropped before any of ours is added, so
   that a caller cannot make us drop our own (Traefik CVE-2024-45410, Fabio CVE-2025-48865).
2. `Connection` may not take away what frames or addresses the message: those names in its list are ignored.
3. `X-Keyhatch-*` belongs to the gateway in both directions, in any spelling that some upstream would read
   as the same name (oauth2-proxy CVE-2025-64484: `X_Keyhatch_…`), and also when we have nothing to say.
4. Headers that carry another path, method or prefix are dropped unless the peer is a trusted proxy, and so
   is what it says about the caller (oauth2-proxy CVE-2026-40575, Traefik GHSA-6384-m2mw-rf54).
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.core.keys import Network
from gateway.core.policy import is_within, read_address
from gateway.core.request import Headers

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
UNLISTABLE: Final = frozenset({b"content-length", b"cookie", b"host", b"set-cookie", b"transfer-encoding"})
FORWARDED: Final = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto"}
    | {b"x-real-ip"}
)
OVERRIDES: Final = frozenset(
    {
        b"x-forwarded-method",
        b"x-forwarded-path",
        b"x-forwarded-prefix",
        b"x-forwarded-uri",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-middleware-subrequest",
        b"x-original-uri",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
OWN_PREFIX: Final = b"x-keyhatch-"

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of a field, in order."""
    return [value for field, value in headers if field == name]


def tokens(headers: Headers, name: bytes) -> list[bytes]:
    """The comma-separated tokens of a list field, lower case, empty ones left out."""
    parts = b",".join(values(headers, name)).split(b",")
    return [token for part in parts if (token := part.strip(b" \t").lower())]


def dropped_names(headers: Headers) -> frozenset[bytes]:
    """Hop-by-hop names and those that this message's `Connection` lists (rules 1 and 2)."""
    listed = frozenset(tokens(headers, b"connection")) - UNLISTABLE
    return HOP_BY_HOP | listed


def is_own(name: bytes) -> bool:
    """Whether a field name is, or could be read as, one of the gateway's own (rule 3)."""
    return name.replace(b"_", b"-").startswith(OWN_PREFIX)


def request_id_of(headers: Headers) -> str | None:
    """The caller's request id if it sent exactly one that is safe to log and to pass on."""
    found = values(headers, b"x-request-id")
    if len(found) == 1 and _REQUEST_ID.fullmatch(found[0]):
        return found[0].decode("ascii")
    return None


def caller_address(peer: str, headers: Headers, trusted: tuple[Network, ...]) -> str:
    """The address rules are applied to: the peer, or what trusted proxies say about whom they speak for.

    `X-Forwarded-For` is read from the right; the first address that is not itself a trusted proxy is the
    caller. An entry that is no address ends the walk at the hop before it.
    """
    if not trusted or not is_within(peer, trusted):
        return peer
    caller = peer
    for hop in reversed(b",".join(values(headers, b"x-forwarded-for")).split(b",")):
        address = read_address(hop.strip(b" \t").decode("latin-1"))
        if address is None:
            break
        caller = str(address)
        if not is_within(caller, trusted):
            break
    return caller


def without(headers: Headers, names: Iterable[bytes]) -> Headers:
    """The headers without these names and without any of the gateway's own."""
    gone = frozenset(names)
    return tuple((name, value) for name, value in headers if name not in gone and not is_own(name))
