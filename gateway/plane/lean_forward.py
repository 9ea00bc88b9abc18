"""The upstream's half of an exchange on the lean plane: ask with the caller's body, pass the answer on.

    linking ──▶ asked ──▶ answering ──▶ over
                  │           └──▶ tunnel ──▶ over
                  └──▶ (asked once more) ──▶ …

Rules
1. Whoever is slow holds back the other: a full write buffer on one side pauses reading on the other.
2. The connection to the upstream goes back to the pool only after a clean end of both the request and the
   answer (`Answer.keeps_link`). In every other case it is closed.
3. How the request gets there, and when it is asked again, is told by `lean_reach`.
4. A WebSocket's caller is not heard before the upstream's 101 was checked (RFC 9931); from then on bytes pass
   untouched until one side ends.
5. Time is compared, not waited for: `expire` is asked by the plane's sweep and says when to be asked again.
"""

from collections.abc import Callable
from typing import Final

from gateway.core.decision import Allow
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.plane.lean_answer import Answer
from gateway.plane.lean_framing import Fault
from gateway.plane.lean_house import Caller, House, Owner
from gateway.plane.lean_plan import Plan
from gateway.plane.lean_reach import HELD_BYTES_MAX, Reach
from gateway.plane.lean_upload import TooLarge, Upload
from gateway.plane.reports import worked
from gateway.wire.request_head import Limits, body_too_large, malformed
from gateway.wire.upstream import Upstream, credential_refused
from gateway.wire.websocket import handshake_fault

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_TURNS: Final = frozenset({101, 401})


