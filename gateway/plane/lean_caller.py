"""One caller's connection on the lean plane: heads out of bytes, one exchange at a time, answers in order.

1. A head is taken as a whole or not at all; while it is incomplete it weighs at most `limits.head_bytes_max`
   and is refused as soon as it cannot become one.
2. Pipelined requests wait as bytes, about a head's weight of them, then the connection is read no more. They
   are served one after the other, so their answers are in order.
3. Nothing is served while the caller does not take what it was sent before.
4. Where the caller may still be sending, a last answer is followed by `LINGER_S` of reading what comes and
   throwing it away: closing on unread bytes would reset the connection, and the answer with it (RFC 9112
   §9.6). A connection that ends waits for what was written to be taken, but not for ever.
5. Deadlines are numbers that one sweep compares (`lean_server`), not timers: a request costs none of them.
"""

import asyncio
import logging
from typing import Final, cast

from gateway.core.refusal import Deny, Reason
from gateway.plane.lean_codec import HEAD_END, is_hopeless
from gateway.plane.lean_exchange import LeanExchange
from gateway.plane.lean_forward import Forward
from gateway.plane.lean_house import Reception
from gateway.plane.lean_plan import Plan, refused
from gateway.plane.reset import reset_on_close
from gateway.wire.opening import unreadable
from gateway.wire.request_head import too_large

LINGER_S: Final = 5.0
AT_ONCE_MAX: Final = 16  # pipelined requests served before others get their turn
AT_ONCE_BYTES_MAX: Final = 32_768  # or so many bytes of them
WRITE_BUFFER_BYTES: Final = 65_536
_NEVER: Final = float("inf")

_log: Final = logging.getLogger("gateway.plane")


