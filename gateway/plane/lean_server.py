"""The lean data plane: `asyncio.Protocol` on both sides, uvloop where it exists, no task for a request.

The default plane. `lean_caller` is the caller's connection, `lean_exchange` one request and its answer,
`lean_forward` its upstream half, `lean_plan` what a head comes to, `lean_memory` what is remembered of it,
`lean_codec` and `lean_framing` the bytes of heads and bodies, `lean_answer` and `lean_upload` what becomes of
them, `lean_upstream` and `lean_pool` the connections to upstreams. Below them the same rooms decide as for
the aiohttp plane, and one suite holds both to one behaviour.

This room holds the listener, the number of connections, the sweep of deadlines, and the end.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from gateway.plane.connections import Connections, descriptors_for_callers
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.lean_caller import LeanCaller
from gateway.plane.lean_house import House
from gateway.plane.lean_memory import Plans

if TYPE_CHECKING:
    from gateway.tls.door import TlsDoor

BACKLOG: Final = 1_024
HEAD_S: Final = 1.0  # how long, at the end, a head that has begun may take to come whole
CUT_S: Final = 1.0  # how long what was cut may take to notice
SWEEP_S: Final = (0.01, 0.5)  # from, to: an eighth of the shortest time that is waited for


class LeanPlane:
    """One listener and one pool. See `gateway.plane.contract.Plane`."""

    def __init__(self, ground: Ground, around: Surroundings) -> None:
        self.house = House(around)
        self.plans = Plans(around.gatekeeper, ground)
        self._ground = ground
        self.connections: Connections[LeanCaller] = Connections()
        self._descriptors = 0
        self._listener: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._random = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311 - names, not secrets

    @property
    def ground(self) -> Ground:
        """What is served on; to set it is a reload."""
        return self._ground

    @ground.setter
    def ground(self, ground: Ground) -> None:
        self._ground = ground
        self.house.pool.retire()

    async def start(self, host: str, port: int, tls: "TlsDoor | None" = None) -> tuple[str, int]:
        """Listen, and return the address in use (port 0 picks one). Raises `OSError` if it is taken."""
        loop = asyncio.get_running_loop()
        self._descriptors = descriptors_for_callers()
        at = cast("list[str]", [host.encode()])  # a str would load the tables of IDNA, 0.3 MB
        self._listener = await loop.create_server(self._caller(tls), at, port, backlog=BACKLOG)
        self._sweep()
        bound = self._listener.sockets[0].getsockname()
        return bound[0], bound[1]

    def _caller(self, tls: "TlsDoor | None") -> Callable[[], asyncio.Protocol]:
        """What the listener calls for each connection."""
        if tls is None:
            return lambda: LeanCaller(self)
        from gateway.tls.connection import TlsConnection  # noqa: PLC0415 - hardly anybody has TLS here

        return lambda: TlsConnection(tls, LeanCaller(self))

    async def drain(self, grace_s: float) -> None:
        """Take no new connection, let exchanges finish for `grace_s`, cut the rest, close everything."""
        if self._listener is None:
            return
        self._listener.close()
        self.house.is_draining = True
        self._close_idle(begun=False)
        await self._until(lambda: not any(caller.has_begun for caller in self.connections.open), HEAD_S)
        self._close_idle(begun=True)
        await self._until(lambda: not any(caller.is_busy for caller in self.connections.open), grace_s)
        for caller in tuple(self.connections.open):
            caller.cut()
        await self._until(lambda: not self.connections.open, CUT_S)
        self.house.pool.close()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _close_idle(self, *, begun: bool) -> None:
        """Close what serves nobody, once it was sent everything; if `begun`, also where a head has begun."""
        for caller in tuple(self.connections.open):
            if not caller.is_exchanging and (begun or not caller.has_begun):
                caller.transport.close()

    def came(self, caller: LeanCaller) -> bool:
        """Count a connection in; False if there are too many."""
        ground, limits = self._ground, self._ground.limits
        most = min(limits.connections_max, self._descriptors)
        return not self.house.is_draining and self.connections.come(
            caller, most, limits.connections_per_peer_max, ground.trusted
        )

    def went(self, caller: LeanCaller) -> None:
        """Count it out."""
        self.connections.go(caller)
        self.house.quiet.set()

    def new_request_id(self) -> str:
        """16 hexadecimal characters."""
        return f"{self._random.getrandbits(64):016x}"

    async def _until(self, is_so: Callable[[], bool], most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not is_so():
                    self.house.quiet.clear()
                    await self.house.quiet.wait()

    def _sweep(self) -> None:
        """Compare every deadline with the time, and come again."""
        now = self.house.around.clock.monotonic()
        for caller in tuple(self.connections.open):
            if caller.deadline <= now:
                caller.expire(now)
        self.house.pool.sweep(now)
        self._sweeping = asyncio.get_running_loop().call_later(self._interval_s(), self._sweep)

    def _interval_s(self) -> float:
        limits = self._ground.limits
        waits = [limits.head_timeout_s, limits.idle_timeout_s]
        for upstream in self._ground.upstreams.values():
            waits += (upstream.timeout_connect_s, upstream.timeout_first_byte_s, upstream.timeout_idle_s)
        least, most = SWEEP_S
        return max(least, min(most, min(waits) / 8))
