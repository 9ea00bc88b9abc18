"""One exchange on the lean plane: a machine that is told what happens and says what to do about it.

No task and no future on the usual way: each step runs inside the callback that brought its cause. This half
decides, answers for the gateway and keeps the account; `lean_forward` is the half that asks the upstream.

    start ──▶ settling ──▶ forwarding ──▶ over
       └──────────┴─────────────┴──▶ refused ──▶ over

Rules
1. Nothing is done for an upstream before the decision was `Allow`; no byte of the caller before it either.
2. A refusal can be said as long as no head was sent (`account.status` is 0); after that all that is left is
   to cut: the caller's connection closes without the body's end, so that a cut answer never looks whole.
3. An allowed exchange is registered under its key in the same step as the decision: a revocation cannot slip
   in between, also where the store was asked.
4. A refused request's body is not read, except for what is here already; if that is not all of it, the
   connection closes after the refusal.
5. Once over, nothing it is told has any effect, and the observer was told exactly once.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Own
from gateway.plane.account import Account
from gateway.plane.contract import Ground
from gateway.plane.lean_forward import Forward
from gateway.plane.lean_framing import Fault
from gateway.plane.lean_house import Caller, House
from gateway.plane.lean_plan import Plan
from gateway.plane.lean_upload import Upload
from gateway.plane.own_reply import refuse, reply_bytes
from gateway.wire.own_answers import health, me, preflight, server
from gateway.wire.reply import Reply

_ASK_AGAIN_S: Final = 0.5
_OWN: Final[dict[Own | None, Callable[[str], Reply]]] = {
    Own.HEALTH: health,
    Own.SERVER: server,
    Own.PREFLIGHT: preflight,
}

_log: Final = logging.getLogger("gateway.plane")


class LeanExchange:
    """One request and its answer. `forward` is there once the request was let pass to an upstream."""

    __slots__ = (
        "_caller",
        "_ground",
        "_house",
        "_is_over",
        "_is_unread",
        "_leave",
        "_plan",
        "_task",
        "account",
        "forward",
    )

    def __init__(
        self, caller: Caller, plan: Plan, ground: Ground, house: House, request_id: str, now: float
    ) -> None:
        self._caller = caller
        self._plan = plan
        self._ground = ground
        self._house = house
        self._leave: Callable[[], object] | None = None
        self._task: asyncio.Future[None] | None = None
        self._is_over = False
        self._is_unread = False
        self.forward: Forward | None = None
        self.account = Account(
            plan.passage.request_id or request_id,
            plan.method,
            plan.passage.peer,
            now,
            keep_alive=plan.passage.keep_alive,
            path=plan.path,
            kind=plan.passage.kind,
            parent=plan.parent,
        )

    def start(self, data: bytes) -> bytes:
        """Decide and begin; `data` came behind the head, what is returned came behind the body."""
        self._house.around.observer.exchange_began()
        decision = self._plan.passage.decision
        if isinstance(decision, NeedKey):
            gatekeeper = self._house.around.gatekeeper
            decision = gatekeeper.look(decision, self._plan.passage.before)
            if isinstance(decision, NeedKey):
                self._task = asyncio.ensure_future(self._settle(decision))
                return data
        return self._decided(decision, data)

    def caller_left(self) -> None:
        """The caller's connection is gone. A WebSocket that its caller closes has simply come to its end."""
        if self._is_over:
            return
        if self.forward is None or not self.forward.is_tunnel:
            self.account.cut = "caller_gone"
        else:
            self.forward.finish_tunnel()
        self._end()

    def end_by_key(self, deny: Deny) -> None:
        """The key died: say so while it can be said, else cut."""
        self._leave = None
        if self._is_over:
            return
        if self.account.status:
            self.cut("key_ended")
        else:
            self.account.keep_alive = False
            self.refuse(deny)

    def expire(self, now: float) -> float:
        """Act on a deadline that has passed; returns when to ask again."""
        if self.forward is None:
            return now + _ASK_AGAIN_S  # the gatekeeper has a deadline of its own
        return self.forward.expire(now)

    def accident(self) -> None:
        """Something unexpected happened: it is logged, and ends in a refusal or a cut, never in silence."""
        _log.exception("request %s met something unexpected", self.account.request_id)
        if self._is_over:
            return
        if self.account.status:
            self.cut("upstream_cut")
        else:
            self.account.keep_alive = False
            self._is_unread = True
            what = "could not be asked because of a fault in the gateway"
            self.refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))

    # What the upstream's half comes to

    def refuse(self, deny: Deny) -> None:
        """Answer with a refusal; only while no head was sent."""
        reply = refuse(self.account, deny, self._house.around.gatekeeper)
        if reply.close:
            self.account.keep_alive = False
            self._is_unread = True
        self._send(reply)

    def cut(self, cause: str) -> None:
        """Stop in the middle; `cause` is one of `Exchange.cut`'s."""
        if self._is_over:
            return
        self.account.cut = cause
        self._end()
        self._caller.hang_up(reset=self.account.ends_by_closing)

    def finish(self, *, keep: bool, unread: bool) -> None:
        """The upstream's answer was passed on to its end. `unread`: the caller may still be sending."""
        self._end()
        self._caller.exchange_over(keep=keep, unread=unread)

    def finish_tunnel(self) -> None:
        """The upstream ended the WebSocket."""
        self._end()
        self._caller.tunnel_over()

    # The steps

    async def _settle(self, need: NeedKey) -> None:
        """Ask the store, and go on in the same step (rule 3)."""
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

    def _decided(self, decision: Decision, data: bytes) -> bytes:
        if isinstance(decision, Allow):
            self.account.allow = self._plan.passage.before = decision
            self._leave = self._house.around.gatekeeper.attend(decision, self.end_by_key)
            if decision.route.own is None:
                return self._pass_on(decision, data)
        data = self._skim(data)
        if isinstance(decision, Deny):
            self.refuse(decision)
        elif isinstance(decision, Allow):
            self._answer_ourselves(decision)
        return data

    def _pass_on(self, allow: Allow, data: bytes) -> bytes:
        upstream = self._plan.passage.upstream
        if upstream is None:
            fault = self._plan.passage.fault
            if fault is None:
                raise KeyError(f"there is no upstream '{allow.route.upstream}'")
            data = self._skim(data)
            self.refuse(fault)
            return data
        parent = self._plan.parent
        if (tracer := self._ground.tracer) is not None:
            parent = tracer.asks(self.account, upstream, self._house.now() - self.account.began)
        self.forward = Forward(self, self._caller, self._plan, upstream, self._ground.limits, self._house)
        return self.forward.begin(allow, data, parent)

    def _skim(self, data: bytes) -> bytes:
        """Nobody wants the body: if all of it is here already, the connection may live on (rule 4)."""
        plan = self._plan
        if not plan.has_body:
            return data
        upload = Upload(plan.content_length, chunked=plan.passage.chunked, most=None)
        try:
            _, rest = upload.feed(data)
        except Fault:
            rest = b""
        if not upload.is_over:
            self.account.keep_alive = False
            self._is_unread = True
            return b""
        return rest

    def _answer_ourselves(self, allow: Allow) -> None:
        around = self._house.around
        say = _OWN.get(allow.route.own)
        if say is not None:
            self._send(say(self.account.request_id))
        elif (last_use := around.gatekeeper.last_use(allow)) is not None:
            self._send(me(allow.key, around.clock.now(), self.account.request_id, last_use))
        else:
            self._task = asyncio.ensure_future(self._tell_holder(allow))

    async def _tell_holder(self, allow: Allow) -> None:
        around = self._house.around
        key = await around.gatekeeper.record_of(allow)
        self._task = None
        if not self._is_over:
            self._send(me(key, around.clock.now(), self.account.request_id))

    def _send(self, reply: Reply) -> None:
        """An answer of our own: the end of the exchange."""
        account, plan = self.account, self._plan
        is_reading = self.forward is not None and self.forward.wants_body
        self._is_unread = self._is_unread or is_reading or plan.passage.kind is Kind.WEBSOCKET
        if self._is_unread or self._house.is_draining:
            account.keep_alive = False
        account.status = reply.status
        account.bytes_out = 0 if plan.is_head else len(reply.body)
        date = self._house.date()
        more, stays = plan.passage.shared, account.keep_alive
        self._caller.write(reply_bytes(reply, date, more, is_head=plan.is_head, keep_alive=stays))
        self._end()
        self._caller.exchange_over(keep=account.keep_alive, unread=self._is_unread)

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._leave is not None:
            self._leave()
        if self._task is not None:
            self._task.cancel()
        if self.forward is not None:
            self.forward.stop()
        self._house.around.observer.exchange_ended(self.account.told(self._house.now()))
        self._leave = self._task = self.forward = None
