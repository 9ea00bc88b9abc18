"""The gateway's own answers, refusals among them, for every plane alike."""

from typing import Final

from gateway.core.refusal import Deny
from gateway.core.request import Headers
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.account import Account
from gateway.wire.by_address import path_behind
from gateway.wire.reply import Reply, refusal
from gateway.wire.response_head import head_bytes, status_line

_PHRASES: Final = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def refuse(account: Account, deny: Deny, keeper: Gatekeeper) -> Reply:
    """The reply to a refused request, in the dialect that is spoken there; the account is told of it."""
    account.deny = deny
    route_id = deny.route_id if account.allow is None else account.allow.route.id
    spoken = keeper.table.dialect(route_id, path_behind(account.path))
    return refusal(deny, account.request_id, keeper.prefix, spoken)


def reply_bytes(reply: Reply, date: bytes, more: Headers = (), *, is_head: bool, keep_alive: bool) -> bytes:
    """A whole answer of the gateway's own, dated, framed by its length; without its body for HEAD."""
    headers: Headers = ((b"date", date), *reply.headers, *more)
    if reply.status != 204:  # RFC 9110 §8.6
        headers = (*headers, (b"content-length", str(len(reply.body)).encode("ascii")))
    if not keep_alive:
        headers = (*headers, (b"connection", b"close"))
    head = head_bytes(status_line(reply.status, _PHRASES.get(reply.status, "")), headers)
    return head if is_head else head + reply.body
