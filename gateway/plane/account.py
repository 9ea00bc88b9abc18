"""The account of one exchange: what happened so far, and in the end what the observer is told.

An account is the `Exchange` that is being written: to fill one and copy it at the end would cost 1.5 µs for
each request.
"""

from typing import Final

from gateway.core.decision import Allow
from gateway.core.refusal import Deny
from gateway.core.request import Kind
from gateway.keeper.ports import Exchange
from gateway.wire.trace import trace_id_of

SEEN_CHARS_MAX: Final = 200
_WEBSOCKET: Final = Kind.WEBSOCKET.value


class Account(Exchange):
    """Filled in as things happen. Times are monotonic seconds; `status` 0 means that no head was sent yet.

    `path` of a head that was refused is as it came, at most `SEEN_CHARS_MAX` of it. `peer` is the caller's
    address. `ends_by_closing`: only the closed connection will tell the end of the answer.
    """

    __slots__ = ("allow", "answered_at", "asked_at", "began", "deny", "ends_by_closing", "keep_alive")

    def __init__(
        self,
        request_id: str,
        method: str,
        peer: str,
        began: float,
        *,
        keep_alive: bool,
        path: str = "",
        kind: Kind = Kind.PLAIN,
        parent: bytes | None = None,
    ) -> None:
        self.request_id = request_id
        self.method = method
        self.peer = peer
        self.path = path
        self.kind = kind.value
        self.began = began
        self.keep_alive = keep_alive
        self.allow: Allow | None = None
        self.deny: Deny | None = None
        self.asked_at: float | None = None
        self.answered_at: float | None = None
        self.ends_by_closing = False
        self.route_id = self.upstream = self.key_id = self.key_name = None
        self.reason = self.cut = self.detail = self.first_byte_s = self.own_s = self.span = None
        self.belongs_to(parent)
        self.status = self.bytes_in = self.bytes_out = 0
        self.duration_s = 0.0

    def belongs_to(self, parent: bytes | None) -> None:
        """Note the trace that the caller says it belongs to."""
        self.parent = parent
        self.trace_id = None if parent is None else trace_id_of(parent)

    @property
    def digest(self) -> bytes | None:
        """That of the secret that was let pass."""
        return None if self.allow is None else self.allow.digest or None

    @property
    def is_websocket(self) -> bool:
        """Whether the caller asked for a WebSocket."""
        return self.kind == _WEBSOCKET

    def head_was_sent(self, now: float) -> None:
        """The caller has the upstream's head: all but the wait for the upstream was our own time."""
        if self.asked_at is not None and self.answered_at is not None:
            self.own_s = (self.asked_at - self.began) + (now - self.answered_at)

    def told(self, now: float) -> Exchange:
        """The whole story, for metrics and the access log. Nothing happens after it."""
        allow, deny = self.allow, self.deny
        if deny is not None:
            self.route_id, self.key_id, self.key_name = deny.route_id, deny.key_id, deny.key_name
            self.reason, self.detail = deny.reason, deny.detail
        if allow is not None:
            self.route_id, self.upstream = allow.route.id, allow.route.upstream or None
            if allow.identity is not None:
                self.key_id, self.key_name = allow.identity.key_id, allow.identity.name
        if self.answered_at is not None:
            self.first_byte_s = self.answered_at - self.began
        self.duration_s = now - self.began
        return self
