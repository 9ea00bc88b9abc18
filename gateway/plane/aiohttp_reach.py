"""How one request reaches its upstream on the aiohttp plane: which target, and what if nothing came of it.

The rules are those of `lean_reach`: where no connection can be made the next target is tried, all of them
within the upstream's time to connect; a safe request without a body whose connection died before an answer is
sent once more, at another target if there is one; `busy` counts what is under way.
"""

from collections.abc import AsyncIterator, Callable

import aiohttp

from gateway.core.request import SAFE
from gateway.keeper.ports import Clock
from gateway.plane.aiohttp_upstream import AllDrainedError, UpstreamResponse, UpstreamSession, is_fresh
from gateway.plane.reports import DRAINED, failed, warn, why_not, worked
from gateway.wire.renaming import addressed_head
from gateway.wire.targets import Standing
from gateway.wire.upstream import Upstream, UpstreamHead

Body = Callable[[], AsyncIterator[bytes]]
"""Begins the body; called anew where a connection could not be made, so nothing of it was read."""


class Reach:
    """The way of one request. `leave` has to be called when it is over."""

    def __init__(self, session: UpstreamSession, upstream: Upstream, request_id: str, clock: Clock) -> None:
        self._session = session
        self._upstream = upstream
        self._request_id = request_id
        self._clock = clock
        self._standing: Standing | None = None
        self._tried: tuple[Standing, ...] = ()

    async def send(self, head: UpstreamHead, body: Body | None) -> UpstreamResponse:
        """Send the request and return when the answer's head is here; raises `aiohttp.ClientError`."""
        standing = self._upstream.crew.pick(self._clock.monotonic())
        if standing is None:
            raise AllDrainedError(DRAINED)
        try:
            return await self._at_any(standing, head, body)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as trouble:
            another = self._again(trouble) if body is None and head.method in SAFE else None
            if another is None:
                self._report(trouble)
                raise
        try:
            return await self._at_any(another, head, None)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as trouble:
            self._report(trouble)
            raise

    def leave(self) -> None:
        """It is over."""
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.busy -= 1

    async def _at_any(self, standing: Standing, head: UpstreamHead, body: Body | None) -> UpstreamResponse:
        """Ask this target, and the next where no connection can be made."""
        until = self._clock.monotonic() + self._upstream.timeout_connect_s
        while True:
            self._go_to(standing)
            left_s = until - self._clock.monotonic()
            shares = max(1, len(self._upstream.targets) - len(self._tried))
            try:
                return await self._ask(standing, head, body, max(0.001, left_s / shares))
            except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as trouble:
                another = self._next(standing, why_not(cause_of(trouble)), until)
                if another is None:
                    raise
                standing = another

    async def _ask(
        self, standing: Standing, head: UpstreamHead, body: Body | None, connect_s: float
    ) -> UpstreamResponse:
        upstream, target = self._upstream, standing.target
        if upstream.crew.only is None:
            head = addressed_head(head, upstream, target)
        sent = None if body is None else body()
        response = await self._session.send(target, head, sent, connect_s)
        if standing.failures:
            worked(upstream, standing, self._clock.monotonic())
        return response

    def _go_to(self, standing: Standing) -> None:
        self.leave()
        self._standing = standing
        standing.busy += 1

    def _next(self, standing: Standing, why: str, until: float) -> Standing | None:
        now = self._clock.monotonic()
        warn(self._request_id, self._upstream, standing, why)
        failed(self._upstream, standing, now, why)
        self._tried = (*self._tried, standing)
        return self._upstream.crew.pick(now, self._tried) if now < until else None

    def _again(self, trouble: Exception) -> Standing | None:
        standing = self._standing
        self._report(trouble)
        now, crew = self._clock.monotonic(), self._upstream.crew
        self._tried = ()
        return crew.pick(now, () if standing is None else (standing,)) or crew.pick(now)

    def _report(self, trouble: Exception) -> None:
        """The connection ended before an answer; one that had lain in the pool may have been old."""
        if self._standing is not None and is_fresh(trouble):
            how = "closed" if isinstance(trouble, aiohttp.ServerDisconnectedError) else "broke"
            why = f"it {how} the connection before answering"
            failed(self._upstream, self._standing, self._clock.monotonic(), why)


def cause_of(trouble: Exception) -> BaseException:
    """What the system said."""
    if isinstance(trouble, aiohttp.ClientConnectorCertificateError):
        return trouble.certificate_error
    if isinstance(trouble, aiohttp.ClientConnectorError):
        return trouble.os_error
    return TimeoutError()
