"""An upstream that remembers what it was sent, and who left before their answer was whole.

What it answers is the test's: routes of aiohttp. Around every one of them it notes the request in `seen`,
counts it in `open_now` while it is under way, and in `left` when its caller went away before the end. That
is what a server with a graphics card must notice: whoever leaves stops the work.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from tests.support.real_upstreams import AppUpstream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. Names of headers are in lower case; a form with files has no body here."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def everything(self) -> str:
        """All of it, to search in."""
        head = json.dumps([self.method, self.target, dict(self.headers)])
        return head + self.body.decode("utf-8", "replace")


class WatchedUpstream(AppUpstream):
    """Read its attributes at any time."""

    def __init__(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        @web.middleware  # marks what it is given, and a bound method cannot be marked
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._watch(request, handler)

        app = web.Application(middlewares=[watch], client_max_size=BODY_BYTES_MAX)
        app.add_routes(routes)
        super().__init__(app)
        self.seen: list[Seen] = []
        self.open_now: Counter[str] = Counter()
        self.left: Counter[str] = Counter()

    def last(self, path: str = "") -> Seen:
        """The latest request, or the latest to this path."""
        return next(each for each in reversed(self.seen) if not path or each.path == path)

    def count(self, path: str) -> int:
        """How many requests to this path there ever were."""
        return sum(each.path == path for each in self.seen)

    def has_seen(self, secret: str) -> bool:
        """Whether this stood anywhere in any request."""
        return any(secret in each.everything() for each in self.seen)

    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        form = request.content_type.startswith("multipart/")  # aiohttp reads those itself, once
        body = b"" if form else await request.read()
        self.seen.append(Seen(request.method, request.raw_path, headers, body))
        path = request.path
        self.open_now[path] += 1
        try:
            return await handler(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.left[path] += 1
            raise
        finally:
            self.open_now[path] -= 1
