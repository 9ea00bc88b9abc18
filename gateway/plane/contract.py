"""What every data plane promises, and what it is given to work with.

A plane reads heads, asks the gatekeeper, and carries out its answer. Routing, judging, header rules, the
upstream's head and the text of refusals live below, so a plane has no `if` about keys. Whatever plane
serves, callers and upstreams see the same bytes; a difference is a bug or a row in docs/planes.md.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.core.keys import Network
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import Clock, Exchange, Observer
from gateway.wire.request_head import Limits
from gateway.wire.upstream import Upstream

if TYPE_CHECKING:
    from gateway.tls.door import TlsDoor


class Tracer(Protocol):
    """Who makes spans of exchanges, of whose ends it is told as an observer."""

    def asks(self, exchange: Exchange, upstream: Upstream, after_s: float) -> bytes:
        """An upstream is asked now, so long after the head was read: the `traceparent` that it is sent.

        It may be empty, and then none is. Never raises.
        """


@dataclass(frozen=True, slots=True)
class Ground:
    """What a reload may change. A request is served on the ground it found when it arrived.

    `scheme` is what callers speak, http or https: upstreams are told. `tracer` is there where spans are made.
    """

    upstreams: Mapping[str, Upstream]
    limits: Limits = field(default_factory=Limits)
    trusted: tuple[Network, ...] = ()
    scheme: str = "http"
    tracer: Tracer | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a plane is given for life."""

    gatekeeper: Gatekeeper
    observer: Observer
    clock: Clock


class Counted(Protocol):
    """Callers' connections in numbers: those `open`, and since the start those turned away or made to go."""

    @property
    def open(self) -> Sized:
        """Those that are open."""

    turned_away: int
    made_room: int


class Plane(Protocol):
    """A data plane: start it, swap its ground at any time, drain it once."""

    ground: Ground

    @property
    def connections(self) -> Counted:
        """The callers' connections."""

    async def start(self, host: str, port: int, tls: "TlsDoor | None" = None) -> tuple[str, int]:
        """Listen, and return the address in use (port 0 picks one). Raises `OSError` if it is taken.

        With `tls` callers speak HTTPS.
        """

    async def drain(self, grace_s: float) -> None:
        """Take no new connection, let exchanges finish for `grace_s`, cut the rest, close everything."""
