"""One exchange on the aiohttp plane, from a read head to the last byte, told as a straight story.

1. `decide`: the gatekeeper's answer; a refusal is written and that was it.
2. `forward`: the composed head goes to the upstream, the caller's body follows chunk by chunk.
3. `relay`: the upstream's head, then its body as it arrives, with back-pressure both ways.
4. Whatever happens, `finish` tells the observer exactly once.

What ends an exchange early is told apart, because the caller has to see it: before our head was written a
refusal can still be sent; after that the connection is closed without the end of the body, so that a cut
answer never looks like a whole one.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import aiohttp
from aiohttp import web

from gateway.core.decision import Allow, NeedKey
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind
from gateway.core.routes import Own
from gateway.keeper.ports import Exchange
from gateway.plane.aiohttp_caller import Answer, protocol_of, reply_bytes
from gateway.plane.aiohttp_tunnel import handshake_fault, tunnel
from gateway.plane.aiohttp_upstream import UpstreamSession, fault_of
from gateway.plane.contract import Ground, Surroundings
from gateway.wire.headers import request_id_of
from gateway.wire.own_answers import health, me
from gateway.wire.reply import Reply, refusal
from gateway.wire.request_head import Head, body_too_large, malformed, read_head
from gateway.wire.response_head import (
    ResponseFault,
    has_body,
    head_bytes,
    response_headers,
    response_length,
    status_line,
)
from gateway.wire.upstream import Hop, Upstream, UpstreamHead, compose_head

_log: Final = logging.getLogger("gateway.plane")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class CutShort(Exception):
    """The answer stopped after its head was sent; `cause` is one of `Exchange.cut`'s."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Refused(Exception):
    """A refusal that was reached deep inside, on its way to the caller."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.reason)
        self.deny = deny


def new_request_id() -> str:
    """16 hexadecimal characters."""
    return secrets.token_hex(8)


class AiohttpExchange:
    """One request and its response."""

    def __init__(
        self, request: web.BaseRequest, ground: Ground, around: Surroundings, session: UpstreamSession
    ) -> None:
        self.request = request
        self.ground = ground
        self.around = around
        self.session = session
        self.began = around.clock.monotonic()
        self.peer = protocol_of(request).peer
        self.request_id = new_request_id()
        self.head: Head | None = None
        self.allow: Allow | None = None
        self.route_id: str | None = None
        self.status = 0
        self.reason: Reason | None = None
        self.deny_key_id: str | None = None
        self.cut: str | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.keep_alive = bool(request.keep_alive)
        self._asked_at: float | None = None
        self._head_at: float | None = None
        self._own_s: float | None = None
        self._ended: Deny | None = None
        self._body_fault: Deny | None = None
        self._awaiting: asyncio.Timeout | None = None

    async def run(self) -> Answer:
        """Serve the request; the returned answer only says whether the connection stays open."""
        self.around.observer.exchange_began()
        try:
            await self._run()
        except asyncio.CancelledError:
            if not await self._was_ended():
                self.cut = "caller_gone" if self._caller_is_gone() else "shutdown"
                raise
        except (CutShort, ConnectionError) as stop:
            self.cut = stop.cause if isinstance(stop, CutShort) else "caller_gone"
            self._hang_up()
        finally:
            self._finish()
        return Answer(keep_alive=self.keep_alive and self.cut is None)

    async def _run(self) -> None:
        try:
            await self._serve()
        except Refused as refused:
            await self._refuse(refused.deny)
        except (CutShort, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - an accident must end in a refusal, never in silence
            _log.exception("request %s met something unexpected", self.request_id)
            if self.status:
                raise CutShort("upstream_cut") from None
            what = "could not be asked because of a fault in the gateway"
            await self._refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))

    async def _serve(self) -> None:
        head = self._read_head()
        gatekeeper = self.around.gatekeeper
        decision = gatekeeper.peek(head.view)
        if isinstance(decision, NeedKey):
            decision = await gatekeeper.settle(decision)
        if isinstance(decision, Deny):
            raise Refused(decision)
        self.allow = decision
        self.route_id = decision.route.id
        task = asyncio.current_task()
        leave = gatekeeper.attend(decision, lambda deny: self._end(deny, task))
        try:
            await self._carry_out(head, decision)
        finally:
            leave()

    def _read_head(self) -> Head:
        request = self.request
        head = read_head(
            request.method.encode("utf-8", "surrogateescape"),
            request.raw_path.encode("utf-8", "surrogateescape"),
            (request.version.major, request.version.minor),
            request.raw_headers,
            self.peer,
            self.ground.limits,
            self.ground.trusted,
        )
        if isinstance(head, Deny):
            raise Refused(head)
        self.head = head
        self.request_id = request_id_of(head.view.headers) or self.request_id
        return head

    async def _carry_out(self, head: Head, allow: Allow) -> None:
        if allow.route.own is Own.HEALTH:
            await self._send_reply(health(self.request_id))
        elif allow.route.own is Own.ME:
            key = await self.around.gatekeeper.record_of(allow)
            await self._send_reply(me(key, self.around.clock.now(), self.request_id))
        else:
            await self._forward(head, allow, self.ground.upstreams[allow.route.upstream])

    async def _forward(self, head: Head, allow: Allow, upstream: Upstream) -> None:
        hop = Hop(self.peer, self.request_id, trusted=self.ground.trusted)
        composed = compose_head(head, allow, upstream, hop)
        if head.expects_continue and head.has_body:
            await self.request.writer.write(_CONTINUE)
        response = await self._ask(head, upstream, composed)
        try:
            self._head_at = self.around.clock.monotonic()
            if response.status == 101:
                await self._relay_upgrade(head, upstream, composed, response)
            else:
                await self._relay(head, allow, upstream, response)
        finally:
            response.close()

    async def _ask(self, head: Head, upstream: Upstream, composed: UpstreamHead) -> aiohttp.ClientResponse:
        self._asked_at = self.around.clock.monotonic()
        body = None
        if head.has_body:
            framing = (b"content-length", str(head.content_length).encode("ascii"))
            if not head.chunked:
                composed = UpstreamHead(composed.method, composed.target, (*composed.headers, framing))
            body = self._upload(upstream.timeout_first_byte_s)
        try:
            async with asyncio.timeout(upstream.timeout_first_byte_s) as self._awaiting:
                return await self.session.send(upstream, composed, body)
        except (aiohttp.ClientError, ResponseFault, OSError, ValueError) as trouble:
            if self._body_fault is not None:
                raise Refused(self._body_fault) from None
            if self._awaiting is not None and self._awaiting.expired():
                raise Refused(Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "first_byte"})) from None
            _log.warning("request %s: upstream '%s': %s", self.request_id, upstream.name, trouble)
            raise Refused(fault_of(trouble)) from None
        finally:
            self._awaiting = None

    async def _upload(self, first_byte_s: float) -> AsyncIterator[bytes]:
        """The caller's body as it arrives. The upstream's time to answer counts from its last byte."""
        limits = self.ground.limits
        while True:
            try:
                async with asyncio.timeout(limits.idle_timeout_s):
                    chunk = await self.request.content.readany()
            except TimeoutError:
                self._body_fault = Deny(Reason.REQUEST_TIMEOUT, {"limit": f"{limits.idle_timeout_s:g}"})
                raise
            except Exception:
                self._body_fault = malformed("the framing of its body is broken")
                raise
            if not chunk:
                return
            self.bytes_in += len(chunk)
            if limits.body_bytes_max is not None and self.bytes_in > limits.body_bytes_max:
                self._body_fault = body_too_large(limits.body_bytes_max)
                raise ValueError("body too large")
            if self._awaiting is not None and not self._awaiting.expired():
                self._awaiting.reschedule(asyncio.get_running_loop().time() + first_byte_s)
            yield chunk

    async def _relay(
        self, head: Head, allow: Allow, upstream: Upstream, response: aiohttp.ClientResponse
    ) -> None:
        headers, length = self._response_head(response, identified=allow.identity is not None)
        is_chunked = False
        if length is not None:
            headers = (*headers, (b"content-length", str(length).encode("ascii")))
        elif has_body(head.view.method, response.status):
            is_chunked = head.version >= (1, 1)
            self.keep_alive = self.keep_alive and is_chunked
            headers = (*headers, (b"transfer-encoding", b"chunked")) if is_chunked else headers
        if head.view.kind is Kind.WEBSOCKET or not self._body_is_read():
            self.keep_alive = False
        await self._write_head(response.status, response.reason or "", headers, head)
        if has_body(head.view.method, response.status):
            await self._relay_body(response, upstream, length, is_chunked=is_chunked)

    def _response_head(
        self, response: aiohttp.ClientResponse, *, identified: bool
    ) -> tuple[Headers, int | None]:
        raw = tuple((name.lower(), value) for name, value in response.raw_headers)
        try:
            return response_headers(raw, self.request_id, identified=identified), response_length(raw)
        except ResponseFault as fault:
            _log.warning("request %s: the upstream's head: %s", self.request_id, fault)
            raise Refused(Deny(Reason.UPSTREAM_PROTOCOL)) from None

    async def _write_head(self, status: int, reason: str, headers: Headers, head: Head) -> None:
        if not self.keep_alive:
            headers = (*headers, (b"connection", b"close"))
        elif head.version < (1, 1):
            headers = (*headers, (b"connection", b"keep-alive"))
        self.status = status
        await self.request.writer.write(head_bytes(status_line(status, reason), headers))
        self._own_s = self._own_time()

    async def _relay_body(
        self,
        response: aiohttp.ClientResponse,
        upstream: Upstream,
        length: int | None,
        *,
        is_chunked: bool,
    ) -> None:
        write = self.request.writer.write
        while chunk := await self._next_chunk(response, upstream.timeout_idle_s):
            self.bytes_out += len(chunk)
            await write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
        if length is not None and self.bytes_out != length:
            raise CutShort("upstream_cut")
        if is_chunked:
            await write(b"0\r\n\r\n")

    async def _next_chunk(self, response: aiohttp.ClientResponse, idle_s: float) -> bytes:
        """What the upstream sent next; empty at its proper end."""
        try:
            async with asyncio.timeout(idle_s):
                return await response.content.readany()
        except TimeoutError:
            raise CutShort("upstream_idle") from None
        except (aiohttp.ClientError, OSError) as trouble:
            _log.warning("request %s: the upstream's answer was cut: %s", self.request_id, trouble)
            raise CutShort("upstream_cut") from None

    async def _relay_upgrade(
        self, head: Head, upstream: Upstream, composed: UpstreamHead, response: aiohttp.ClientResponse
    ) -> None:
        raw = tuple((name.lower(), value) for name, value in response.raw_headers)
        fault = "switched protocols unasked"
        if head.view.kind is Kind.WEBSOCKET:
            fault = handshake_fault(composed.headers, raw) or ""
        if fault:
            raise Refused(Deny(Reason.UPSTREAM_PROTOCOL, {"what": fault}))
        headers, _ = self._response_head(response, identified=False)
        upgrade = ((b"connection", b"Upgrade"), (b"upgrade", b"websocket"))
        self.status = 101
        line = status_line(101, "Switching Protocols")
        await self.request.writer.write(head_bytes(line, (*headers, *upgrade)))
        self._own_s = self._own_time()
        self.keep_alive = False
        self.cut = await tunnel(
            self.request, response, upstream.timeout_idle_s, self._count_in, self._count_out
        )
        self._hang_up()

    def _count_in(self, count: int) -> None:
        self.bytes_in += count

    def _count_out(self, count: int) -> None:
        self.bytes_out += count

    async def _refuse(self, deny: Deny) -> None:
        self.reason = deny.reason
        self.route_id = deny.route_id or self.route_id
        self.deny_key_id = deny.key_id
        reply = refusal(deny, self.request_id, self.around.gatekeeper.prefix)
        if reply.close:
            self.keep_alive = False
        await self._send_reply(reply)

    async def _send_reply(self, reply: Reply) -> None:
        if not self._body_is_read():
            self.keep_alive = False
        self.status = reply.status
        self.bytes_out = 0 if self.request.method == "HEAD" else len(reply.body)
        is_head = self.request.method == "HEAD"
        await self.request.writer.write(reply_bytes(reply, is_head=is_head, keep_alive=self.keep_alive))

    def _body_is_read(self) -> bool:
        return self.request.content.is_eof()

    def _own_time(self) -> float | None:
        if self._asked_at is None or self._head_at is None:
            return None
        return (self._asked_at - self.began) + (self.around.clock.monotonic() - self._head_at)

    def _end(self, deny: Deny, task: asyncio.Task[object] | None) -> None:
        self._ended = deny
        if task is not None:
            task.cancel()

    async def _was_ended(self) -> bool:
        """Whether the cancellation was ours, because the key died; if so, say it or cut."""
        task = asyncio.current_task()
        if self._ended is None or task is None:
            return False
        task.uncancel()
        if self.status:
            self.cut = "key_ended"
            self._hang_up()
        else:
            self.keep_alive = False
            with suppress(ConnectionError):
                await self._refuse(self._ended)
        return True

    def _caller_is_gone(self) -> bool:
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def _hang_up(self) -> None:
        """Close without an ending; what has not left yet is thrown away, so that nothing trickles on."""
        self.keep_alive = False
        transport = self.request.transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    def _finish(self) -> None:
        now = self.around.clock.monotonic()
        view = self.head.view if self.head is not None else None
        identity = self.allow.identity if self.allow is not None else None
        route = self.allow.route if self.allow is not None else None
        self.around.observer.exchange_ended(
            Exchange(
                request_id=self.request_id,
                kind=view.kind.value if view is not None else Kind.PLAIN.value,
                method=self.request.method,
                path=view.target.path if view is not None else "",
                route_id=self.route_id,
                upstream=route.upstream or None if route is not None else None,
                key_id=identity.key_id if identity is not None else self.deny_key_id,
                key_name=identity.name if identity is not None else None,
                peer=view.peer if view is not None else self.peer,
                status=self.status,
                reason=self.reason,
                cut=self.cut,
                bytes_in=self.bytes_in,
                bytes_out=self.bytes_out,
                duration_s=now - self.began,
                first_byte_s=None if self._head_at is None else self._head_at - self.began,
                own_s=self._own_s,
            )
        )
