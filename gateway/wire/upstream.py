"""What the upstream is sent: the judged target, the caller's headers less what is ours, then our own.

`compose_head` is the only place where a forwarded head comes from, for every plane. Order of work:

1. Our credential goes, wherever it stood (`Allow.strip`). Where the gateway holds one for the upstream, so
   do the caller's own for it (`wire.injection`).
2. Hop-by-hop fields and those listed by `Connection` go (`wire.headers` rules 1 and 2).
3. `X-Keyhatch-*` goes in any spelling; claims (`wire.headers` rule 4) go unless a trusted proxy made them.
4. Then ours are added: `Host`, identity, `X-Forwarded-*`, `Via`, `X-Request-Id`, the trace (`wire.trace`).
5. `Host`, `Origin` and `X-Forwarded-*` follow the upstream's policies (`wire.addressing`).

The target's bytes are the ones that were judged; only what held our key is cut out of it, and the path is
moved by the route's prefixes (`core.prefixes`), of which the upstream is told.
Body framing (`Content-Length`, `Transfer-Encoding`) is the plane's to add, since it does the framing.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.core.credentials import Strip
from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.hosts import NEAR, Hosts
from gateway.core.keys import Network
from gateway.core.policy import is_within
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind
from gateway.core.routes import Route
from gateway.wire import addressing
from gateway.wire.headers import (
    CLAIM_PREFIX,
    CLAIMS,
    HOP_BY_HOP,
    REWRITTEN,
    dropped_names,
    values,
    without,
    without_odd_claims,
)
from gateway.wire.request_head import Head
from gateway.wire.targets import Balance, Check, Crew, Eject, Tls, UpstreamTarget
from gateway.wire.trace import PARENT, STATE

PREFIX: Final = b"x-forwarded-prefix"
if TYPE_CHECKING:
    from gateway.wire.injection import Injection, Lent

VIA: Final = b"1.1 keyhatch"
_LATER: Final = frozenset({b"host", b"content-length", b"x-request-id"})
_GONE: Final = HOP_BY_HOP | _LATER | REWRITTEN | CLAIMS
_PREFIX: Final = re.compile(rb"(?:/[A-Za-z0-9._~-]+)+")
_SAFE_IN_NAMES: Final = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server behind the gateway: `host` in ASCII (a name in its IDNA form), timeouts in seconds.

    `host_policy`, `origin_policy` and `forwarded` are words of `wire.addressing`, or the text sent as `Host`.
    `targets` are the places where it stands; `scheme`, `host`, `port`, `path` (of a Unix socket) and `tls`
    are those of the first, and make the only one where none is named. `crew` knows how they stand.
    `tells_who`: it is told who calls.
    """

    name: str
    scheme: str
    host: str
    port: int
    timeout_connect_s: float = 5.0
    timeout_first_byte_s: float = 600.0
    timeout_idle_s: float = 300.0
    host_policy: str = addressing.UPSTREAM
    origin_policy: str = addressing.PRESERVE
    forwarded: str = addressing.APPEND
    injection: "Injection | None" = None
    tells_who: bool = True
    path: str = ""
    tls: Tls | None = None
    targets: tuple[UpstreamTarget, ...] = ()
    balance: Balance = "round_robin"
    eject: Eject = Eject()  # noqa: RUF009 - frozen
    check: Check | None = None
    crew: Crew = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Work out what follows."""
        if not self.targets:
            only = UpstreamTarget(self.name, self.scheme, self.host, self.port, self.path, self.tls)
            object.__setattr__(self, "targets", (only,))
        object.__setattr__(self, "crew", Crew(self.targets, self.balance, self.eject))

    @property
    def authority(self) -> str:
        """`host[:port]` of the first target, without the scheme's own port."""
        return self.targets[0].authority


@dataclass(frozen=True, slots=True)
class UpstreamHead:
    """What goes to the upstream: `target` and header values are exactly the bytes to send.

    `is_lent`: they hold a credential of the gateway's own. `fault`: it must not be sent at all.
    """

    method: str
    target: bytes
    headers: Headers = field(repr=False)
    is_lent: bool = False
    fault: Deny | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """What this hop knows itself: the socket's peer, our request id, and which proxies are believed.

    `hosts`: how we are called by who shows no key. `makes_spans`: `traceparent` is said by who makes them.
    """

    peer: str
    request_id: str
    scheme: str = "http"
    trusted: tuple[Network, ...] = ()
    hosts: Hosts = NEAR
    makes_spans: bool = False


def compose_head(head: Head, allow: Allow, upstream: Upstream, hop: Hop) -> UpstreamHead:
    """The head for the upstream, body framing left out. See the module's rules."""
    lent = lent_to(head, allow.strip, upstream)
    identity = allow.identity if upstream.tells_who else None
    ours = (*identity_fields(identity), (b"x-request-id", hop.request_id.encode("ascii")))
    if head.parent is not None and not hop.makes_spans:
        ours = (*ours, (PARENT, head.parent))
    if lent is None:
        headers = (*outline(head, allow, upstream, hop), *ours)
        return UpstreamHead(head.view.method, target_of(head, allow.route, allow.strip), headers)
    headers = (*outline(head, allow, upstream, hop, lent.strip), *lent.fields, *ours)
    target = target_of(head, allow.route, lent.strip)
    return UpstreamHead(head.view.method, target, headers, lent.is_ours, lent.fault)


