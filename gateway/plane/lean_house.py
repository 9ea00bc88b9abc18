"""What the parts of a lean plane share, and what they ask of a caller's connection."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from gateway.core.refusal import Deny
from gateway.plane.account import Account
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.http_date import HttpDate
from gateway.plane.lean_answer import AnswerHeads
from gateway.plane.lean_memory import Plans
from gateway.plane.lean_upstream import UpstreamPool

if TYPE_CHECKING:
    from gateway.plane.lean_caller import LeanCaller


class Caller(Protocol):
    """What an exchange asks of the caller's connection."""

    @property
    def unsent_bytes(self) -> int:
        """What was written and has not left yet."""

    def write(self, data: bytes) -> None:
        """Send."""

    def hold_back(self, *, full: bool) -> None:
        """Whether to read no more of the body for now."""

    def exchange_over(self, *, keep: bool, unread: bool) -> None:
        """The answer was written whole; the connection serves on or closes. `unread`: more may be coming."""

    def held_bytes(self) -> bytes:
        """Give up what was received behind the head while the decision was awaited."""

    def go_on(self, rest: bytes) -> None:
        """Take back what of it was not the body's."""

    def hang_up(self, *, reset: bool) -> None:
        """Close without an ending; what has not left yet is thrown away."""

    def tunnel_over(self) -> None:
        """Close once everything was sent."""


class Owner(Protocol):
    """What this half asks of the other."""

    account: Account

    def refuse(self, deny: Deny) -> None:
        """Answer with a refusal; only while no head was sent."""

    def cut(self, cause: str) -> None:
        """Stop in the middle."""

    def finish(self, *, keep: bool, unread: bool) -> None:
        """The upstream's answer was passed on to its end. `unread`: the caller may still be sending."""

    def finish_tunnel(self) -> None:
        """The upstream ended the WebSocket."""

    def accident(self) -> None:
        """Something unexpected was raised; called while it is being handled."""


class House:
    """What all exchanges of a plane share. `quiet` is set whenever something ended while it drains."""

    __slots__ = ("around", "date", "heads", "is_draining", "now", "pool", "quiet")

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.now = around.clock.monotonic
        self.date = HttpDate(around.clock)
        self.pool = UpstreamPool()
        self.heads = AnswerHeads(self.date)
        self.is_draining = False
        self.quiet = asyncio.Event()


class Reception(Protocol):
    """What a connection asks of its plane."""

    ground: Ground
    house: House
    plans: Plans

    def came(self, caller: "LeanCaller") -> bool:
        """Count a connection in; False if there are too many."""

    def went(self, caller: "LeanCaller") -> None:
        """Count it out."""

    def new_request_id(self) -> str:
        """16 hexadecimal characters."""
