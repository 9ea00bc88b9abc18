"""One exchange on the lean plane: a machine that is told what happens and says what to do about it.

No task and no future on the usual way: each step runs inside the callback that brought its cause. The caller
(`lean_caller`) tells of the request and its body, the connection to the upstream (`lean_upstream`) of the
answer, the gatekeeper of a dead key, the sweep of a deadline. What may happen when:

    start ──▶ settling ──▶ linking ──▶ asked ──▶ answering ──▶ over
       │          │            │          │           └──▶ tunnel ──▶ over
       └──────────┴────────────┴──────────┴──▶ refused ──▶ over

Rules
1. Nothing is done for an upstream before the decision was `Allow`; no byte of the caller before it either.
2. A refusal can be said as long as no head was sent (`account.status` is 0); after that all that is left is
   to cut: the caller's connection closes without the body's end, so that a cut answer never looks whole.
3. Whoever is slow holds back the other: a full write buffer on one side pauses reading on the other.
4. The connection to the upstream goes back to the pool only after a clean end of both the request and the
   answer (`Answer.keeps_link`). In every other case it is closed.
5. A request is asked again at most once, and only one that is safe (RFC 9110 §9.2.1) and has no body, on a
   connection of its own, when its connection died before the answer's head was whole.
6. Once over, nothing it is told has any effect, and the observer was told exactly once.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Own
from gateway.plane.account import Account
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.http_date import HttpDate
from gateway.plane.lean_answer import Answer, AnswerHeads
from gateway.plane.lean_framing import Fault
from gateway.plane.lean_plan import Plan
from gateway.plane.lean_upload import TooLarge, Upload
from gateway.plane.lean_upstream import UpstreamLink, UpstreamPool
from gateway.plane.own_reply import reply_bytes
from gateway.wire.own_answers import health, me
from gateway.wire.reply import Reply, refusal
from gateway.wire.request_head import body_too_large, malformed
from gateway.wire.upstream import Upstream
from gateway.wire.websocket import handshake_fault

HELD_BYTES_MAX: Final = 65_536
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREVER: Final = float("inf")

_log: Final = logging.getLogger("gateway.plane")


class Caller(Protocol):
    """What an exchange asks of the caller's connection."""

    @property
    def unsent_bytes(self) -> int:
        """What was written and has not left yet."""

    def write(self, data: bytes) -> None:
        """Send."""

    def hold_back(self, *, full: bool) -> None:
        """Whether to read no more of the body for now."""

    def exchange_over(self, *, keep: bool) -> None:
        """The answer was written whole; the connection serves on or closes."""

    def held_bytes(self) -> bytes:
        """Give up what was received behind the head while the decision was awaited."""

    def go_on(self, rest: bytes) -> None:
        """Take back what of it was not the body's."""

    def hang_up(self, *, reset: bool) -> None:
        """Close without an ending; what has not left yet is thrown away."""

    def tunnel_over(self) -> None:
        """Close once everything was sent."""


class House:
    """What all exchanges of a plane share. `quiet` is set whenever something ended while it drains."""

    __slots__ = ("around", "date", "heads", "is_draining", "now", "pool", "quiet")

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.now = around.clock.monotonic
        self.date = HttpDate(around.clock)
        self.pool = UpstreamPool()
        self.heads = AnswerHeads()
        self.is_draining = False
        self.quiet = asyncio.Event()


