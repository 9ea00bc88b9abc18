"""What a lean plane remembers of request heads, so that a request like the one before costs little.

A caller's library sends the same head again and again, or one that differs in the first line, the length
of the body and the trace alone. What follows from the bytes, while routes and limits stay as they are, is
worked out once (`lean_plan`). Whether the key stands is asked for each request anew.

1. Whole plans are found by the SHA-256 of the head and by the peer. Passages are found by the SHA-256 of all
   but the first line, the digits of `Content-Length` and the `traceparent`, by the peer and by the route.
   Neither name, nor what is found, holds a credential: a dump of the memory shows no caller's key from here.
2. A passage stands only for requests that would come to it by themselves: a plain first line (`_LINE`, a
   part of what the parser and `core.request` take), at most one length, in plain spelling and within the
   limits, a path on the same route, and nothing in the target that might be a credential. Anything else is
   read from its beginning: a length in another spelling is not seen here, and a body that is not seen is
   read as the next request.
3. All of it is bounded: `PLANS_MAX` in two generations, heads up to `HEAD_BYTES_KEPT_MAX`. A plan is kept
   when its head comes for the second time, so whoever sends ever new first lines pushes nobody's plans out.
4. A reload, another route table or a change of what was imported (`Gatekeeper.ours`) forgets everything.
5. What is refused with a closed connection, what a fault caused, WebSockets, and whatever showed a
   credential in its address are never kept.

Measured with 4 fields on CPython 3.11, without system calls, for a whole exchange: 8 µs with a plan that is
found, 17 µs with a passage that is found, 62 µs with neither.
"""

import re
from hashlib import sha256
from typing import Final, Generic, TypeVar

from gateway.core.decision import Decision
from gateway.core.refusal import Deny, Reason
from gateway.core.request import SAFE, Kind, read_target
from gateway.core.routes import Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.contract import Ground
from gateway.plane.lean_plan import Passage, Plan, first_line, make_plan
from gateway.wire.reply import TABLE
from gateway.wire.trace import IDS

PLANS_MAX: Final = 2_048
HEAD_BYTES_KEPT_MAX: Final = 2_048
_HEAD_BYTES_LEAST: Final = 2 * HEAD_BYTES_KEPT_MAX  # so that no head that may be kept can be too heavy

_LINE: Final = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!$&'()*+,\-./0-9:;=?@A-Z_a-z~]*) HTTP/1\.1\r\n"
)
_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,18})\r\n")
_TRACED: Final = b"raceparent: 00-"
_PARENT: Final = re.compile(rb"\r\n[Tt]raceparent: (00-%b)\r\n" % IDS)

K = TypeVar("K")
V = TypeVar("V")

_PassageName = tuple[bytes, bool, bool, str, str]
"""The fields but for the length and the trace, whether there is none of each, the peer, the route."""


class Recent(Generic[K, V]):
    """What was used lately: at most `most` entries in two generations, of which the older goes as a whole."""

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, name: K) -> V | None:
        """What was put there, if it is still here."""
        value = self._young.get(name)
        if value is None and (value := self._old.pop(name, None)) is not None:
            self.put(name, value)
        return value

    def put(self, name: K, value: V) -> None:
        """Remember it."""
        if len(self._young) >= self._half:
            self._young, self._old = {}, self._young
        self._young[name] = value

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}


