"""The account of one exchange: what happened so far, and in the end the `Exchange` for the observer."""

from dataclasses import dataclass
from typing import Final

from gateway.core.decision import Allow
from gateway.core.refusal import Deny
from gateway.core.request import Kind
from gateway.keeper.ports import Exchange
from gateway.wire.request_head import Head

SEEN_CHARS_MAX: Final = 200


class CutShort(Exception):
    """The answer stopped after its head was sent; `cause` is one of `Exchange.cut`'s."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class Account:
    """Filled in as things happen. Times are monotonic seconds; `status` 0 means that no head was sent yet.

    `seen`: the path of a head that was refused, as it came. `ends_by_closing`: only the closed connection
    will tell the end of the answer.
    """

    request_id: str
    method: str
    peer: str
    began: float
    keep_alive: bool
    seen: str = ""
    head: Head | None = None
    allow: Allow | None = None
    deny: Deny | None = None
    status: int = 0
    ends_by_closing: bool = False
    cut: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    asked_at: float | None = None
    answered_at: float | None = None
    own_s: float | None = None

    @property
    def is_websocket(self) -> bool:
        """Whether the caller asked for a WebSocket."""
        return self.head is not None and self.head.view.kind is Kind.WEBSOCKET

    def head_was_sent(self, now: float) -> None:
        """The caller has the upstream's head: all but the wait for the upstream was our own time."""
        if self.asked_at is not None and self.answered_at is not None:
            self.own_s = (self.asked_at - self.began) + (now - self.answered_at)

    def told(self, now: float) -> Exchange:
        """The whole story, for metrics and the access log."""
        view = self.head.view if self.head is not None else None
        identity = self.allow.identity if self.allow is not None else None
        route = self.allow.route if self.allow is not None else None
        deny = self.deny
        return Exchange(
            request_id=self.request_id,
            kind=(view.kind if view is not None else Kind.PLAIN).value,
            method=self.method,
            path=view.target.path if view is not None else self.seen[:SEEN_CHARS_MAX],
            route_id=route.id if route is not None else deny.route_id if deny is not None else None,
            upstream=(route.upstream or None) if route is not None else None,
            key_id=identity.key_id if identity is not None else deny.key_id if deny is not None else None,
            key_name=identity.name if identity is not None else deny.key_name if deny is not None else None,
            peer=view.peer if view is not None else self.peer,
            status=self.status,
            reason=deny.reason if deny is not None else None,
            cut=self.cut,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            duration_s=now - self.began,
            first_byte_s=None if self.answered_at is None else self.answered_at - self.began,
            own_s=self.own_s,
            detail=deny.detail if deny is not None else None,
        )
