"""Connections to upstreams: dialled when none is idle, lent to one exchange at a time.

What arrives while a connection serves nobody is nobody's answer, so it closes the connection: else the next
caller would get it, whoever it was meant for (response queue poisoning).
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, cast

from gateway.plane.lean_pool import Books, Origin
from gateway.wire.targets import Tls, UpstreamTarget
from gateway.wire.upstream import Upstream

WRITE_BUFFER_BYTES: Final = 65_536
ENDING_S: Final = 5.0


class LinkUser(Protocol):
    """Who a connection is lent to. `fault` None: it ended in order."""

    def linked(self, link: "UpstreamLink") -> None:
        """A new connection is there."""

    def not_linked(self, fault: OSError) -> None:
        """None could be made."""

    def answered(self, data: bytes) -> None:
        """The upstream sent something."""

    def link_ended(self, fault: Exception | None) -> None:
        """The upstream ended the connection; told once."""

    def upstream_is_full(self, *, full: bool) -> None:
        """Whether to hold back what is for the upstream."""

    def accident(self) -> None:
        """Something unexpected was raised; called while it is being handled."""


class UpstreamLink(asyncio.Protocol):
    """One connection. `is_full`: it takes no more for now."""

    __slots__ = ("_is_held", "_pool", "generation", "is_full", "is_gone", "origin", "transport", "user")

    def __init__(self, pool: "UpstreamPool", origin: Origin, generation: int) -> None:
        self._pool = pool
        self.origin = origin
        self.generation = generation
        self._is_held = False
        self.is_full = False
        self.is_gone = False
        self.user: LinkUser | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Hand it to whom it is for."""
        user = self.user
        if user is None:
            self.abort()
            return
        try:
            user.answered(data)
        except Exception:  # noqa: BLE001 - an accident must end this exchange, in words, and no other
            user.accident()

    def eof_received(self) -> None:
        """The upstream said its last word."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(exc)

    def pause_writing(self) -> None:
        """The upstream does not take more."""
        self.is_full = True
        if self.user is not None:
            self.user.upstream_is_full(full=True)

    def resume_writing(self) -> None:
        """It does again."""
        self.is_full = False
        if self.user is not None:
            self.user.upstream_is_full(full=False)

    def hold_back(self, *, full: bool) -> None:
        """Read no more for now, because the caller takes no more; or read on."""
        if full is self._is_held:
            return
        self._is_held = full
        if full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def finish(self) -> None:
        """Send what was written, then close; what still arrives is nobody's."""
        self.user = None
        self.hold_back(full=False)
        self.transport.close()
        self._pool.expect_the_end(self)

    def release(self, now: float) -> None:
        """The exchange ended cleanly: the connection may serve another."""
        self.user = None
        if self._is_held:
            self.hold_back(full=False)
        self._pool.take_home(self, now)

    def abort(self) -> None:
        """Close at once; nobody is told."""
        self.user = None
        self._end(None)

    def _end(self, fault: Exception | None) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        self._pool.strike(self)
        user, self.user = self.user, None
        if user is not None:
            user.link_ended(fault)
        self.transport.abort()


def origin_of(upstream: Upstream) -> Origin:
    """Where connections to an upstream's first target lead."""
    return upstream.targets[0].origin


class UpstreamPool:
    """All connections to upstreams of one plane."""

    def __init__(self) -> None:
        self._books: Books[UpstreamLink] = Books()
        self._links: set[UpstreamLink] = set()
        self._ending: deque[tuple[float, UpstreamLink]] = deque()
        self._tls: ssl.SSLContext | None = None

    def lend(self, origin: Origin, now: float) -> UpstreamLink | None:
        """An idle connection, or None: then `dial`. What is gone was struck from the books at once."""
        return self._books.lend(origin, now)

    def dial(self, target: UpstreamTarget, user: LinkUser) -> asyncio.Task[None]:
        """Make a new connection and tell the user of it, unless the task is cancelled before."""
        return asyncio.ensure_future(self._dial(target, user))

    def take_home(self, link: UpstreamLink, now: float) -> None:
        """Keep it for the next exchange, or close it."""
        extra = self._books.take_home(link.origin, link, link.generation, now)
        if extra is not None:
            extra.abort()

    def strike(self, link: UpstreamLink) -> None:
        """It is gone."""
        self._books.strike(link.origin, link)
        self._links.discard(link)

    def expect_the_end(self, link: UpstreamLink) -> None:
        """It closes once everything was sent; `ENDING_S` later it is closed in any case."""
        self._ending.append((asyncio.get_running_loop().time() + ENDING_S, link))

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long, and what does not come to its end."""
        while self._ending and self._ending[0][0] <= asyncio.get_running_loop().time():
            self._ending.popleft()[1].abort()
        for link in self._books.expired(now):
            link.abort()

    def retire(self) -> None:
        """The upstreams may have changed: no connection opened so far serves another exchange."""
        for link in self._books.retire():
            link.abort()

    def close(self) -> None:
        """Close every connection."""
        for link in tuple(self._links):
            link.abort()

    async def _dial(self, target: UpstreamTarget, user: LinkUser) -> None:
        make = partial(UpstreamLink, self, target.origin, self._books.generation)
        try:
            link = await self._connected(target, make)
        except OSError as fault:
            user.not_linked(fault)
            return
        if link.is_gone:
            user.not_linked(ConnectionResetError("closed at once"))
            return
        self._links.add(link)
        with suppress(asyncio.CancelledError):
            user.linked(link)

    async def _connected(self, target: UpstreamTarget, make: Callable[[], UpstreamLink]) -> UpstreamLink:
        loop = asyncio.get_running_loop()
        if target.path:
            _, link = await loop.create_unix_connection(make, target.path)
            return link
        context, name = None, None
        if target.scheme == "https":
            context, name = self._secured(target.tls)
            name = name or target.host
        _, link = await loop.create_connection(
            make, target.host, target.port, ssl=context, server_hostname=name
        )
        return link

    def _secured(self, tls: Tls | None) -> tuple[ssl.SSLContext, str | None]:
        """The context, and the name to verify where it is not the host's."""
        if tls is not None and tls.context is not None:
            return tls.context, tls.server_name
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls, None if tls is None else tls.server_name