class LeanCaller(asyncio.Protocol):
    """One connection. `deadline`: when to call `expire`; `idle_since`: when the last exchange ended."""

    __slots__ = (
        "_buffer",
        "_exchange",
        "_head_since",
        "_is_ending",
        "_is_going_on",
        "_is_held_for_bytes",
        "_is_held_for_upstream",
        "_reception",
        "_seen",
        "_unsent",
        "deadline",
        "idle_since",
        "is_full",
        "peer",
        "transport",
    )

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._buffer = b""
        self._exchange: LeanExchange | None = None
        self._head_since: float | None = None
        self._unsent = 0  # bytes that had not left when the last deadline was set
        self._seen = 0  # bytes of an incomplete head that were looked at
        self.idle_since = 0.0
        self._is_going_on = False
        self._is_held_for_bytes = False
        self._is_held_for_upstream = False
        self._is_ending = False
        self.deadline = _NEVER
        self.is_full = False
        self.peer = ""
        self.transport: asyncio.Transport

    @property
    def is_exchanging(self) -> bool:
        """Whether an exchange is under way."""
        return self._exchange is not None

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way, or the end of its answer has not left yet."""
        return self._exchange is not None or self.unsent_bytes > 0

    @property
    def has_begun(self) -> bool:
        """Whether part of a head is here that is not served yet."""
        return self._exchange is None and bool(self._buffer)

    @property
    def _forward(self) -> Forward | None:
        return None if self._exchange is None else self._exchange.forward

    @property
    def unsent_bytes(self) -> int:
        """What was written and has not left yet."""
        return self.transport.get_write_buffer_size()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self.transport = transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        if not self._reception.came(self):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._begin_idle(self._now())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The caller is gone."""
        self._leave()
        self._reception.went(self)

    def eof_received(self) -> None:
        """The caller says no more. It counts as gone: see docs/planes.md."""
        self._leave()

    def data_received(self, data: bytes) -> None:
        """The caller sent something."""
        try:
            self._received(data)
        except Exception:  # noqa: BLE001 - an accident must end in a refusal or a cut, never in silence
            self._accident()

    def pause_writing(self) -> None:
        """The caller does not take more."""
        self.is_full = True
        if (forward := self._forward) is not None:
            forward.caller_is_full(full=True)
        self._unsent = self.unsent_bytes
        self.deadline = min(self.deadline, self._now() + self._reception.ground.limits.idle_timeout_s)

    def resume_writing(self) -> None:
        """It does again."""
        self.is_full = False
        if (forward := self._forward) is not None:
            forward.caller_is_full(full=False)
        if self._exchange is None and self._buffer and not self._is_ending:
            asyncio.get_running_loop().call_soon(self._go_on_now)

    # What the exchange tells

    def write(self, data: bytes) -> None:
        """Send."""
        self.transport.write(data)

    def hold_back(self, *, full: bool) -> None:
        """Whether to read no more of the body for now."""
        self._is_held_for_upstream = full
        self._hold()

    def held_bytes(self) -> bytes:
        """Give up what was received behind the head while the decision was awaited."""
        data, self._buffer = self._buffer, b""
        return data

    def go_on(self, rest: bytes) -> None:
        """Take back what of it was not the body's; in a tunnel all of it is the upstream's."""
        forward = self._forward
        if forward is not None and forward.is_tunnel:
            data, self._buffer = self._buffer, b""
            if data:
                forward.tunnelled(data)
        elif rest and not self._is_ending:
            self._buffer = rest + self._buffer
        self._go_on_now()

    def exchange_over(self, *, keep: bool, unread: bool) -> None:
        """The answer was written whole; the connection serves on or closes. `unread`: more may be coming."""
        self._exchange = None
        house = self._reception.house
        if house.is_draining:
            house.quiet.set()
        if not keep or house.is_draining:
            self._is_held_for_upstream = False
            self._finish(unread=unread)
            return
        self._begin_idle(house.now())
        if self._is_held_for_upstream:
            self._is_held_for_upstream = False
            self._hold()
        if self._buffer:
            self._go_on()

    def hang_up(self, *, reset: bool) -> None:
        """Close without an ending; what has not left yet is thrown away.

        Where closing would be the ending, the connection is reset instead (RFC 9112 §8: a cut must be seen).
        """
        self._exchange = None
        if reset:
            reset_on_close(self.transport)
        if reset or self.unsent_bytes:
            self.transport.abort()
        else:
            self.transport.close()

    def tunnel_over(self) -> None:
        """Close once everything was sent."""
        self._exchange = None
        self._finish(unread=False)

    # What the plane tells

    def expire(self, now: float) -> None:
        """The deadline has passed: act, or set the next one."""
        exchange = self._exchange
        if exchange is not None:
            at = exchange.expire(now)
            if self._exchange is exchange:
                self.deadline = at
        elif self._is_ending or self.is_full:
            self._expire_unsent(now)
        elif self._head_since is not None:
            self._expire_head(now)
        elif now >= self.idle_since + self._reception.ground.limits.idle_timeout_s:
            self._finish(unread=False)
        else:
            self.deadline = self.idle_since + self._reception.ground.limits.idle_timeout_s

    def make_room(self) -> None:
        """Another connection needs the place, and this one is idle."""
        self._throw_away()

    def cut(self) -> None:
        """The gateway stops: end the exchange in the middle."""
        if self._exchange is not None:
            self._exchange.cut("shutdown")
        else:
            self._throw_away()

    # The steps

    def _received(self, data: bytes) -> None:
        if self._exchange is not None:
            data = self._give_to(self._exchange.forward, data)
        if data and not self._is_ending:
            self._buffer = self._buffer + data if self._buffer else data
            self._go_on()

    def _give_to(self, forward: Forward | None, data: bytes) -> bytes:
        """What belongs to the exchange under way goes there; the rest has to wait."""
        if forward is not None and forward.is_tunnel:
            forward.tunnelled(data)
            return b""
        if forward is not None and forward.wants_body and not self._buffer:
            return forward.take(data)
        return data

    def _go_on(self) -> None:
        """Serve what has arrived, until an exchange takes its time or nothing whole is left."""
        if self._is_going_on or self._is_ending or self.transport.is_closing():
            return
        self._is_going_on = True
        left, bytes_left = AT_ONCE_MAX, len(self._buffer) - AT_ONCE_BYTES_MAX
        try:
            while self._buffer and self._exchange is None and not self.is_full:
                left -= 1
                if left < 0 or len(self._buffer) < bytes_left:
                    asyncio.get_running_loop().call_soon(self._go_on_now)
                    break
                if not self._serve_next():
                    break
        finally:
            self._is_going_on = False
        if self._buffer or self._is_held_for_bytes:
            self._hold_for_bytes()

    def _go_on_now(self) -> None:
        try:
            self._go_on()
        except Exception:  # noqa: BLE001 - as in `data_received`
            self._accident()

    def _serve_next(self) -> bool:
        """Serve one request if its head is whole; False if there is nothing more to do now."""
        data = self._buffer
        end = data.find(HEAD_END)
        if end < 0 or data.startswith(b"\r\n"):
            return self._begin_head(data)
        self._head_since, self._seen = None, 0
        reception = self._reception
        plan = reception.plans.of(data[: end + 4], self.peer, reception.ground)
        return self._run(plan, data[end + 4 :])

    def _run(self, plan: Plan, rest: bytes) -> bool:
        reception, now = self._reception, self._now()
        self._buffer = b""
        exchange = LeanExchange(
            self, plan, reception.ground, reception.house, reception.new_request_id(), now
        )
        self._exchange = exchange
        self.deadline = now  # the sweep asks the exchange, which knows
        rest = exchange.start(rest)
        if self._is_ending:
            return False
        self._buffer = rest
        return True

    def _begin_head(self, data: bytes) -> bool:
        """Part of a head, or blank lines before one (RFC 9112 §2.2: a robust server skips one)."""
        limits = self._reception.ground.limits
        if data.startswith(b"\r\n"):
            self._buffer, self._head_since, self._seen = data[2:], None, 0
            return bool(self._buffer)
        seen, self._seen = self._seen, len(data)
        if is_hopeless(data, seen):
            self._refuse(unreadable(data))
        elif len(data) > limits.head_bytes_max:
            self._refuse(too_large("bytes in the head", limits.head_bytes_max))
        elif self._head_since is None:
            self._head_since = self._now()
            self.deadline = min(self.deadline, self._head_since + limits.head_timeout_s)
        return False

    def _expire_head(self, now: float) -> None:
        limits = self._reception.ground.limits
        at = (self._head_since or 0.0) + limits.head_timeout_s
        if now < at:
            self.deadline = at
        else:
            self._refuse(Deny(Reason.REQUEST_TIMEOUT, {"limit": f"{limits.head_timeout_s:g}"}))

    def _refuse(self, deny: Deny) -> None:
        """A head that never became a request."""
        self._head_since, self._seen = None, 0
        self._run(refused(deny, self.peer, self._buffer), b"")

    def _finish(self, *, unread: bool) -> None:
        """Nothing more is served: close, or linger where the caller may still be sending (rule 4)."""
        self._expect_the_end()
        if self.transport.is_closing():
            return
        if unread:
            self._hold()
            self.transport.write_eof()
        else:
            self.transport.close()

    def _expect_the_end(self) -> None:
        self._buffer = b""
        self._is_ending = True
        self._unsent = self.unsent_bytes
        patience_s = self._reception.ground.limits.idle_timeout_s if self._unsent else LINGER_S
        self.deadline = self._now() + patience_s

    def _expire_unsent(self, now: float) -> None:
        """Who takes what was written, however slowly, may go on; who takes nothing is let go."""
        left = self.unsent_bytes
        if left and left < self._unsent:
            self._unsent = left
            self.deadline = now + self._reception.ground.limits.idle_timeout_s
        else:
            self._throw_away()

    def _throw_away(self) -> None:
        """Close at once. Where something has not left, that is seen: closing might pass for its ending."""
        if self.unsent_bytes:
            reset_on_close(self.transport)
        self.transport.abort()

    def _begin_idle(self, now: float) -> None:
        self.idle_since = now
        self.deadline = now + self._reception.ground.limits.idle_timeout_s

    def _hold_for_bytes(self) -> None:
        is_much = len(self._buffer) > self._reception.ground.limits.head_bytes_max
        if is_much is not self._is_held_for_bytes:
            self._is_held_for_bytes = is_much
            self._hold()

    def _hold(self) -> None:
        """Read on or not, whatever the reasons are."""
        should = (self._is_held_for_bytes or self._is_held_for_upstream) and not self._is_ending
        if self.transport.is_closing():
            return
        if should is self.transport.is_reading():
            if should:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _leave(self) -> None:
        exchange, self._exchange = self._exchange, None
        self._expect_the_end()
        if exchange is not None:
            exchange.caller_left()

    def _accident(self) -> None:
        if self._exchange is not None:
            self._exchange.accident()
        else:
            _log.exception("a caller's connection met something unexpected")
            self.transport.abort()

    def _now(self) -> float:
        return self._reception.house.now()
