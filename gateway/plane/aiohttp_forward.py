"""The upstream's half of an exchange: ask with the caller's body, relay the answer chunk by chunk.

Neither side is read faster than the other takes it, and nothing is held whole. Trouble before the answer's
head is `Refused`, because it can still be said; trouble after it is `CutShort`, because all that is left is
to close the connection without the body's end, so that a cut answer never looks like a whole one.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Final

import aiohttp
from aiohttp import web

from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers
from gateway.keeper.ports import Clock
from gateway.plane.account import Account
from gateway.plane.aiohttp_caller import CutShort, protocol_of
from gateway.plane.aiohttp_reach import Reach
from gateway.plane.aiohttp_tunnel import tunnel
from gateway.plane.aiohttp_upstream import UpstreamResponse, UpstreamSession, fault_of
from gateway.plane.reports import warn
from gateway.wire.by_address import by_address
from gateway.wire.request_head import Head, Limits, Version, body_too_large, malformed
from gateway.wire.response_head import (
    ResponseFault,
    check_status,
    contradicts_itself,
    has_body,
    head_bytes,
    response_headers,
    response_length,
    status_line,
)
from gateway.wire.upstream import Upstream, UpstreamHead, credential_refused
from gateway.wire.way_back import WayBack
from gateway.wire.websocket import handshake_fault

_log: Final = logging.getLogger("gateway.plane")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refused(Exception):
    """A refusal that was reached deep inside, on its way to the caller."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.reason)
        self.deny = deny


