"""The account of one exchange: what happened so far, and in the end the `Exchange` for the observer."""

from dataclasses import dataclass
from typing import Final

from gateway.core.decision import Allow
from gateway.core.refusal import Deny
from gateway.core.request import Kind
from gateway.keeper.ports import Exchange

SEEN_CHARS_MAX: Final = 200


@dataclass(slots=True)
class Account:
    """Filled in as things happen. Times are monotonic seconds; `status` 0 means that no head was sent yet.

    `path` of a head that was refused is as it came, at most `SEEN_CHARS_MAX` of it. `peer` is the caller's
    address. `ends_by_closing`: only the closed connection will tell the end of the answer.
    """

    request_id: str
    method: str
    peer: str
    began: float
    keep_alive: bool
    path: str = ""
    kind: Kind = Kind.PLAIN
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

    def head_was_sent(self, now: float) -> None:
        """The caller has the upstream's head: all but the wait for the upstream was our own time."""
        if self.asked_at is not None and self.answered_at is not None:
            self.own_s = (self.asked_at - self.began) + (now - self.answered_at)

    def told(self, now: float) -> Exchange:
        """The whole story, for metrics and the access log."""
        identity = self.allow.identity if self.allow is not None else None
        route = self.allow.route if self.allow is not None else None
        deny = self.deny
        return Exchange(
            request_id=self.request_id,
            kind=self.kind.value,
            method=self.method,
            path=self.path,
            route_id=route.id if route is not None else deny.route_id if deny is not None else None,
            upstream=(route.upstream or None) if route is not None else None,
            key_id=identity.key_id if identity is not None else deny.key_id if deny is not None else None,
            key_name=identity.name if identity is not None else deny.key_name if deny is not None else None,
            peer=self.peer,
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
