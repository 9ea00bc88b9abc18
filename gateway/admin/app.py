"""The application on the admin listener: what holds for every answer there, whoever adds routes to it.

Rules
1. The `Host` must be an IP address, a name without a dot (`localhost`, `keyhatch` in a container network) or
   a configured name; anything else is 421. A web page elsewhere can make its own name lead to this listener
   (DNS rebinding), but that name has a dot, and its visitor's browser sends it as the `Host`.
2. Every refusal is `application/problem+json` (RFC 9457): an unknown path 404, a wrong method 405 with
   `Allow`, an accident 500 with its traceback in the log and nothing of it in the answer.
3. No answer is stored, guessed at by type, or told where it came from, and none names versions.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.health import Check, add_health
from gateway.metrics import Metrics

CHECK_DEADLINE_S: Final = 2.0
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_LOCAL_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_LOG: Final = logging.getLogger("gateway.admin")


def build_admin_app(
    checks: Mapping[str, Check],
    metrics: Metrics,
    *,
    hosts: Iterable[str] = (),
    deadline_s: float = CHECK_DEADLINE_S,
) -> web.Application:
    """`/healthz`, `/readyz` and `/metrics`, open to further routes until it is started.

    `checks` are what readiness means, by name: each returns when all is well and raises otherwise. `hosts`
    are the names with dots by which this listener may be called.
    """
    app = web.Application(middlewares=[_problems, _host_check(hosts)])
    app.on_response_prepare.append(_add_headers)
    add_health(app, checks, metrics, deadline_s)
    return app


def problem(
    status: HTTPStatus, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A refusal as RFC 9457 has it. `detail` is for the caller's eyes."""
    body: dict[str, str | int] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if detail is not None:
        body["detail"] = detail
    return web.Response(
        text=json.dumps(body), status=status, headers=headers, content_type="application/problem+json"
    )


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Rule 2: whatever a handler raises becomes a problem."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        if refusal.status < HTTPStatus.BAD_REQUEST:
            raise
        allow = refusal.headers.get(hdrs.ALLOW)
        return problem(HTTPStatus(refusal.status), headers=None if allow is None else {"Allow": allow})
    except Exception:  # noqa: BLE001 an accident in a handler is answered, and logged whole
        _LOG.exception("the admin listener met something unexpected: %s %s", request.method, request.path)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _host_check(hosts: Iterable[str]) -> Middleware:
    """Rule 1. Before HTTP/1.1 a caller may leave the `Host` out; such a caller is no browser."""
    names = frozenset(host.lower() for host in hosts)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.getall(hdrs.HOST, [])
        if len(shown) > 1 or (not shown and request.version >= HttpVersion11):
            return problem(HTTPStatus.BAD_REQUEST, "A request names exactly one Host.")
        if shown and not _is_ours(shown[0], names):
            return problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This listener answers to IP addresses and to names without a dot, such as localhost.",
            )
        return await handler(request)

    return check


def _is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a `Host` (name or address, perhaps a port) is one we answer to."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return bracket == "]" and _is_port(port) and _is_address(name, 6)
    name, colon, digits = host.partition(":")
    is_ours = name.lower() in names or _LOCAL_NAME.fullmatch(name) is not None or _is_address(name, 4)
    return _is_port(colon + digits) and is_ours


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and text[1:].isdecimal())


def _is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Rule 3; a route may say otherwise for itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall(hdrs.SERVER, None)
