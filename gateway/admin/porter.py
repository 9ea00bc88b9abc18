"""The porter of the admin listener: answers probes itself, and shows everybody else to the application.

A gateway that is only probed and scraped never loads a web server (14 MB). What the porter promises:

1. A probe (`gateway.admin.probe`) that calls us by a name of ours is answered in the bytes that the
   application would have answered it with. Everything else is passed on with every byte that was said, also
   on a connection that began with probes; from there on the connection is the application's.
2. Half a probe has the head's deadline and then a 408; a connection that says nothing, or does not take what
   it was sent, is closed when it has been idle for as long as the limits allow.
3. One probe is served at a time, in order. While one is, or while the caller does not take the answers,
   what comes behind it waits unread, but for what one read brought.
4. There are so many places (`gateway.admin.places`), and whoever only sits in one makes room.
5. At the end answers under way are given for a moment; idle connections are closed at once.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, cast

from gateway.admin.answers import PROBLEM, Page, last_words, page_bytes, problem_text
from gateway.admin.health import Pages
from gateway.admin.late import Receive, hand_over
from gateway.admin.places import Places
from gateway.admin.probe import Probe, Verdict, read_probe
from gateway.core.hosts import Hosts
from gateway.wire.request_head import Limits

_LOG: Final = logging.getLogger("gateway.admin")


class Porter:
    """What the listener calls for each connection; `receive` makes what serves those that are passed on."""

    def __init__(
        self, pages: Pages, hosts: Hosts, limits: Limits, now: Callable[[], float], receive: Receive
    ) -> None:
        self.pages = pages
        self.hosts = hosts
        self.limits = limits
        self.now = now
        self.receive = receive
        self.places = Places()
        self.visits: set[_Visit] = set()
        self.is_closing = False

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Visit(self)

    async def settle(self, grace_s: float) -> None:
        """Close what is idle, and give answers under way a moment."""
        self.is_closing = True
        answers = [answer for visit in tuple(self.visits) if (answer := visit.last()) is not None]
        if answers:
            await asyncio.wait(answers, timeout=grace_s)
        for visit in tuple(self.visits):
            visit.transport.abort()


class _Visit(asyncio.Protocol):
    """One connection, as long as it only probes."""

    transport: asyncio.Transport

    def __init__(self, porter: Porter) -> None:
        self._porter = porter
        self._said = b""
        self._answer: asyncio.Task[None] | None = None
        self._is_full = False
        self._has_begun = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it is being answered."""
        return self._answer is not None

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        if not self._porter.places.come(self.transport):
            self.transport.abort()
            return
        self._porter.visits.add(self)
        self._rest()
        if self._porter.is_closing:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._wait(None)
        self._porter.visits.discard(self)
        if self._answer is not None:
            self._answer.cancel()

    def data_received(self, data: bytes) -> None:
        self._said += data
        if self._answer is not None or self._is_full:
            self.transport.pause_reading()
        else:
            self._read_on()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._read_on_soon()

    # What the porter tells

    def last(self) -> asyncio.Task[None] | None:
        """Nothing is answered after what is being answered now, which is returned."""
        if self._answer is None:
            self._close()
        return self._answer

    # The steps

    def _read_on(self) -> None:
        if self._answer is not None or self._is_full or self.transport.is_closing() or not self._said:
            return
        probe = read_probe(self._said, self._porter.limits)
        if probe is Verdict.EARLY:
            self._begin_head()
        elif isinstance(probe, Probe) and (probe.host is None or probe.host in self._porter.hosts):
            self._wait(None)
            self._has_begun = False
            self._said = self._said[probe.head_bytes :]
            self._answer = asyncio.get_running_loop().create_task(self._serve(probe))
        else:
            self._pass_on()

    def _begin_head(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._wait(self._porter.limits.head_timeout_s, self._head_is_late)

    def _head_is_late(self) -> None:
        limit = f"{self._porter.limits.head_timeout_s:g}"
        detail = f"The request did not arrive within {limit} seconds."
        self.transport.write(last_words(HTTPStatus.REQUEST_TIMEOUT, detail, self._porter.now()))
        self._close()

    async def _serve(self, probe: Probe) -> None:
        page = await self._page(probe)
        connection = None if probe.keeps is bool(probe.minor) else "keep-alive" if probe.keeps else "close"
        self.transport.write(
            page_bytes(
                page, self._porter.now(), minor=probe.minor, connection=connection, is_head=probe.is_head
            )
        )
        self._answer = None
        if not probe.keeps or self._porter.is_closing:
            self._close()
            return
        self._rest()
        self._read_on_soon()

    async def _page(self, probe: Probe) -> Page:
        try:
            return await self._porter.pages.of(probe.path, probe.accept)
        except Exception:  # noqa: BLE001 - an accident is answered, and logged whole
            method = "HEAD" if probe.is_head else "GET"
            _LOG.exception("the admin listener met something unexpected: %s %s", method, probe.path)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return Page(problem_text(status).encode("ascii"), f"{PROBLEM}; charset=utf-8", status)

    def _read_on_soon(self) -> None:
        """Others get their turn between two probes of one connection."""
        if self._is_full or self.transport.is_closing():
            return
        if not self.transport.is_reading():
            self.transport.resume_reading()
        asyncio.get_running_loop().call_soon(self._read_on)

    def _pass_on(self) -> None:
        self._wait(None)
        self._porter.visits.discard(self)
        said, self._said = self._said, b""
        hand_over(self.transport, self._porter.receive, said)

    def _rest(self) -> None:
        """Wait for the next probe, or for the caller to take what it was sent, but not for ever."""
        self._wait(self._porter.limits.idle_timeout_s, self.transport.abort)

    def _close(self) -> None:
        self.transport.close()
        self._rest()

    def _wait(self, seconds: float | None, then: Callable[[], object] = lambda: None) -> None:
        """Set the only timer, or none."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, then)
