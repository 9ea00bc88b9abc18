"""Signing in and out: a key is shown once, and a session stands for it from then on.

`POST /console/session` takes a key and answers with the token of a new session, whose other half is a cookie
(`gateway.admin.sessions`). `GET` tells a page that has both whom it speaks for; `DELETE` ends the session.
They refuse as the management API does, with problems, and whoever guesses keys is told to wait.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from gateway import __version__
from gateway.admin.api.access import Access, Visitor, plain, session_ended
from gateway.admin.api.asked import read_body
from gateway.admin.api.problems import Code, Refused
from gateway.admin.api.serve import answered
from gateway.admin.api.words import ShowKey
from gateway.admin.sessions import IDLE_S, Shown, cookie_name, shown_in
from gateway.keeper.authority import Want
from gateway.keeper.ports import Clock
from gateway.wire.key_json import as_json, rfc3339

PATH: Final = "/console/session"
_LOG: Final = logging.getLogger("gateway.console")
_NO_MANAGER: Final = (
    "This key is for callers: it manages no keys. Sign in with one that holds keyhatch:admin, "
    "keyhatch:write, keyhatch:read or keyhatch:own. The first admin key was shown at the first start; "
    "`keyhatch admin reset` on the gateway's host makes another."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page should know of the gateway beside keys.

    `proxy`: where callers knock, host and port; `scheme`: what they speak there.
    """

    proxy: tuple[str, int]
    prefix: str
    default_expiry_s: float | None
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The three questions about a session."""

    access: Access
    clock: Clock
    facts: Callable[[], Facts]

    def add_to(self, app: web.Application) -> None:
        """Give the application its routes."""
        for method, do in (("POST", self._begin), ("GET", self._tell), ("DELETE", self._end)):
            app.router.add_route(method, PATH, partial(answered, do))

    async def _begin(self, request: web.Request, _request_id: str) -> web.Response:
        shown = await read_body(request, ShowKey)
        visitor = await self.access.admit_text(shown.key, request.remote or "")
        if not (visitor.manager.may_everywhere(Want.LOOK) or visitor.manager.may_own(Want.LOOK)):
            raise Refused(HTTPStatus.FORBIDDEN, Code.NOT_ALLOWED, _NO_MANAGER)
        self.access.sessions.end(_session_of(request))
        opened = self.access.sessions.begin(visitor.digest)
        self.access.was_answered(visitor)
        _LOG.info("%s signed in to the console from %s", visitor.key.id, visitor.peer)
        told = self._told(visitor, Shown((opened.cookie,), opened.token, is_background=False))
        response = web.json_response({"token": opened.token, **told}, status=HTTPStatus.CREATED)
        _set_cookie(request, response, opened.cookie)
        return response

    async def _tell(self, request: web.Request, _request_id: str) -> web.Response:
        session = _session_of(request)
        if not session:
            raise session_ended()
        visitor = await self.access.admit(request.raw_headers, request.remote or "")
        return web.json_response(self._told(visitor, session))

    async def _end(self, request: web.Request, _request_id: str) -> web.Response:
        self.access.sessions.end(_session_of(request))
        response = web.Response(status=HTTPStatus.NO_CONTENT)
        _set_cookie(request, response, "", max_age=0)
        return response

    def _told(self, visitor: Visitor, session: Shown) -> dict[str, Any]:
        manager, facts, now = visitor.manager, self.facts(), self.clock.now()
        return {
            "key": as_json(visitor.key, now),
            "may": [want.value for want in Want if manager.may_everywhere(want) or manager.may_own(want)],
            "only_owner": manager.only_owner,
            "idle_s": IDLE_S,
            "ends_at": rfc3339(now + self.access.sessions.ends_in_s(session)),
            "version": __version__,
            "proxy": {"host": facts.proxy[0], "port": facts.proxy[1], "scheme": facts.scheme},
            "prefix": facts.prefix,
            "default_expiry_s": facts.default_expiry_s,
        }


def _session_of(request: web.Request) -> Shown:
    return shown_in(plain(request.raw_headers))


def _set_cookie(request: web.Request, response: web.Response, value: str, max_age: int | None = None) -> None:
    """Behind a proxy that ends TLS only the browser knows of it, and says so in `Origin`."""
    is_tls = request.secure or request.headers.get(hdrs.ORIGIN, "").lower().startswith("https://")
    host = request.headers.get(hdrs.HOST, "").encode("latin-1", "replace")
    response.set_cookie(
        cookie_name(host, is_tls=is_tls),
        value,
        max_age=max_age,
        path="/",
        secure=is_tls,
        httponly=True,
        samesite="Strict",
    )
