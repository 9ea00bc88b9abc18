"""Asks targets whether they are well, where somebody wants that (`upstreams.NAME.health`).

Promises
1. A check is a GET of the configured path on a connection of its own, with `Host` and nothing of anybody:
   no credential, no caller's field. What is answered behind the status line is not read.
2. Each target is asked every `every_s`, one check at a time; who takes longer than `timeout_s` is not well.
3. A reload changes who is asked; what was found of a target that stays is kept (`wire.targets` rule 5).
4. Nothing is loaded and no task runs while nobody wants checks.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Final

from gateway.keeper.ports import Clock
from gateway.plane.reports import tell, why_not
from gateway.wire.targets import Check, Standing, UpstreamTarget
from gateway.wire.upstream import Upstream

LINE_BYTES_MAX: Final = 8_192
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")

Probe = Callable[[UpstreamTarget, Check], Awaitable[str | None]]
"""Asks once: why the target is not well, or None if it is."""


class TargetChecks:
    """`upstreams` is called each time: a reload may replace them; then call `changed`."""

    def __init__(
        self, upstreams: Callable[[], Mapping[str, Upstream]], clock: Clock, probe: Probe | None = None
    ) -> None:
        self._upstreams = upstreams
        self._clock = clock
        self._probe = ask if probe is None else probe
        self._under_way: dict[Standing, asyncio.Future[None]] = {}
        self._has_changed = asyncio.Event()

    def changed(self) -> None:
        """The upstreams may be others."""
        self._has_changed.set()

    async def run(self) -> None:
        """Check until cancelled."""
        try:
            while True:
                self._has_changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.look()):
                        await self._has_changed.wait()
        finally:
            for under_way in self._under_way.values():
                under_way.cancel()

    def look(self) -> float | None:
        """Begin the checks that are due; returns in how many seconds the next will be, None for never."""
        now, waits = self._clock.monotonic(), []
        for upstream in self._upstreams().values():
            check = upstream.check
            for standing in upstream.crew.standings if check is not None else ():
                if check is not None and standing.check_due <= now and standing not in self._under_way:
                    standing.check_due = now + check.every_s
                    self._begin(upstream.name, standing, check)
                waits.append(standing.check_due - now)
        return max(0.01, min(waits)) if waits else None

    def _begin(self, name: str, standing: Standing, check: Check) -> None:
        under_way = asyncio.ensure_future(self._check(name, standing, check))
        self._under_way[standing] = under_way
        under_way.add_done_callback(lambda _: self._under_way.pop(standing, None))

    async def _check(self, name: str, standing: Standing, check: Check) -> None:
        fault = await self._probe(standing.target, check)
        upstream = self._upstreams().get(name)
        if upstream is not None and upstream.check is not None and standing in upstream.crew.standings:
            tell(name, standing, standing.checked(self._clock.monotonic(), check, fault))


async def ask(target: UpstreamTarget, check: Check) -> str | None:
    """Why the target is not well, or None if it is."""
    try:
        async with asyncio.timeout(check.timeout_s):
            status = await _status(target, check.path)
    except TimeoutError:
        return f"it does not answer a check within {check.timeout_s:g} s"
    except OSError as fault:
        return why_not(fault)
    if status is None:
        return "it answers a check with no HTTP"
    return None if 200 <= status < 400 else f"it answers a check with {status}"


async def _status(target: UpstreamTarget, path: str) -> int | None:
    reader, writer = await _connected(target)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {target.authority}\r\n"
            "User-Agent: keyhatch-health\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        line = await reader.readline()
    except ValueError:  # the line does not end
        return None
    finally:
        writer.transport.abort()
    found = _STATUS.match(line)
    return None if found is None else int(found[1])


async def _connected(target: UpstreamTarget) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.path:
        return await asyncio.open_unix_connection(target.path, limit=LINE_BYTES_MAX)
    if target.scheme != "https":
        return await asyncio.open_connection(target.host, target.port, limit=LINE_BYTES_MAX)
    context = None if target.tls is None else target.tls.context
    name = None if target.tls is None else target.tls.server_name
    return await asyncio.open_connection(
        target.host,
        target.port,
        limit=LINE_BYTES_MAX,
        ssl=context or _system(),
        server_hostname=name or target.host,
    )


@cache
def _system() -> ssl.SSLContext:
    """The system's authorities, read once."""
    return ssl.create_default_context()
