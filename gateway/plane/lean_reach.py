"""How one request reaches its upstream on the lean plane: which target, which connection, and what if not.

Rules
1. A target where no connection can be made has been sent nothing: the next one is tried, each once, all of
   them together within the upstream's time to connect. Whoever is tried has an even share of what is left of
   it, so that one that swallows packets does not use it up alone.
2. A request is asked again at most once, and only one that is safe (RFC 9110 §9.2.1) and has no body, on a
   connection of its own and at another target if there is one, when its connection died before the answer's
   head was whole.
3. `busy` of a target counts what is under way there: one up when it is chosen, one down when it is left.
"""

import asyncio
from typing import Final

from gateway.core.decision import Allow
from gateway.core.refusal import Deny, Reason
from gateway.core.request import SAFE
from gateway.plane.lean_house import Caller, House, Owner
from gateway.plane.lean_plan import Plan
from gateway.plane.lean_upload import Upload
from gateway.plane.lean_upstream import UpstreamLink
from gateway.plane.reports import DRAINED, LATE, failed, warn, why_not
from gateway.wire.renaming import addressed
from gateway.wire.request_head import Limits
from gateway.wire.targets import Standing
from gateway.wire.upstream import Upstream

HELD_BYTES_MAX: Final = 65_536


class Reach:
    """The part of `Forward` that ends with the request being sent. It sees to `LinkUser.linked`, too."""

    __slots__ = (
        "_account",
        "_asked_at",
        "_caller",
        "_dial_until",
        "_held",
        "_held_bytes",
        "_house",
        "_is_fresh",
        "_limits",
        "_link",
        "_owner",
        "_plan",
        "_question",
        "_standing",
        "_task",
        "_touched",
        "_tried",
        "_upload",
        "_upstream",
        "_was_retried",
    )

    def __init__(
        self, owner: Owner, caller: Caller, plan: Plan, upstream: Upstream, limits: Limits, house: House
    ) -> None:
        self._owner = owner
        self._account = owner.account
        self._caller = caller
        self._plan = plan
        self._upstream = upstream
        self._limits = limits
        self._house = house
        self._upload: Upload | None = None
        self._link: UpstreamLink | None = None
        self._standing: Standing | None = None
        self._tried: tuple[Standing, ...] = ()
        self._task: asyncio.Future[None] | None = None
        self._question = b""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._asked_at = self._touched = self._dial_until = 0.0
        self._is_fresh = self._was_retried = False

    # What the pool tells

    def linked(self, link: UpstreamLink) -> None:
        """A new connection to the upstream is there."""
        self._task = None
        if not self._is_asking:
            link.abort()
            return
        self._touched = self._house.now()
        self._is_fresh = True
        self._ask(link)

    def not_linked(self, fault: OSError) -> None:
        """None could be made."""
        self._task = None
        if self._is_asking:
            self._try_another(why_not(fault), Deny(Reason.UPSTREAM_UNREACHABLE))

    # What the rest of the exchange does

    @property
    def _is_asking(self) -> bool:
        """Whether somebody still waits for an answer."""
        raise NotImplementedError

    def _new_answer(self, allow: Allow | None) -> None:
        raise NotImplementedError

    # The steps

    def _reach(self, now: float) -> None:
        """Ask the target whose turn it is."""
        crew = self._upstream.crew
        standing = crew.only
        if standing is None or standing.is_drained:
            standing = crew.pick(now)
        if standing is None:
            self._warn(DRAINED)
            self._owner.refuse(Deny(Reason.UPSTREAM_UNREACHABLE))
            return
        self._go_to(standing, now)

    def _go_to(self, standing: Standing, now: float) -> None:
        self._standing = standing
        standing.busy += 1
        link = None if self._was_retried else self._house.pool.lend(standing.origin, now)
        if link is None:
            self._dial(standing, now)
        else:
            self._is_fresh = False
            self._ask(link)

    def _leave_target(self) -> None:
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.busy -= 1

    def _dial(self, standing: Standing, now: float) -> None:
        left_s = self._asked_at + self._upstream.timeout_connect_s - now
        shares = max(1, len(self._upstream.targets) - len(self._tried))
        self._dial_until = now + left_s / shares
        self._task = self._house.pool.dial(standing.target, self)  # type: ignore[arg-type] # as below

    def _dial_is_late(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._try_another(LATE, Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"}))

    def _try_another(self, why: str, deny: Deny) -> None:
        """Nothing was sent there: rule 1."""
        standing, now = self._standing, self._house.now()
        assert standing is not None  # noqa: S101 - it was dialled
        self._warn(why)
        failed(self._upstream, standing, now, why)
        self._leave_target()
        self._tried = (*self._tried, standing)
        another = None
        if now < self._asked_at + self._upstream.timeout_connect_s:
            another = self._upstream.crew.pick(now, self._tried)
        if another is None:
            self._owner.refuse(deny)
        else:
            self._go_to(another, now)

    def _ask(self, link: UpstreamLink) -> None:
        link.user, self._link = self, link  # type: ignore[assignment] # the rest of a user is in `Forward`
        held, was_much = self._held, self._held_bytes > HELD_BYTES_MAX
        if self._upstream.crew.only is None and self._standing is not None:
            held[0] = addressed(held[0], self._upstream, self._standing.target)
        link.transport.write(held[0] if len(held) == 1 else b"".join(held))
        self._held, self._held_bytes = [], 0
        if was_much:
            self._caller.hold_back(full=link.is_full)

    def _unanswered(self, fault: Exception | None) -> None:
        """The connection ended before an answer: rule 2, or a refusal."""
        standing, now = self._standing, self._house.now()
        what = "broke the connection before answering"
        if fault is None:
            what = "closed the connection without answering"
        if standing is not None and self._is_fresh:
            failed(self._upstream, standing, now, f"it {what}")
        if self._was_retried or self._upload is not None or self._plan.method not in SAFE:
            self._owner.refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))
            return
        self._was_retried = True
        self._new_answer(self._account.allow)
        self._held.append(self._question)
        self._account.asked_at = self._asked_at = now
        self._leave_target()
        tried = () if standing is None else (standing,)
        another = self._upstream.crew.pick(now, tried) or self._upstream.crew.pick(now)
        self._tried = ()
        if another is None:
            self._owner.refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))
        else:
            self._go_to(another, now)

    def _warn(self, trouble: str) -> None:
        warn(self._account.request_id, self._upstream, self._standing, trouble)
