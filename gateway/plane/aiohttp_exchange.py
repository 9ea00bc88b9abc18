"""One exchange on the aiohttp plane, from a read head to the last byte, told as a straight story.

1. The head is read and the gatekeeper asked; a refusal is written and that was it.
2. Allowed: the exchange is registered under its key, then forwarded (`aiohttp_forward`).
3. Whatever happens, the observer is told exactly once.

An exchange can be ended from outside: the caller leaves, its key dies, the gateway stops. Each arrives as a
cancellation and is told apart here. A dead key becomes its refusal if no head was sent yet; otherwise the
connection is closed, and what was not sent by then is thrown away.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Final

from aiohttp import web

from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers
from gateway.core.routes import Own
from gateway.plane.account import SEEN_CHARS_MAX, Account
from gateway.plane.aiohttp_caller import Answer, CutShort, protocol_of
from gateway.plane.aiohttp_forward import Forward, Refused
from gateway.plane.aiohttp_upstream import UpstreamSession
from gateway.plane.contract import Ground, Surroundings
from gateway.plane.own_reply import refuse, reply_bytes
from gateway.plane.reset import reset_on_close
from gateway.wire.by_address import told_path
from gateway.wire.cors import Share, own_fields, share_of
from gateway.wire.headers import request_id_of
from gateway.wire.own_answers import health, me, preflight, server
from gateway.wire.reply import Reply
from gateway.wire.request_head import Head, malformed, read_head
from gateway.wire.response_head import head_bytes
from gateway.wire.trace import PARENT, parent_of
from gateway.wire.upstream import Hop, compose_head
from gateway.wire.way_back import WayBack

_log: Final = logging.getLogger("gateway.plane")


def new_request_id() -> str:
    """16 hexadecimal characters."""
    return secrets.token_hex(8)


class AiohttpExchange:
    """One request and its response."""

    def __init__(
        self, request: web.BaseRequest, ground: Ground, around: Surroundings, session: UpstreamSession
    ) -> None:
        self._request = request
        self._ground = ground
        self._around = around
        self._session = session
        self._ended: Deny | None = None
        self._shared_with: Share | None = None
        self._shared: Headers = ()
        self.account = Account(
            request_id=new_request_id(),
            method=request.method,
            peer=protocol_of(request).peer,
            began=around.clock.monotonic(),
            keep_alive=bool(request.keep_alive),
        )

    async def run(self) -> Answer:
        """Serve the request; the returned answer only says whether the connection stays open."""
        account = self.account
        self._around.observer.exchange_began()
        try:
            await self._serve()
        except asyncio.CancelledError:
            if not await self._was_ended():
                account.cut = self._who_left()
                raise
        except CutShort as stop:
            account.cut = stop.cause
            self._hang_up()
        except ConnectionError:
            account.cut = "caller_gone"
            self._hang_up()
        finally:
            self._around.observer.exchange_ended(account.told(self._around.clock.monotonic()))
        return Answer(keep_alive=account.keep_alive and account.cut is None)

    async def _serve(self) -> None:
        try:
            await self._decide_and_carry_out()
        except Refused as refused:
            await self._refuse(refused.deny)
        except (CutShort, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - an accident must end in a refusal, never in silence
            _log.exception("request %s met something unexpected", self.account.request_id)
            if self.account.status:
                raise CutShort("upstream_cut") from None
            what = "could not be asked because of a fault in the gateway"
            await self._refuse(Deny(Reason.UPSTREAM_PROTOCOL, {"what": what}))

    async def _decide_and_carry_out(self) -> None:
        head = self._read_head()
        gatekeeper = self._around.gatekeeper
        decision = gatekeeper.peek(head.view)
        self._share(head.view.headers, decision)
        if isinstance(decision, NeedKey):
            decision = await gatekeeper.settle(decision)
        if isinstance(decision, Deny):
            raise Refused(decision)
        self.account.allow = decision
        serving = asyncio.current_task()
        leave = gatekeeper.attend(decision, lambda deny: self._end(deny, serving))
        try:
            await self._carry_out(head, decision)
        finally:
            leave()

    def _read_head(self) -> Head:
        request = self._request
        head = read_head(
            request.method.encode("utf-8", "surrogateescape"),
            request.raw_path.encode("utf-8", "surrogateescape"),
            (request.version.major, request.version.minor),
            request.raw_headers,
            self.account.peer,
            self._ground.limits,
            self._ground.trusted,
            slashes=self._around.gatekeeper.table.takes_slashes,
        )
        if isinstance(head, Deny):
            self.account.path = request.raw_path.partition("?")[0][:SEEN_CHARS_MAX]
            self.account.belongs_to(parent_of(request.raw_headers))
            self._share(request.raw_headers, None)
            raise Refused(head)
        if not all(map(_is_text, head.view.headers)):
            raise Refused(malformed("a header value is not UTF-8"))
        account, view = self.account, head.view
        account.path, account.kind, account.peer = told_path(view.target.path), view.kind.value, view.peer
        account.request_id = request_id_of(view.headers) or account.request_id
        account.belongs_to(head.parent)
        return head

    def _share(self, headers: Headers, decision: Decision | None) -> None:
        """Whom of other origins the answer is shared with."""
        self._shared_with = share_of(headers, decision, self._around.gatekeeper.table)
        self._shared = own_fields(headers, decision, self._shared_with)

    async def _carry_out(self, head: Head, allow: Allow) -> None:
        account, clock = self.account, self._around.clock
        if allow.route.own is Own.HEALTH:
            await self._send(health(account.request_id))
        elif allow.route.own is Own.SERVER:
            await self._send(server(account.request_id))
        elif allow.route.own is Own.PREFLIGHT:
            await self._send(preflight(account.request_id))
        elif allow.route.own is Own.ME:
            gatekeeper = self._around.gatekeeper
            last_use = gatekeeper.last_use(allow)
            key = allow.key if last_use else await gatekeeper.record_of(allow)
            await self._send(me(key, clock.now(), account.request_id, last_use))
        else:
            await self._pass_on(head, allow)

    async def _pass_on(self, head: Head, allow: Allow) -> None:
        account, clock, ground = self.account, self._around.clock, self._ground
        upstream, tracer = ground.upstreams[allow.route.upstream], ground.tracer
        peer, hosts = protocol_of(self._request).peer, self._around.gatekeeper.table.hosts
        hop = Hop(peer, account.request_id, ground.scheme, ground.trusted, hosts, tracer is not None)
        forward = Forward(self._request, head, account, upstream, ground.limits, clock)
        composed = compose_head(head, allow, upstream, hop)
        if composed.fault is not None:
            raise Refused(composed.fault)
        if tracer is not None and (
            parent := tracer.asks(account, upstream, clock.monotonic() - account.began)
        ):
            composed = replace(composed, headers=(*composed.headers, (PARENT, parent)))
        asked = head_bytes(b"", composed.headers)
        back = WayBack(allow.route, upstream, asked, self._shared_with)
        await forward.run(self._session, composed, back)

    async def _refuse(self, deny: Deny) -> None:
        reply = refuse(self.account, deny, self._around.gatekeeper)
        if reply.close:
            self.account.keep_alive = False
        await self._send(reply)

    async def _send(self, reply: Reply) -> None:
        account = self.account
        if account.is_websocket or not self._request.content.is_eof():
            account.keep_alive = False
        is_head = self._request.method == "HEAD"
        account.status = reply.status
        account.bytes_out = 0 if is_head else len(reply.body)
        caller = protocol_of(self._request)
        await caller.deliver(
            reply_bytes(reply, caller.date(), self._shared, is_head=is_head, keep_alive=account.keep_alive)
        )
        if not self._request.content.is_eof():
            caller.say_no_more()

    def _end(self, deny: Deny, serving: asyncio.Task[object] | None) -> None:
        self._ended = deny
        if serving is not None:
            serving.cancel()

    async def _was_ended(self) -> bool:
        """Whether the cancellation was ours, because the key died; if so, say it or cut."""
        serving = asyncio.current_task()
        if self._ended is None or serving is None:
            return False
        serving.uncancel()
        if self.account.status:
            self.account.cut = "key_ended"
            self._hang_up()
        else:
            self.account.keep_alive = False
            with suppress(ConnectionError, CutShort):
                await self._refuse(self._ended)
        return True

    def _who_left(self) -> str | None:
        """A WebSocket that its caller closes has simply come to its end."""
        if protocol_of(self._request).is_cut:
            return "shutdown"
        return None if self.account.status == 101 else "caller_gone"

    def _hang_up(self) -> None:
        """Close without an ending; what has not left yet is thrown away, so that nothing trickles on.

        Where closing is the ending, the connection is reset instead (RFC 9112 §8: a cut must be seen).
        """
        self.account.keep_alive = False
        transport = self._request.transport
        if transport is None:
            return
        if self.account.ends_by_closing:
            reset_on_close(transport)
        if self.account.ends_by_closing or transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()


def _is_text(field: tuple[bytes, bytes]) -> bool:
    """Whether aiohttp's client can send a field as it is: of other bytes it would lose some."""
    try:
        field[1].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