def lent_to(head: Head, strip: Strip, upstream: Upstream) -> "Lent | None":
    """What a request is lent, and what has to go for it; None where the upstream asks for nothing."""
    if upstream.injection is None:
        return None
    from gateway.wire.injection import lend  # noqa: PLC0415 - most upstreams ask for nothing

    return lend(head.view, strip, upstream.injection)


def credential_refused() -> Deny:
    """The upstream did not take our credential. The caller's key is as good as before, and is not blamed."""
    return Deny(Reason.UPSTREAM_CREDENTIAL_INVALID, {"problem": "refused by the upstream"})


def outline(
    head: Head, decision: Allow | NeedKey, upstream: Upstream, hop: Hop, strip: Strip | None = None
) -> Headers:
    """All of the upstream's fields but who calls, the request id and the trace: the same for a head repeated.

    `strip`: what is left out, where that is more than the decision says.
    """
    view = head.view
    is_believed = bool(hop.trusted) and is_within(hop.peer, hop.trusted)
    is_trusted = is_believed and upstream.forwarded == addressing.APPEND
    dropped = dropped_names(view.headers)
    stripped = (strip or decision.strip).apply(view.headers)
    if is_trusted:
        kept = without_odd_claims(without(stripped, dropped | _LATER | REWRITTEN))
    else:
        gone = _GONE if dropped is HOP_BY_HOP else dropped | _GONE  # a union of four costs 3 µs
        kept = without(stripped, gone, begin=(CLAIM_PREFIX,))
    if head.parent is not None or hop.makes_spans:
        later = (PARENT, STATE) if head.parent is None else (PARENT,)
        kept = tuple(field for field in kept if field[0] not in later)
    host = addressing.host_sent(upstream.host_policy, upstream.authority, head.host)
    if upstream.origin_policy != addressing.PRESERVE:
        kept = _with_origin(kept, host, head, decision, upstream, hop, is_believed=is_believed)
    ours: list[tuple[bytes, bytes]] = []
    if upstream.forwarded != addressing.OFF:
        ours = _forwarded(stripped, hop, is_trusted=is_trusted)
        if prefix := decision.route.strip_prefix.encode("ascii"):
            told = [value for value in values(kept, PREFIX) if _PREFIX.fullmatch(value)]
            kept = without(kept, (PREFIX,))
            ours.append((PREFIX, b"".join((*told[:1], prefix))))
    if view.kind is Kind.WEBSOCKET:
        ours += [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    return ((b"host", host), *kept, *ours, (b"via", VIA))


def _with_origin(
    kept: Headers,
    host: bytes,
    head: Head,
    decision: Allow | NeedKey,
    upstream: Upstream,
    hop: Hop,
    *,
    is_believed: bool,
) -> Headers:
    """`Origin` by the upstream's policy, unless a stranger's page may be asking (`addressing` rule 3)."""
    origins, headers = values(kept, b"origin"), head.view.headers
    if not origins:
        return kept
    told = _first(headers, b"x-forwarded-host") if is_believed else b""
    has_shown = isinstance(decision, NeedKey) or bool(decision.digest)
    is_meant = has_shown and not addressing.is_sent_by_itself(headers, decision.strip)
    if (cors := decision.route.cors) is not None:
        is_meant = is_meant or all(cors.answers(origin.decode("latin-1")) for origin in origins)
    is_ours = has_shown or hop.hosts.hold(head.view.called)
    if not is_meant and (not is_ours or addressing.is_foreign(origins, told or head.host)):
        return kept
    is_gone = upstream.origin_policy == addressing.STRIP
    return addressing.with_origin(kept, None if is_gone else upstream.scheme.encode("ascii") + b"://" + host)


def target_of(head: Head, route: Route, strip: Strip) -> bytes:
    """The judged target's bytes, moved by the route's prefixes; only what held our key is cut out of it."""
    target = head.view.target
    if strip.query is None and strip.path is None:
        return route.forwarded(target.raw)
    path = route.forwarded(target.path.encode("ascii") if strip.path is None else strip.path)
    query = target.query if strip.query is None else strip.query
    return path + b"?" + query if query else path


@lru_cache(1_024)  # two quotings and four encodings: 5 µs
def identity_fields(identity: Identity | None) -> Headers:
    """Who calls, percent-encoded UTF-8 where a name holds more than printable ASCII."""
    if identity is None or identity.key_id is None:
        return ()
    return (
        (b"x-keyhatch-key-id", identity.key_id.encode("ascii")),
        (b"x-keyhatch-key-name", quote(identity.name, safe=_SAFE_IN_NAMES).encode("ascii")),
        (b"x-keyhatch-owner", quote(identity.owner, safe=_SAFE_IN_NAMES).encode("ascii")),
        (b"x-keyhatch-scopes", " ".join(identity.scopes).encode("ascii")),
    )


def _forwarded(headers: Headers, hop: Hop, *, is_trusted: bool) -> list[tuple[bytes, bytes]]:
    """What this hop saw, behind what a trusted proxy told it. A header that would be empty is left out."""
    told = headers if is_trusted else ()
    peer = hop.peer.encode("ascii", "replace")
    said = [
        (b"x-forwarded-for", b", ".join(filter(None, [*values(told, b"x-forwarded-for"), peer]))),
        (b"x-forwarded-proto", _first(told, b"x-forwarded-proto") or hop.scheme.encode("ascii")),
        (
            b"x-forwarded-host",
            _first(told, b"x-forwarded-host") or _first(headers, b"host").removesuffix(b":"),
        ),
    ]
    return [(name, value) for name, value in said if value]


def _first(headers: Headers, name: bytes) -> bytes:
    return next(iter(values(headers, name)), b"")
