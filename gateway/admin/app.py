"""The application on the admin listener: what holds for every answer there, whoever adds routes to it.

Rules
1. The `Host` must be one of ours (`gateway.core.hosts`); anything else is 421.
2. Every refusal is `application/problem+json` (RFC 9457): an unknown path 404, a wrong method 405 with
   `Allow`, an accident 500 with its traceback in the log and nothing of it in the answer.
3. No answer is stored, guessed at by type, or told where it came from, and none names versions.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.answers import HEADERS, PROBLEM, problem_text
from gateway.admin.health import PATHS, Pages
from gateway.core.hosts import Hosts

_LOG: Final = logging.getLogger("gateway.admin")


def build_admin_app(pages: Pages, hosts: Hosts) -> web.Application:
    """The application that shows these pages, open to further routes until it is started."""
    app = web.Application(middlewares=[_problems, _host_check(hosts)])
    app.on_response_prepare.append(_add_headers)
    for path in PATHS:
        app.router.add_get(path, _show(pages, path))
    return app


def _show(pages: Pages, path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        page = await pages.of(path, ",".join(request.headers.getall(hdrs.ACCEPT, [])))
        return web.Response(
            body=page.body, status=page.status, headers={hdrs.CONTENT_TYPE: page.content_type}
        )

    return show


def problem(
    status: HTTPStatus, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A refusal as RFC 9457 has it. `detail` is for the caller's eyes."""
    return web.Response(
        text=problem_text(status, detail), status=status, headers=headers, content_type=PROBLEM
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


def _host_check(hosts: Hosts) -> Middleware:
    """Rule 1. Before HTTP/1.1 a caller may leave the `Host` out; such a caller is no browser."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.getall(hdrs.HOST, [])
        if len(shown) > 1 or (not shown and request.version >= HttpVersion11):
            return problem(HTTPStatus.BAD_REQUEST, "A request names exactly one Host.")
        if shown and shown[0] not in hosts:
            return problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This listener answers to IP addresses, to names without a dot, such as localhost, and to "
                "those in server.admin_names.",
            )
        return await handler(request)

    return check


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Rule 3; a route may say otherwise for itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall(hdrs.SERVER, None)