class Forward:
    """One allowed request on its way to one upstream and back."""

    def __init__(
        self,
        request: web.BaseRequest,
        head: Head,
        account: Account,
        upstream: Upstream,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._request = request
        self._head = head
        self._account = account
        self._upstream = upstream
        self._limits = limits
        self._clock = clock
        self._deliver = protocol_of(request).deliver
        self._body_fault: Deny | None = None
        self._awaiting: asyncio.Timeout | None = None
        self._back: WayBack | None = None

    async def run(self, session: UpstreamSession, composed: UpstreamHead, back: WayBack) -> None:
        """Send, then relay what comes back; raises `Refused`, `CutShort` or a `ConnectionError`."""
        if self._head.expects_continue and self._head.has_body:
            await self._deliver(_CONTINUE)
        self._back = back
        reach = Reach(session, self._upstream, self._account.request_id, self._clock)
        try:
            await self._run(reach, composed)
        finally:
            reach.leave()

    async def _run(self, reach: Reach, composed: UpstreamHead) -> None:
        response = await self._ask(reach, composed)
        try:
            self._account.answered_at = self._clock.monotonic()
            _assert_taken(composed, response)
            if response.status == 101:
                await self._relay_upgrade(composed, response)
            else:
                await self._relay(response)
        except Refused:
            response.discard()
            raise
        finally:
            response.close()

    async def _ask(self, reach: Reach, composed: UpstreamHead) -> UpstreamResponse:
        self._account.asked_at = self._clock.monotonic()
        patience_s = self._upstream.timeout_first_byte_s
        body = None
        if self._head.has_body:
            if not self._head.chunked:
                length = (b"content-length", str(self._head.content_length).encode("ascii"))
                composed = replace(composed, headers=(*composed.headers, length))
            body = partial(self._upload, patience_s)
        try:
            async with asyncio.timeout(patience_s) as self._awaiting:
                return await reach.send(composed, body)
        except (aiohttp.ClientError, ResponseFault, OSError, ValueError) as trouble:
            raise Refused(self._why(trouble)) from None
        finally:
            self._awaiting = None

    def _why(self, trouble: Exception) -> Deny:
        if self._body_fault is not None:
            return self._body_fault
        if self._awaiting is not None and self._awaiting.expired():
            return Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "first_byte"})
        if not isinstance(trouble, (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError)):
            warn(self._account.request_id, self._upstream, None, str(trouble))
        return fault_of(trouble)

    async def _upload(self, patience_s: float) -> AsyncIterator[bytes]:
        """The caller's body as it arrives. The upstream's time to answer counts from its last byte."""
        most = self._limits.body_bytes_max
        if not self._request.content.total_bytes:
            yield b""  # or aiohttp would hold back the head, by which the upstream may already judge
        while chunk := await self._next_piece():
            self._account.bytes_in += len(chunk)
            if most is not None and self._account.bytes_in > most:
                self._body_fault = body_too_large(most)
                raise ValueError("body too large")
            if self._awaiting is not None and not self._awaiting.expired():
                self._awaiting.reschedule(asyncio.get_running_loop().time() + patience_s)
            yield chunk

    async def _next_piece(self) -> bytes:
        """What the caller sent next; empty at its proper end."""
        try:
            async with asyncio.timeout(self._limits.idle_timeout_s):
                return await self._request.content.readany()
        except TimeoutError:
            limit = f"{self._limits.idle_timeout_s:g}"
            self._body_fault = Deny(Reason.REQUEST_TIMEOUT, {"limit": limit})
            raise
        except Exception:
            self._body_fault = malformed("the framing of its body is broken")
            raise

    async def _relay(self, response: UpstreamResponse) -> None:
        account, head = self._account, self._head
        identified = account.allow is not None and account.allow.identity is not None
        headers, length = self._read_head(response, identified=identified)
        answers_with_body = has_body(head.view.method, response.status)
        is_chunked = False
        if contradicts_itself(response.status, _raw_headers(response)):
            response.discard()
        if length is not None:
            headers = (*headers, (b"content-length", str(length).encode("ascii")))
        elif answers_with_body:
            is_chunked = head.version >= (1, 1)
            account.keep_alive = account.keep_alive and is_chunked
            account.ends_by_closing = not is_chunked
            headers = (*headers, (b"transfer-encoding", b"chunked")) if is_chunked else headers
        if account.is_websocket or not self._request.content.is_eof():
            account.keep_alive = False
        # What is here already leaves with the head: one system call less for a small answer (about 8 %).
        at_hand = _at_hand(response) if answers_with_body else b""
        account.bytes_out += len(at_hand)
        await self._write_head(
            response.status, response.reason or "", headers, _framed(at_hand, is_chunked=is_chunked)
        )
        if answers_with_body:
            await self._relay_body(response, length, is_chunked=is_chunked)

    def _read_head(self, response: aiohttp.ClientResponse, *, identified: bool) -> tuple[Headers, int | None]:
        raw = _raw_headers(response)
        try:
            _check_values(raw)
            check_status(response.status, _version(response))
            allow, date = self._account.allow, protocol_of(self._request).date()
            expires_at = None if allow is None else allow.expires_at
            headers = response_headers(
                raw,
                self._account.request_id,
                date,
                self._back,
                identified=identified,
                expires_at=expires_at,
                address=None if allow is None else by_address(self._head, allow.strip),
            )
            return headers, response_length(raw, response.status)
        except ResponseFault as fault:
            _log.warning("request %s: the upstream's head: %s", self._account.request_id, fault)
            raise Refused(Deny(Reason.UPSTREAM_PROTOCOL)) from None

    async def _write_head(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        account = self._account
        if status == 101:
            headers = (*headers, (b"connection", b"Upgrade"), (b"upgrade", b"websocket"))
        elif not account.keep_alive:
            headers = (*headers, (b"connection", b"close"))
        elif self._head.version < (1, 1):
            headers = (*headers, (b"connection", b"keep-alive"))
        account.status = status
        await self._deliver(head_bytes(status_line(status, reason), headers) + body)
        account.head_was_sent(self._clock.monotonic())

    async def _relay_body(
        self, response: aiohttp.ClientResponse, length: int | None, *, is_chunked: bool
    ) -> None:
        deliver = self._deliver
        while chunk := await self._next_chunk(response):
            self._account.bytes_out += len(chunk)
            await deliver(_framed(chunk, is_chunked=is_chunked))
        if length is not None and self._account.bytes_out != length:
            raise CutShort("upstream_cut")
        if is_chunked:
            await deliver(b"0\r\n\r\n")

    async def _next_chunk(self, response: aiohttp.ClientResponse) -> bytes:
        """What the upstream sent next; empty at its proper end."""
        try:
            async with asyncio.timeout(self._upstream.timeout_idle_s):
                return await response.content.readany()
        except TimeoutError:
            raise CutShort("upstream_idle") from None
        except (aiohttp.ClientError, OSError) as trouble:
            _log.warning("request %s: the upstream's answer was cut: %s", self._account.request_id, trouble)
            raise CutShort("upstream_cut") from None

    async def _relay_upgrade(self, composed: UpstreamHead, response: aiohttp.ClientResponse) -> None:
        fault: str | None = "switched protocols unasked"
        if self._account.is_websocket:
            fault = handshake_fault(composed.headers, _raw_headers(response))
        if fault is not None:
            raise Refused(Deny(Reason.UPSTREAM_PROTOCOL, {"what": fault}))
        headers, _ = self._read_head(response, identified=False)
        self._account.keep_alive = False
        await self._write_head(101, "Switching Protocols", headers)
        cause = await tunnel(
            self._request, response, self._upstream.timeout_idle_s, self._count_in, self._count_out
        )
        if cause is not None:
            raise CutShort(cause)

    def _count_in(self, count: int) -> None:
        self._account.bytes_in += count

    def _count_out(self, count: int) -> None:
        self._account.bytes_out += count


def _assert_taken(composed: UpstreamHead, response: UpstreamResponse) -> None:
    """Nothing goes on of an answer that refuses a credential of ours: it would be blamed on the caller's."""
    if response.status == 401 and composed.is_lent:
        raise Refused(credential_refused())


def _raw_headers(response: aiohttp.ClientResponse) -> Headers:
    return tuple((name.lower(), value) for name, value in response.raw_headers)


def _check_values(raw: Headers) -> None:
    """What aiohttp reads leniently and llhttp refuses on the lean plane is refused here."""
    if any(_CONTROL.search(value) for _, value in raw):
        raise ResponseFault("control character in a header")


def _version(response: aiohttp.ClientResponse) -> Version:
    version = response.version
    return (0, 0) if version is None else (version.major, version.minor)


def _framed(chunk: bytes, *, is_chunked: bool) -> bytes:
    """One chunk as the caller reads it; nothing stays nothing, for an empty chunk would be the end."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked and chunk else chunk


def _at_hand(response: aiohttp.ClientResponse) -> bytes:
    """What arrived of the body together with the head. Trouble in it is met when it is read on."""
    try:
        return response.content.read_nowait()
    except (aiohttp.ClientError, OSError):
        return b""