class Plans:
    """The plans of one plane."""

    def __init__(self, gatekeeper: Gatekeeper, ground: Ground) -> None:
        self._gatekeeper = gatekeeper
        self._ground = ground
        self._table: RouteTable = gatekeeper.table
        self._ours = gatekeeper.ours
        self._plans: Recent[tuple[bytes, str], Plan] = Recent(PLANS_MAX)
        self._passages: Recent[_PassageName, Passage] = Recent(PLANS_MAX)
        self._seen: Recent[tuple[bytes, str], tuple[()]] = Recent(PLANS_MAX)

    def of(self, raw: bytes, peer: str, ground: Ground) -> Plan:
        """The plan for one whole head from this peer."""
        keeper = self._gatekeeper
        if ground is not self._ground or keeper.table is not self._table or keeper.ours is not self._ours:
            self._forget(ground)
        if len(raw) > HEAD_BYTES_KEPT_MAX:
            return make_plan(raw, peer, ground, self._gatekeeper)
        name = (sha256(raw).digest(), peer)
        plan = self._plans.get(name)
        if plan is None:
            plan = self._fill(raw, peer)
            if self._seen.get(name) is None:
                self._seen.put(name, ())
            elif _may_be_kept(plan):
                self._plans.put(name, plan)
        return plan

    def _forget(self, ground: Ground) -> None:
        self._ground, self._table, self._ours = ground, self._gatekeeper.table, self._gatekeeper.ours
        self._plans.clear()
        self._passages.clear()
        self._seen.clear()

    def _fill(self, raw: bytes, peer: str) -> Plan:
        """A plan from a known passage, or from the beginning."""
        opening = _LINE.match(raw)
        met = None if opening is None else self._met(*opening.groups())
        if opening is None or met is None:
            return make_plan(raw, peer, self._ground, self._gatekeeper)
        route, path = met
        digest, content_length, parent = _without_what_varies(raw, opening.end() - 2)
        limit = self._ground.limits.body_bytes_max
        if content_length is not None and limit is not None and content_length > limit:
            return make_plan(raw, peer, self._ground, self._gatekeeper)
        name = (digest, content_length is None, parent is None, peer, route.id)
        passage = self._passages.get(name)
        if passage is not None:
            method, target = opening.groups()
            line = first_line(method, route.forwarded(target))
            return Plan(passage, method.decode("ascii"), path, line, content_length, parent)
        plan = make_plan(raw, peer, self._ground, self._gatekeeper)
        is_so = plan.content_length == content_length and plan.parent == parent
        if is_so and _route_id(plan.passage.decision) == route.id and _may_be_kept(plan):
            self._passages.put(name, plan.passage)
        return plan

    def _met(self, method: bytes, raw_target: bytes) -> tuple[Route, str] | None:
        """The route and the path of a target that shows no credential and that nothing is wrong with."""
        limits = self._ground.limits
        if len(raw_target) > limits.target_bytes_max or limits.head_bytes_max < _HEAD_BYTES_LEAST:
            return None
        if self._gatekeeper.may_show(raw_target):
            return None
        if method == b"OPTIONS" and self._table.cors is not None:
            return None  # perhaps a preflight, which comes to what another method's route says
        target = read_target(raw_target)
        if isinstance(target, Deny):
            return None
        verb = method.decode("ascii")
        route = self._table.match(verb, target)
        if isinstance(route, Deny) or (b"?" in raw_target and self._cuts_query(route)):
            return None
        if route.browser_prompt and verb not in SAFE:
            return None  # a page of another site may be let look with these fields, and no more
        return route, target.path

    def _cuts_query(self, route: Route) -> bool:
        """Whether what stands in the query may be a credential of the upstream's, and has to go."""
        upstream = self._ground.upstreams.get(route.upstream)
        return upstream is not None and upstream.injection is not None


def _without_what_varies(raw: bytes, at: int) -> tuple[bytes, int | None, bytes | None]:
    """What names the fields from `at` on, the digits of `Content-Length` and a `traceparent` left out; these.

    A zero byte stands for each: no head that has one of its own was ever let pass.
    """
    parent = None
    if _TRACED in raw and (found := _PARENT.search(raw, at)) is not None:
        parent, (begin, end) = found[1], found.span(1)
        raw = b"%b\0%b" % (raw[:begin], raw[end:])
    found = _LENGTH.search(raw, at)
    if found is None:
        return sha256(raw[at:]).digest(), None, parent
    begin, end = found.span(1)
    return sha256(b"%b\0%b" % (raw[at:begin], raw[end:])).digest(), int(found[1]), parent


def _route_id(decision: Decision) -> str | None:
    return decision.route_id if isinstance(decision, Deny) else decision.route.id


def _may_be_kept(plan: Plan) -> bool:
    decision = plan.passage.decision
    if plan.passage.kind is Kind.WEBSOCKET or plan.passage.address is not None:
        return False
    if not isinstance(decision, Deny):
        return True
    return not TABLE[decision.reason].close and decision.reason is not Reason.STORE_UNAVAILABLE
