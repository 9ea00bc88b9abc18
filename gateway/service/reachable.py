"""Whether the upstreams can be reached: a connection is opened to each, and closed without a word.

Promises
1. Upstreams are knocked at when somebody asks, all side by side, and at most every `KEPT_S`: whoever asks
   sooner, or while others wait, is told what those are told. Many pages do not disturb an upstream.
2. Nobody waits longer than `PATIENCE_S`.
3. What is told holds names and one of few sentences, never an upstream's address.

TLS is not spoken, so a certificate that is not trusted does not show here: `keyhatch doctor` tells of it.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Final

from gateway.admin.api.ask import Knocked, Unreachable
from gateway.keeper.ports import Clock
from gateway.wire.upstream import Upstream

KEPT_S: Final = 5.0
PATIENCE_S: Final = 2.0


class Reachable:
    """The upstreams as they were found last. `upstreams` is called each time: a reload may replace them."""

    def __init__(self, upstreams: Callable[[], Mapping[str, Upstream]], clock: Clock) -> None:
        self._upstreams = upstreams
        self._clock = clock
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
        problems = await asyncio.gather(*map(knock, upstreams.values()))
        return tuple(Knocked(name, now, problem) for name, problem in zip(upstreams, problems, strict=True))


async def knock(upstream: Upstream) -> Unreachable | None:
    """Why no connection to this upstream can be opened, or None if one can."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _connect(upstream)
    except socket.gaierror:
        return Unreachable.NAME_NOT_FOUND
    except ConnectionRefusedError:
        return Unreachable.REFUSED
    except TimeoutError:
        return Unreachable.SILENT
    except OSError:
        return Unreachable.NO_WAY
    return None


async def _connect(upstream: Upstream) -> None:
    """Try each address of the name, as planes do; raises what the last one that failed met."""
    loop = asyncio.get_running_loop()
    failed: OSError | None = None
    name = upstream.host.encode("ascii")  # a str would load the tables of IDNA
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        name, upstream.port, type=socket.SOCK_STREAM
    ):
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(0.0)
            try:
                await loop.sock_connect(connection, address)
            except OSError as trouble:
                failed = trouble
            else:
                return
    raise failed or OSError("a name without an address")