class LeanExchange:
    """One request and its answer. `is_tunnel`: a WebSocket was agreed on, bytes pass both ways."""

    __slots__ = (
        "_account",
        "_answer",
        "_caller",
        "_full_bytes",
        "_full_since",
        "_ground",
        "_held",
        "_held_bytes",
        "_house",
        "_is_over",
        "_leave",
        "_link",
        "_plan",
        "_question",
        "_task",
        "_touched",
        "_upload",
        "_upstream",
        "_was_retried",
        "is_tunnel",
    )

    def __init__(
        self, caller: Caller, plan: Plan, ground: Ground, house: House, request_id: str, now: float
    ) -> None:
        self._caller = caller
        self._plan = plan
        self._ground = ground
        self._house = house
        self._account = Account(
            plan.request_id or request_id, plan.method, plan.peer, now, plan.keep_alive, plan.path, plan.kind
        )
        self._answer: Answer | None = None
        self._upload: Upload | None = None
        self._upstream: Upstream | None = None
        self._link: UpstreamLink | None = None
        self._leave: Callable[[], None] | None = None
        self._task: asyncio.Future[None] | None = None
        self._question = b""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._touched = now
        self._full_since: float | None = None
        self._full_bytes = 0
        self._is_over = False
        self._was_retried = False
        self.is_tunnel = False

    # What the caller tells

    @property
    def wants_body(self) -> bool:
        """Whether the request was let pass and its body has not come to its end."""
        return self._upload is not None and not self._upload.is_over

    def start(self, data: bytes) -> bytes:
        """Decide and begin; `data` came behind the head, what is returned came behind the body."""
        self._house.around.observer.exchange_began()
        decision = self._plan.decision
        if isinstance(decision, NeedKey):
            gatekeeper = self._house.around.gatekeeper
            decision = gatekeeper.look(decision, self._plan.before)
            if isinstance(decision, NeedKey):
                self._task = asyncio.ensure_future(self._settle(decision))
                return data
        return self._decided(decision, data)

    def take(self, data: bytes) -> bytes:
        """Bytes of the body, if it `wants_body`; returns what came behind it."""
        upload = self._upload
        if upload is None or upload.is_over:
            return data
        try:
            body, rest = upload.feed(data)
        except Fault:
            self._give_up_on_caller(malformed("the framing of its body is broken"))
            return b""
        except TooLarge:
            self._give_up_on_caller(body_too_large(self._ground.limits.body_bytes_max or 0))
            return b""
        self._touched = self._now()
        if self._link is not None:
            self._link.transport.write(body)
        else:
            self._held.append(body)
            self._held_bytes += len(body)
            if self._held_bytes > HELD_BYTES_MAX:
                self._caller.hold_back(full=True)
        return rest

    def tunnelled(self, data: bytes) -> None:
        """Bytes of the caller's side of a tunnel."""
        self._account.bytes_in += len(data)
        self._touched = self._now()
        if self._link is not None:
            self._link.transport.write(data)

    def caller_is_full(self, *, full: bool) -> None:
        """The caller reads slowly (or again): so is the upstream read."""
        self._full_since = self._now() if full else None
        self._full_bytes = self._caller.unsent_bytes
        self._touched = self._now()
        if self._link is not None:
            self._link.hold_back(full=full)

    def caller_left(self) -> None:
        """The caller's connection is gone. A WebSocket that its caller closes has simply come to its end."""
        if self._is_over:
            return
        if self.is_tunnel:
            if self._link is not None:
                self._link.finish()
                self._link = None
        else:
            self._account.cut = "caller_gone"
        self._end()

    # What the gatekeeper tells

    def end_by_key(self, deny: Deny) -> None:
        """The key died: say so while it can be said, else cut."""
        self._leave = None
        if self._is_over:
            return
        if self._account.status:
            self.cut("key_ended")
        else:
            self._account.keep_alive = False
            self._refuse(deny)

    async def _settle(self, need: NeedKey) -> None:
        """Ask the store, and go on in the same step: a revocation must not slip in between."""
        decision = await self._house.around.gatekeeper.settle(need)
        self._task = None
        if self._is_over:
            return
        try:
            rest = self._decided(decision, self._caller.held_bytes())
        except Exception:  # noqa: BLE001 - an accident must end in a refusal, never in silence
            self.accident()
        else:
            self._caller.go_on(rest)

    # What the upstream tells

    def linked(self, link: UpstreamLink) -> None:
        """A new connection to the upstream is there."""
        self._task = None
        if self._is_over:
            link.abort()
            return
        self._ask(link)
        self._caller.hold_back(full=link.is_full)

    def not_linked(self, fault: OSError) -> None:
        """None could be made."""
        self._task = None
        if not self._is_over:
            self._warn(str(fault.strerror or type(fault).__name__))
            self._refuse(Deny(Reason.UPSTREAM_UNREACHABLE))

    def answered(self, data: bytes) -> None:
        """The upstream sent something."""
        answer, account = self._answer, self._account
        now = self._touched = self._now()
        if self.is_tunnel or answer is None:
            account.bytes_out += len(data)
            self._caller.write(data)
            return
        may_keep = account.keep_alive and not self.wants_body and not self._house.is_draining
        try:
            out = answer.feed(data, may_keep=may_keep)
        except Fault as fault:
            self._give_up_on_upstream(str(fault))
            return
        if not account.status:
            if answer.head is None:
                return
            account.answered_at = now
            if answer.head.status == 101:
                self._upgrade(answer)
                return
            account.status = answer.head.status
            account.ends_by_closing = answer.ends_by_closing
            self._caller.write(out)
            account.head_was_sent(self._now())
        elif out:
            self._caller.write(out)
        if answer.is_over:
            self._finish(answer)

    def link_ended(self, fault: Exception | None) -> None:
        """The upstream ended the connection."""
        self._link = None
        answer = self._answer
        if self._is_over or answer is None:
            return
        if self.is_tunnel:
            self._end()
            self._caller.tunnel_over()
        elif answer.is_begun:
            self._last_word(answer, fault)
        elif self._may_ask_again() and self._upstream is not None:
            self._was_retried = True
            self._new_answer()
            self._held.append(self._question)
            self._account.asked_at = self._now()
            self._dial(self._upstream)
        else:
            what = "closed the connection without answering"
            if fault is not None:
                what = "broke the connection before answering"
            self._refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))

    def upstream_is_full(self, *, full: bool) -> None:
        """The upstream reads slowly (or again): so is the caller read."""
        self._touched = self._now()
        self._caller.hold_back(full=full)

    # What time tells

    def expire(self, now: float) -> float:
        """Act on a deadline that has passed; returns when to ask again."""
        at, act = self._deadline()
        if now < at:
            return at
        act()
        return now

    def _deadline(self) -> tuple[float, Callable[[], None]]:
        upstream, limits = self._upstream, self._ground.limits
        if upstream is None:
            return _FOREVER, self._end  # the gatekeeper has a deadline of its own
        if self._link is None:
            at = (self._account.asked_at or 0.0) + upstream.timeout_connect_s
            return at, lambda: self._refuse(Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"}))
        if self._full_since is not None:
            return self._full_since + limits.idle_timeout_s, self._look_at_slow_caller
        if self._account.status:
            return self._touched + upstream.timeout_idle_s, lambda: self.cut("upstream_idle")
        if self.wants_body and not self._link.is_full:
            limit = f"{limits.idle_timeout_s:g}"
            late = Deny(Reason.REQUEST_TIMEOUT, {"limit": limit})
            return self._touched + limits.idle_timeout_s, lambda: self._give_up_on_caller(late)
        at = self._touched + upstream.timeout_first_byte_s
        return at, lambda: self._refuse(Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "first_byte"}))

    def _look_at_slow_caller(self) -> None:
        """Who reads slowly may go on; who takes nothing at all must not hold what it was given for ever."""
        left = self._caller.unsent_bytes
        if left >= self._full_bytes:
            self.cut("caller_idle")
        else:
            self._full_bytes, self._full_since = left, self._now()

    def cut(self, cause: str) -> None:
        """Stop in the middle; `cause` is one of `Exchange.cut`'s."""
        if self._is_over:
            return
        self._account.cut = cause
        reset = self._account.ends_by_closing
        self._end()
        self._caller.hang_up(reset=reset)

    def accident(self) -> None:
        """Something unexpected happened: it is logged, and ends in a refusal or a cut, never in silence."""
        _log.exception("request %s met something unexpected", self._account.request_id)
        if self._is_over:
            return
        if self._account.status:
            self.cut("upstream_cut")
        else:
            self._refuse_for_accident()

    # The steps

    def _decided(self, decision: Decision, data: bytes) -> bytes:
        if isinstance(decision, Allow):
            account = self._account
            account.allow = self._plan.before = decision
            self._leave = self._house.around.gatekeeper.attend(decision, self.end_by_key)
            if decision.route.own is None:
                return self._forward(decision, data)
        data = self._skim(data)
        if isinstance(decision, Deny):
            self._refuse(decision)
        elif isinstance(decision, Allow):
            self._answer_ourselves(decision)
        return data

    def _skim(self, data: bytes) -> bytes:
        """Nobody wants the body: if all of it is here already, the connection may live on."""
        plan = self._plan
        if not plan.has_body:
            return data
        upload = Upload(plan.content_length, chunked=plan.chunked, most=None)
        try:
            _, rest = upload.feed(data)
        except Fault:
            rest = b""
        if not upload.is_over:
            self._account.keep_alive = False
            return b""
        return rest

    def _forward(self, allow: Allow, data: bytes) -> bytes:
        plan, account = self._plan, self._account
        upstream = self._upstream = plan.upstream
        if upstream is None:
            raise KeyError(f"there is no upstream '{allow.route.upstream}'")
        self._new_answer()
        said = plan.identity_lines(allow.identity)
        self._question = b"%b%bx-request-id: %b\r\n\r\n" % (
            plan.lead,
            said,
            account.request_id.encode("ascii"),
        )
        self._held.append(self._question)
        if plan.has_body:
            most = self._ground.limits.body_bytes_max
            self._upload = Upload(plan.content_length, chunked=plan.chunked, most=most)
            if plan.expects_continue:
                self._caller.write(_CONTINUE)
            data = self.take(data) if data else b""
            if self._is_over:
                return data
        account.asked_at = self._touched = self._now()
        link = self._house.pool.lend(upstream, account.asked_at)
        if link is None:
            self._dial(upstream)
        else:
            self._ask(link)
        return data

    def _new_answer(self) -> None:
        plan, allow = self._plan, self._account.allow
        identified = allow is not None and allow.identity is not None
        self._answer = Answer(
            self._house.heads,
            self._account.request_id,
            plan.version,
            is_head=plan.is_head,
            identified=identified,
        )

    def _dial(self, upstream: Upstream) -> None:
        self._task = self._house.pool.dial(upstream, self)

    def _ask(self, link: UpstreamLink) -> None:
        link.user, self._link = self, link
        held = self._held
        link.transport.write(held[0] if len(held) == 1 else b"".join(held))
        self._held, self._held_bytes = [], 0
        self._touched = self._now()

    def _upgrade(self, answer: Answer) -> None:
        assert answer.head is not None  # noqa: S101 - a 101 was read
        fault: str | None = "switched protocols unasked"
        if self._plan.kind is Kind.WEBSOCKET:
            fault = handshake_fault(self._plan.asked, answer.head.fields)
        if fault is not None:
            self._refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": fault}))
            return
        self.is_tunnel = True
        self._account.status = 101
        self._account.keep_alive = False
        self._account.bytes_out += len(answer.rest)
        self._caller.write(answer.switched() + answer.rest)
        self._account.head_was_sent(self._now())
        self._caller.go_on(b"")

    def _last_word(self, answer: Answer, fault: Exception | None) -> None:
        """The connection ended while an answer was under way: that may have been its end."""
        try:
            out = answer.end(fault)
        except Fault as cut:
            self._warn(f"the answer was cut: {cut}")
            self.cut("upstream_cut")
            return
        if out:
            self._caller.write(out)
        self._finish(answer)

    def _may_ask_again(self) -> bool:
        return not self._was_retried and self._upload is None and self._plan.method in _SAFE

    def _finish(self, answer: Answer) -> None:
        is_clean = not self.wants_body
        link, self._link = self._link, None
        if link is not None:
            if answer.keeps_link and is_clean:
                link.release(self._now())
            else:
                link.abort()
        self._end()
        self._caller.exchange_over(keep=answer.keeps_caller and is_clean)

    def _give_up_on_caller(self, deny: Deny) -> None:
        if self._account.status:
            self.cut("caller_gone")
        else:
            self._refuse(deny)

    def _give_up_on_upstream(self, rule: str) -> None:
        self._warn(rule)
        if self._account.status:
            self.cut("upstream_cut")
        else:
            self._refuse(Deny(Reason.UPSTREAM_PROTOCOL))

    def _refuse_for_accident(self) -> None:
        self._account.keep_alive = False
        what = "could not be asked because of a fault in the gateway"
        self._refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))

    def _refuse(self, deny: Deny) -> None:
        self._account.deny = deny
        reply = refusal(deny, self._account.request_id, self._house.around.gatekeeper.prefix)
        if reply.close:
            self._account.keep_alive = False
        self._send(reply)

    def _answer_ourselves(self, allow: Allow) -> None:
        if allow.route.own is Own.ME:
            self._task = asyncio.ensure_future(self._tell_holder(allow))
        else:
            self._send(health(self._account.request_id))

    async def _tell_holder(self, allow: Allow) -> None:
        around = self._house.around
        key = await around.gatekeeper.record_of(allow)
        self._task = None
        if not self._is_over:
            self._send(me(key, around.clock.now(), self._account.request_id))

    def _send(self, reply: Reply) -> None:
        """An answer of our own: the end of the exchange."""
        account, plan = self._account, self._plan
        if plan.kind is Kind.WEBSOCKET or self.wants_body or self._house.is_draining:
            account.keep_alive = False
        account.status = reply.status
        account.bytes_out = 0 if plan.is_head else len(reply.body)
        date = self._house.date()
        self._caller.write(reply_bytes(reply, date, is_head=plan.is_head, keep_alive=account.keep_alive))
        self._end()
        self._caller.exchange_over(keep=account.keep_alive)

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        account = self._account
        if self._leave is not None:
            self._leave()
        if self._task is not None:
            self._task.cancel()
        if self._link is not None:
            self._link.abort()
        if self._upload is not None:
            account.bytes_in = self._upload.body_bytes
        if self._answer is not None and account.deny is None and not self.is_tunnel:
            account.bytes_out = self._answer.body_bytes
        self._house.around.observer.exchange_ended(account.told(self._now()))
        self._answer = self._link = self._task = self._leave = None
        self._held = []

    def _now(self) -> float:
        return self._house.now()

    def _warn(self, trouble: str) -> None:
        name = "" if self._upstream is None else self._upstream.name
        _log.warning("request %s: upstream '%s': %s", self._account.request_id, name, trouble)