class Forward(Reach):
    """One allowed request on its way to one upstream and back. `is_tunnel`: a WebSocket was agreed on."""

    __slots__ = ("_answer", "_full_bytes", "_full_since", "is_tunnel")

    def __init__(
        self, owner: Owner, caller: Caller, plan: Plan, upstream: Upstream, limits: Limits, house: House
    ) -> None:
        super().__init__(owner, caller, plan, upstream, limits, house)
        self._answer: Answer | None = None
        self._full_since: float | None = None
        self._full_bytes = 0
        self.is_tunnel = False

    # What the exchange and the caller tell

    @property
    def wants_body(self) -> bool:
        """Whether the body has not come to its end."""
        return self._upload is not None and not self._upload.is_over

    def begin(self, allow: Allow, data: bytes, parent: bytes | None) -> bytes:
        """Ask the upstream; `data` came behind the head, what is returned came behind the body.

        `parent`: the `traceparent` to send, if any.
        """
        plan, account = self._plan, self._account
        self._question = plan.question(allow.identity, account.request_id, parent)
        self._new_answer(allow)
        self._held.append(self._question)
        if plan.has_body:
            self._upload = Upload(
                plan.content_length, chunked=plan.passage.chunked, most=self._limits.body_bytes_max
            )
            if plan.passage.expects_continue:
                self._caller.write(_CONTINUE)
            data = self.take(data) if data else b""
            if self._answer is None:
                return b""  # the body was refused
        now = account.asked_at = self._asked_at = self._touched = self._house.now()
        self._reach(now)
        return data

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
            self._give_up_on_caller(body_too_large(self._limits.body_bytes_max or 0))
            return b""
        self._touched = self._house.now()
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
        self._touched = self._house.now()
        if self._link is not None:
            self._link.transport.write(data)

    def caller_is_full(self, *, full: bool) -> None:
        """The caller reads slowly (or again): so is the upstream read."""
        self._touched = self._house.now()
        self._full_since = self._touched if full else None
        self._full_bytes = self._caller.unsent_bytes
        if self._link is not None:
            self._link.hold_back(full=full)

    def finish_tunnel(self) -> None:
        """The caller ended the WebSocket: what it said last still goes to the upstream."""
        link, self._link = self._link, None
        if link is not None:
            link.finish()

    def stop(self) -> None:
        """It is over; what is still open here is closed."""
        if self._task is not None:
            self._task.cancel()
        if self._link is not None:
            self._link.abort()
        account = self._account
        if self._upload is not None:
            account.bytes_in = self._upload.body_bytes
        if self._answer is not None and account.deny is None and not self.is_tunnel:
            account.bytes_out = self._answer.body_bytes
        self._answer = self._link = self._task = None
        self._leave_target()

    def expire(self, now: float) -> float:
        """Act on a deadline that has passed; returns when to ask again."""
        at, act = self._deadline()
        if now < at:
            return min(at, now + self._shortest_s())  # what happens meanwhile may bring it nearer
        act()
        return now

    # What the upstream tells

    def answered(self, data: bytes) -> None:
        """The upstream sent something."""
        answer, account = self._answer, self._account
        now = self._touched = self._house.now()
        if answer is None or self.is_tunnel:
            account.bytes_out += len(data)
            self._caller.write(data)
            return
        is_first = not account.status
        may_keep = is_first and account.keep_alive and not self.wants_body and not self._house.is_draining
        try:
            out = answer.feed(data, may_keep=may_keep)
        except Fault as fault:
            self._give_up_on_upstream(str(fault))
            return
        if not is_first:
            if out:
                self._caller.write(out)
        elif answer.head is None or (answer.head.status in _TURNS and self._turns(answer, now)):
            return
        else:
            self._has_answered(now)
            account.status = answer.head.status
            account.ends_by_closing = answer.ends_by_closing
            self._caller.write(out)
            account.head_was_sent(self._house.now())
        if answer.is_over:
            self._finish(answer)

    def link_ended(self, fault: Exception | None) -> None:
        """The upstream ended the connection."""
        self._link = None
        answer = self._answer
        if answer is None:
            return
        if self.is_tunnel:
            self._owner.finish_tunnel()
        elif answer.is_begun:
            self._last_word(answer, fault)
        else:
            self._unanswered(fault)

    def upstream_is_full(self, *, full: bool) -> None:
        """The upstream reads slowly (or again): so is the caller read."""
        self._touched = self._house.now()
        self._caller.hold_back(full=full)

    def accident(self) -> None:
        """Something unexpected was raised; called while it is being handled."""
        self._owner.accident()

    # The steps

    @property
    def _is_asking(self) -> bool:
        return self._answer is not None

    def _new_answer(self, allow: Allow | None) -> None:
        passage = self._plan.passage
        self._answer = Answer(
            self._house.heads,
            self._account.request_id,
            passage.version,
            passage.back,
            is_head=self._plan.is_head,
            identified=allow is not None and allow.identity is not None,
            expires_at=None if allow is None else allow.expires_at,
            address=passage.address,
        )

    def _has_answered(self, now: float) -> None:
        self._account.answered_at = now
        standing = self._standing
        if standing is not None and standing.failures:
            worked(self._upstream, standing, now)

    def _turns(self, answer: Answer, now: float) -> bool:
        """Whether the answer is not passed on: it switches protocols, or refuses a credential of ours."""
        is_refused = answer.head is not None and answer.head.status == 401
        if is_refused and not self._plan.passage.is_lent:
            return False
        self._has_answered(now)
        if is_refused:
            self._owner.refuse(credential_refused())
        else:
            self._upgrade(answer)
        return True

    def _upgrade(self, answer: Answer) -> None:
        assert answer.head is not None  # noqa: S101 - a 101 was read
        fault: str | None = "switched protocols unasked"
        if self._plan.passage.kind is Kind.WEBSOCKET:
            fault = handshake_fault(self._plan.passage.asked, answer.head.fields)
        if fault is not None:
            self._owner.refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": fault}))
            return
        account = self._account
        self.is_tunnel = True
        account.status = 101
        account.keep_alive = False
        account.bytes_out += len(answer.rest)
        self._caller.write(answer.switched() + answer.rest)
        account.head_was_sent(self._house.now())
        self._caller.go_on(b"")

    def _last_word(self, answer: Answer, fault: Exception | None) -> None:
        """The connection ended while an answer was under way: that may have been its end."""
        try:
            out = answer.end(fault)
        except Fault as cut:
            self._warn(f"the answer was cut: {cut}")
            self._owner.cut("upstream_cut")
            return
        if out:
            self._caller.write(out)
        self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        is_clean, link = not self.wants_body, self._link
        if link is not None and answer.keeps_link and is_clean and not link.is_full:
            self._link = None
            link.release(self._touched)
        unread = not is_clean or self._plan.passage.kind is Kind.WEBSOCKET
        self._owner.finish(keep=answer.keeps_caller and is_clean, unread=unread)

    def _give_up_on_caller(self, deny: Deny) -> None:
        if self._account.status:
            self._owner.cut("caller_gone")
        else:
            self._account.keep_alive = False
            self._owner.refuse(deny)

    def _give_up_on_upstream(self, rule: str) -> None:
        self._warn(rule)
        if self._account.status:
            self._owner.cut("upstream_cut")
        else:
            self._owner.refuse(Deny(Reason.UPSTREAM_PROTOCOL))

    def _deadline(self) -> tuple[float, Callable[[], None]]:
        upstream, idle_s = self._upstream, self._limits.idle_timeout_s
        if self._link is None:
            return self._dial_until, self._dial_is_late
        if self._full_since is not None:
            return self._full_since + idle_s, self._look_at_slow_caller
        if self._account.status:
            return self._touched + upstream.timeout_idle_s, lambda: self._owner.cut("upstream_idle")
        if self.wants_body and not self._link.is_full:
            late = Deny(Reason.REQUEST_TIMEOUT, {"limit": f"{idle_s:g}"})
            return self._touched + idle_s, lambda: self._give_up_on_caller(late)
        return self._touched + upstream.timeout_first_byte_s, self._answer_is_late

    def _shortest_s(self) -> float:
        """The shortest wait that any step allows: whatever step begins from now on, it ends no earlier."""
        upstream = self._upstream
        answer_s = min(upstream.timeout_first_byte_s, upstream.timeout_idle_s)
        connect_s = upstream.timeout_connect_s / len(upstream.targets)
        return min(connect_s, answer_s, self._limits.idle_timeout_s)

    def _answer_is_late(self) -> None:
        self._owner.refuse(Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "first_byte"}))

    def _look_at_slow_caller(self) -> None:
        """Who reads slowly may go on; who takes nothing at all must not hold what it was given for ever."""
        left = self._caller.unsent_bytes
        if left >= self._full_bytes:
            self._owner.cut("caller_idle")
        else:
            self._full_bytes, self._full_since = left, self._house.now()
