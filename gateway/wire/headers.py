"""Header rules that both directions share: what is hop-by-hop, what is ours, what may not be believed.

Rules (RFC 9110 §7.6.1 and the advisories named)
1. Hop-by-hop fields, and every field that `Connection` lists, are dropped before any of ours is added, so
   that a caller cannot make us drop our own (Traefik CVE-2024-45410, Fabio CVE-2025-48865).
2. `Connection` may not take away what frames or addresses the message: those names in its list are ignored.
3. `X-Keyhatch-*` belongs to the gateway in both directions, in any spelling that some upstream would read
   as the same name (oauth2-proxy CVE-2025-64484: `X_Keyhatch_…`), and also when we have nothing to say.
   lighttpd hands `X.Keyhatch.Owner` to a script as `HTTP_X_KEYHATCH_OWNER`: every sign may stand for `-`.
4. Claims about the caller, and headers that carry another path, method or prefix, are dropped unless the peer
   is a trusted proxy (oauth2-proxy CVE-2026-40575, Traefik GHSA-6384-m2mw-rf54), again in any spelling. Of a
   trusted proxy the plain spelling alone is taken: `X.Real.IP` is a caller's, which it passed on unseen.
5. An address that a trusted proxy gives but that cannot be read is `unknown`, which lies in no network: the
   proxy's own address must never open a door that is meant for it or for its network.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.core.keys import BODY_CHARS, CHECKSUM_CHARS, Network
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
UNLISTABLE: Final = frozenset(
    {b"content-length", b"cookie", b"host", b"set-cookie", b"transfer-encoding"}
    | {b"sec-websocket-key", b"sec-websocket-version"}
)
REWRITTEN: Final = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})
"""What this hop says itself, whoever said it before."""

CLAIMS: Final = frozenset(
    {
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"forwarded",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-middleware-subrequest",
        b"x-original-host",
        b"x-original-uri",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
"""What only a trusted proxy may say (rule 4), beside everything that begins with `CLAIM_PREFIX`."""

CLAIM_PREFIX: Final = b"x-forwarded-"
OWN_PREFIX: Final = b"x-keyhatch-"
UNKNOWN: Final = "unknown"

_READ_AS: Final = bytes(sign if sign < 128 and chr(sign).isalnum() else ord("-") for sign in range(256))
_WITH_PORT: Final = re.compile(rb"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LIKE_A_KEY: Final = re.compile(rb"_[0-9A-Za-z]{%d}" % (BODY_CHARS + CHECKSUM_CHARS))


def values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of a field, in order."""
    return [value for field, value in headers if field == name]


def tokens(headers: Headers, name: bytes) -> list[bytes]:
    """The comma-separated tokens of a list field, lower case, empty ones left out."""
    return tokens_in(values(headers, name))


def tokens_in(found: list[bytes]) -> list[bytes]:
    """The same of a field's values."""
    if not found:
        return []
    parts = b",".join(found).split(b",")
    return [token for part in parts if (token := part.strip(b" \t").lower())]


def dropped_names(headers: Headers) -> frozenset[bytes]:
    """Hop-by-hop names and those that this message's `Connection` lists (rules 1 and 2)."""
    listed = frozenset(tokens(headers, b"connection")) - UNLISTABLE
    return HOP_BY_HOP if listed <= HOP_BY_HOP else HOP_BY_HOP | listed


def reads_as(name: bytes) -> bytes:
    """A lower-case field name as the most forgiving upstream reads it: every sign may stand for `-`."""
    return name.translate(_READ_AS)


def is_like_a_key(value: bytes) -> bool:
    """Whether something in the form of a key stands in a value, whatever its prefix."""
    return _LIKE_A_KEY.search(value) is not None


def is_own(name: bytes) -> bool:
    """Whether a field name is, or could be read as, one of the gateway's own (rule 3)."""
    return name.translate(_READ_AS).startswith(OWN_PREFIX)


def request_id_of(headers: Headers) -> str | None:
    """The caller's request id if it sent exactly one that is safe to log, to tell and to pass on."""
    found = values(headers, b"x-request-id")
    if len(found) == 1 and _REQUEST_ID.fullmatch(found[0]) and not _LIKE_A_KEY.search(found[0]):
        return found[0].decode("ascii")
    return None


def caller_address(peer: str, headers: Headers, trusted: tuple[Network, ...]) -> str:
    """The address rules are applied to: the peer, or what trusted proxies say about whom they speak for.

    `X-Forwarded-For` is read from the right; the first address that is not itself a trusted proxy is the
    caller. A port behind an address is passed over; what is no address makes the caller `unknown` (rule 5).
    """
    if not trusted or not is_within(peer, trusted):
        return peer
    caller = peer
    for hop in reversed(tokens(headers, b"x-forwarded-for")):
        caller = _address_of(hop)
        if not is_within(caller, trusted):
            break
    return caller


def without_odd_claims(headers: Headers) -> Headers:
    """The headers without claims in a spelling that no proxy writes, but some upstream reads (rule 4)."""
    return tuple(
        (name, value)
        for name, value in headers
        if (read_as := name.translate(_READ_AS)) == name
        or not (read_as in CLAIMS or read_as.startswith(CLAIM_PREFIX))
    )


def _address_of(hop: bytes) -> str:
    match = _WITH_PORT.fullmatch(hop)
    text = hop if match is None else match[1] or match[2]
    return str(read_address(text.decode("latin-1")) or UNKNOWN)


def without(headers: Headers, names: Iterable[bytes], *, begin: tuple[bytes, ...] = ()) -> Headers:
    """The headers without these names, names that `begin` so, and our own, in whatever spelling."""
    gone, begin = names if isinstance(names, frozenset) else frozenset(names), (OWN_PREFIX, *begin)
    kept = []
    for name, value in headers:
        read_as = name.translate(_READ_AS)
        if name not in gone and read_as not in gone and not read_as.startswith(begin):
            kept.append((name, value))
    return tuple(kept)
