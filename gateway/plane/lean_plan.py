"""What a request head comes to, as far as its bytes say: the decision and the upstream's head, prepared.

A plan has two parts. The `Passage` is what follows from a caller's address, its header fields and the route:
the decision as far as it needs no record, and the upstream's header fields as far as they need no identity
and no request id. The rest is what follows from the first line and the length of the body. Neither holds a
caller's key: its digest is in the decision, and what carried the key itself was stripped. The credential that
the gateway holds for an upstream is among the fields (`wire.injection`), and is told to nobody.

What is remembered of plans, and for whom, stands in `lean_memory`.
"""

from typing import TYPE_CHECKING

from gateway.core.decision import Allow, Decision, Identity, NeedKey
from gateway.core.refusal import Deny
from gateway.core.request import Headers, Kind
from gateway.core.routes import RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.account import SEEN_CHARS_MAX
from gateway.plane.contract import Ground
from gateway.plane.lean_codec import fields_in, parse_request
from gateway.plane.lean_framing import Fault
from gateway.wire.by_address import ByAddress, by_address, told_path
from gateway.wire.headers import request_id_of, tokens
from gateway.wire.opening import glimpse, unreadable
from gateway.wire.request_head import Head, Version, read_head, too_large
from gateway.wire.trace import parent_of
from gateway.wire.upstream import Hop, Upstream, identity_fields, lent_to, outline, target_of
from gateway.wire.way_back import WayBack

if TYPE_CHECKING:
    from gateway.wire.cors import Share


class Passage:
    """What one caller's header fields come to on one route; shared by the plans of all such requests.

    `decision` is `NeedKey` where a record has to be looked at, `before` what was last decided. `lead` are the
    upstream's fields up to who calls, `asked` the same for a WebSocket, `back` is the way back of what is
    answered. `request_id` is the caller's own, if it sent one that may be used. `is_lent`: the fields hold a
    credential of the gateway's own; `fault`: there is none that could be lent, and so no `upstream`.
    `shared`: what an answer of our own says to pages of other origins. `address`: where that showed a
    credential; such a plan is never kept.
    """

    __slots__ = (
        "address",
        "asked",
        "back",
        "before",
        "chunked",
        "decision",
        "expects_continue",
        "fault",
        "is_lent",
        "keep_alive",
        "kind",
        "lead",
        "peer",
        "request_id",
        "said",
        "said_of",
        "shared",
        "upstream",
        "version",
    )

    def __init__(self, decision: Decision, peer: str) -> None:
        self.decision = decision
        self.address: ByAddress | None = None
        self.before: Allow | None = None
        self.peer = peer
        self.version: Version = (1, 1)
        self.kind = Kind.PLAIN
        self.keep_alive = False
        self.chunked = False
        self.expects_continue = False
        self.request_id: str | None = None
        self.upstream: Upstream | None = None
        self.is_lent = False
        self.fault: Deny | None = None
        self.lead = b""
        self.back: WayBack | None = None
        self.shared: Headers = ()
        self.asked: Headers = ()
        self.said = b""
        self.said_of: Identity | None = None

    def says(self, identity: Identity | None) -> bytes:
        """The upstream's fields with who calls; kept while the identity is the same object."""
        if identity is not self.said_of or not self.said:
            is_told = self.upstream is None or self.upstream.tells_who
            self.said = self.lead + _lines(identity_fields(identity if is_told else None))
            self.said_of = identity
        return self.said


class Plan:
    """One head's meaning. `line` is the upstream's first line, `content_length` None without a body's length.

    `has_body`: body bytes follow. `parent`: the caller's `traceparent`, if it counts.
    """

    __slots__ = (
        "_said",
        "_says",
        "content_length",
        "has_body",
        "is_head",
        "length",
        "line",
        "method",
        "parent",
        "passage",
        "path",
    )

    def __init__(
        self,
        passage: Passage,
        method: str,
        path: str,
        line: bytes = b"",
        content_length: int | None = None,
        parent: bytes | None = None,
    ) -> None:
        self.passage = passage
        self.method = method
        self.is_head = method == "HEAD"
        self.path = path
        self.line = line
        self.content_length = content_length
        self.parent = parent
        self.length = b"" if content_length is None else b"content-length: %d\r\n" % content_length
        self.has_body = passage.chunked or bool(content_length)
        self._says = self._said = b""

    def question(self, identity: Identity | None, request_id: str, parent: bytes | None = None) -> bytes:
        """The upstream's whole head; `parent` is the `traceparent` to send, if any.

        All but the request id and the trace is kept while the same identity asks.
        """
        says = self.passage.says(identity)
        if says is not self._says:
            self._says, self._said = says, self.line + says + self.length + b"x-request-id: "
        if parent:
            return b"%b%b\r\ntraceparent: %b\r\n\r\n" % (self._said, request_id.encode("ascii"), parent)
        return self._said + request_id.encode("ascii") + b"\r\n\r\n"


