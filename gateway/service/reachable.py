"""Whether the upstreams can be reached: a connection is opened to each, and closed without a word.

Promises
1. Upstreams are knocked at when somebody asks, all side by side, and at most every `KEPT_S`: whoever asks
   sooner, or while others wait, is told what those are told. Many pages do not disturb an upstream.
2. Nobody waits longer than `PATIENCE_S`.
3. Of each name one look-up is under way at a time, however often somebody asks: one that hangs holds a thread
   that callers' connections need too, and nobody can call it back.
4. What is told holds names and one of few sentences, never an upstream's address.
5. Of several targets one is enough. Whoever is drained is not knocked at, nor whoever fails its health check.

TLS is not spoken, so a certificate that is not trusted does not show here: `keyhatch doctor` tells of it.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from gateway.admin.api.ask import Knocked, Unreachable
from gateway.keeper.ports import Clock
from gateway.wire.targets import Standing, UpstreamTarget
from gateway.wire.upstream import Upstream

KEPT_S: Final = 5.0
PATIENCE_S: Final = 2.0

Address = tuple[Any, Any, int, str, Any]
"""Family, kind, protocol, canonical name and where, as `getaddrinfo` tells them."""


class Reachable:
    """The upstreams as they were found last. `upstreams` is called each time: a reload may replace them."""

    def __init__(self, upstreams: Callable[[], Mapping[str, Upstream]], clock: Clock) -> None:
        self._upstreams = upstreams
        self._clock = clock
        self._names = Names()
        self._one_at_a_time = asyncio.Lock()
        self._found: tuple[Knocked, ...] = ()
        self._keep_until = float("-inf")

    async def look(self) -> tuple[Knocked, ...]:
        """How each upstream stands, in the order of the configuration."""
        async with self._one_at_a_time:
            if self._clock.monotonic() >= self._keep_until:
                self._found = await self._knock_at_all()
                self._keep_until = self._clock.monotonic() + KEPT_S
        return self._found

    async def _knock_at_all(self) -> tuple[Knocked, ...]:
        upstreams, now = self._upstreams(), self._clock.now()
        problems = await asyncio.gather(*(self._problem_of(upstream) for upstream in upstreams.values()))
        return tuple(Knocked(name, now, problem) for name, problem in zip(upstreams, problems, strict=True))

    async def _problem_of(self, upstream: Upstream) -> Unreachable | None:
        """None if any of its targets may be asked and can be."""
        asked = [each for each in upstream.crew.standings if not each.is_drained]
        if not asked:
            return Unreachable.DRAINED
        found = await asyncio.gather(*(self._problem_at(each) for each in asked))
        return None if None in found else found[0]

    async def _problem_at(self, standing: Standing) -> Unreachable | None:
        return Unreachable.UNWELL if standing.is_down else await knock(standing.target, self._names)


class Names:
    """Looks up where names lead; whoever asks while a look-up is under way waits for that one."""

    def __init__(self) -> None:
        self.under_way: dict[tuple[str, int], asyncio.Future[Sequence[Address]]] = {}

    async def addresses(self, target: UpstreamTarget) -> Sequence[Address]:
        """All addresses of a target, as `getaddrinfo` tells them; raises `OSError`."""
        at = target.host, target.port
        found = self.under_way.get(at)
        if found is None:
            name = target.host.encode("ascii")  # a str would load the tables of IDNA
            looking = asyncio.get_running_loop().getaddrinfo(name, target.port, type=socket.SOCK_STREAM)
            found = self.under_way[at] = asyncio.ensure_future(looking)
            found.add_done_callback(partial(self._end, at))
        return await asyncio.shield(found)

    def _end(self, at: tuple[str, int], found: "asyncio.Future[Sequence[Address]]") -> None:
        del self.under_way[at]
        if not found.cancelled():
            found.exception()  # looked at: perhaps nobody waits for it any more


async def knock(target: UpstreamTarget, names: Names) -> Unreachable | None:
    """Why no connection to this target can be opened, or None if one can."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _connect(target, names)
    except socket.gaierror:
        return Unreachable.NAME_NOT_FOUND
    except ConnectionRefusedError:
        return Unreachable.REFUSED
    except TimeoutError:
        return Unreachable.SILENT
    except OSError:
        return Unreachable.NO_WAY
    return None


async def _connect(target: UpstreamTarget, names: Names) -> None:
    """Try each address of the name, as planes do; raises what the last one that failed met."""
    loop = asyncio.get_running_loop()
    if target.path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.0)
            await loop.sock_connect(connection, target.path)
        return
    failed: OSError | None = None
    for family, kind, protocol, _, address in await names.addresses(target):
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(0.0)
            try:
                await loop.sock_connect(connection, address)
            except OSError as trouble:
                failed = trouble
            else:
                return
    raise failed or OSError("a name without an address")