def refused(deny: Deny, peer: str, raw: bytes) -> Plan:
    """The plan for what is no request, or not yet one; the log is told what can be seen of it."""
    method, path = glimpse(raw)
    return Plan(Passage(deny, peer), method, path[:SEEN_CHARS_MAX])


def make_plan(raw: bytes, peer: str, ground: Ground, gatekeeper: Gatekeeper) -> Plan:
    """The plan for one whole head (its blank line included) from the socket's address `peer`."""
    limits = ground.limits
    if len(raw) > limits.head_bytes_max:
        return refused(too_large("bytes in the head", limits.head_bytes_max), peer, raw)
    if fields_in(raw) > limits.fields_max:
        return refused(too_large("header fields", limits.fields_max), peer, raw)
    try:
        parts = parse_request(raw)
    except Fault:
        return refused(unreadable(raw), peer, raw)
    table, raw_fields = gatekeeper.table, parts.fields
    line = (parts.method, parts.target, parts.version)
    head = read_head(*line, raw_fields, peer, limits, ground.trusted, slashes=table.takes_slashes)
    if isinstance(head, Deny):
        plan = refused(head, peer, raw)
        plan.parent = parent_of(raw_fields)
        _share(plan.passage, raw_fields, None, table)
        return plan
    return _plan(head, gatekeeper.admit(head.view), peer, ground, table)


def first_line(method: bytes, target: bytes) -> bytes:
    """The first line of the upstream's head."""
    return b"%b %b HTTP/1.1\r\n" % (method, target)


def _plan(head: Head, decision: Decision, peer: str, ground: Ground, table: RouteTable) -> Plan:
    view = head.view
    passage = Passage(decision, view.peer)
    connection = tokens(view.headers, b"connection")
    may = view.kind is not Kind.WEBSOCKET and b"close" not in connection
    passage.version, passage.kind = head.version, view.kind
    passage.keep_alive = may and (head.version >= (1, 1) or b"keep-alive" in connection)
    passage.chunked, passage.expects_continue = head.chunked, head.expects_continue
    passage.request_id = request_id_of(view.headers)
    share = _share(passage, view.headers, decision, table)
    line = b""
    if not isinstance(decision, Deny):
        hop = Hop(peer, "", ground.scheme, ground.trusted, table.hosts, ground.tracer is not None)
        target = _outline(passage, head, decision, hop, ground, share)
        line = first_line(view.method.encode("ascii"), target)
        passage.address = by_address(head, decision.strip)
    length = None if view.kind is Kind.WEBSOCKET else head.content_length
    return Plan(passage, view.method, told_path(view.target.path), line, length, head.parent)


def _outline(
    passage: Passage,
    head: Head,
    decision: Allow | NeedKey,
    hop: Hop,
    ground: Ground,
    share: "Share | None",
) -> bytes:
    """Prepare the upstream's fields; the target that it is sent."""
    upstream = ground.upstreams.get(decision.route.upstream)
    if upstream is None:
        return target_of(head, decision.route, decision.strip)
    lent, strip = lent_to(head, decision.strip, upstream), decision.strip
    more: Headers = ()
    if lent is not None:
        passage.is_lent, passage.fault = lent.is_ours, lent.fault
        strip, more = lent.strip, lent.fields
    target = target_of(head, decision.route, strip)
    if passage.fault is not None:
        return target
    passage.upstream = upstream
    fields = (*outline(head, decision, upstream, hop, strip), *more)
    if head.chunked:
        fields = (*fields, (b"transfer-encoding", b"chunked"))
    passage.lead = _lines(fields)
    passage.back = WayBack(decision.route, upstream, passage.lead, share)
    if passage.kind is Kind.WEBSOCKET:
        passage.asked = fields
    return target


def _share(
    passage: Passage, headers: Headers, decision: Decision | None, table: RouteTable
) -> "Share | None":
    """Whom of other origins answers are shared with, if anybody's are, and what our own say of it."""
    if table.cors is None:
        return None
    from gateway.wire.cors import own_fields, share_of  # noqa: PLC0415 - most have no such pages

    share = share_of(headers, decision, table)
    passage.shared = own_fields(headers, decision, share)
    return share


def _lines(fields: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in fields])
