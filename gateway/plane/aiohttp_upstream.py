"""The upstream's side of the aiohttp plane: one client session with a browser's manners taken out.

aiohttp's client is made for people who fetch pages. A proxy must not keep cookies between callers, follow
redirects, decompress, add headers, requote the target, give up after five minutes, queue behind a hundred
streams or repeat a request that may have been carried out; each of these is switched off here, and the
target is compared with the judged bytes before it is sent (aiohttp 3.14's defaults, read in its source).
"""

import asyncio
import functools
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from gateway.core.refusal import Deny, Reason
from gateway.wire.request_head import Limits
from gateway.wire.response_head import ResponseFault
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import UpstreamHead

IDLE_CONNECTION_S: Final = 4.0  # uvicorn and Node close idle connections after 5 s: be first, avoid the race
DNS_TTL_S: Final = 10
READ_BYTES: Final = 65_536
_NO_AUTO_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_FRESH: Final = "on a new connection"


class AllDrainedError(aiohttp.ClientConnectionError):
    """The operator has taken every target out."""


class UpstreamLink(ResponseHandler):
    """One connection, and the body it reads. Three gaps of aiohttp 3.14 are closed here.

    What arrives while nobody asks would be taken for the answer to the next request, whoever's that is. A
    body whose chunks break is never told so: its reader would wait until the idle time is over. And one that
    only its connection ends would take a reset for its end.
    """

    body: aiohttp.StreamReader | None = None
    asked = 0

    def set_response_params(self, **params: Any) -> None:
        """A request begins."""
        self.body = None
        self.asked += 1
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Close on bytes behind the end of the answer."""
        if data and self.body is not None and self.body.is_eof() and not self.upgraded:
            self.close()
        else:
            super().data_received(data)
            # A body's end and a second answer in one piece: the pool took the connection back in between.
            is_over = self.body is not None and self.body.is_eof() and not self.upgraded
            if is_over and (self._buffer or self._tail):
                self.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone; a body that has not come to its end by then never will."""
        if exc is not None:
            self._break_off()
        super().connection_lost(exc)
        self._break_off()
        trouble = self.exception()
        if trouble is not None and self.asked == 1:
            trouble.add_note(_FRESH)

    def _break_off(self) -> None:
        if self.body is not None and not self.body.is_eof() and self.body.exception() is None:
            self.body.set_exception(aiohttp.ClientPayloadError("the connection ended before the body"))


class UpstreamResponse(aiohttp.ClientResponse):
    """A response that can have its connection closed, also when aiohttp has put it back for others."""

    _link: UpstreamLink | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Read the head."""
        if isinstance(connection.protocol, UpstreamLink):
            self._link = connection.protocol
        await super().start(connection)
        if self._link is not None:
            self._link.body = self.content
        return self

    def discard(self) -> None:
        """Nothing more is believed of this connection."""
        if self._link is not None:
            self._link.close()
        self.close()


class UpstreamConnector(aiohttp.TCPConnector):
    """aiohttp's connector, making our links; there is no public switch."""

    def __init__(self) -> None:
        super().__init__(
            limit=0, keepalive_timeout=IDLE_CONNECTION_S, ttl_dns_cache=DNS_TTL_S, use_dns_cache=True
        )
        self._factory = functools.partial(UpstreamLink, loop=self._loop)  # type: ignore[assignment]


class UnixUpstreamConnector(aiohttp.UnixConnector):
    """The same for one Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__(path, limit=0, keepalive_timeout=IDLE_CONNECTION_S)
        self._factory = functools.partial(UpstreamLink, loop=self._loop)  # type: ignore[assignment]


class UpstreamSession:
    """Connections to all upstreams. One for the life of the plane."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session = self._made(UpstreamConnector())
        self._unix: dict[str, aiohttp.ClientSession] = {}

    async def send(
        self,
        target: UpstreamTarget,
        head: UpstreamHead,
        body: AsyncIterator[bytes] | None,
        connect_s: float,
    ) -> UpstreamResponse:
        """Send one request once and return with the response's head; raises `aiohttp.ClientError`."""
        tls = target.tls
        response = await self._to(target).request(
            head.method,
            url_of(target, head.target),
            headers=CIMultiDict(
                (name.decode("ascii"), value.decode("utf-8")) for name, value in head.headers
            ),
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
            ssl=True if tls is None or tls.context is None else tls.context,
            server_hostname=None if tls is None else tls.server_name,
        )
        assert isinstance(response, UpstreamResponse)  # noqa: S101 - the session's response_class
        return response

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._session, *self._unix.values()):
            await session.close()

    def _to(self, target: UpstreamTarget) -> aiohttp.ClientSession:
        if not target.path:
            return self._session
        session = self._unix.get(target.path)
        if session is None:
            session = self._unix[target.path] = self._made(UnixUpstreamConnector(target.path))
        return session

    def _made(self, connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector,
            response_class=UpstreamResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_NO_AUTO_HEADERS,
            read_bufsize=READ_BYTES,
            max_line_size=self._limits.head_bytes_max,
            max_field_size=self._limits.head_bytes_max,
        )
        # aiohttp would repeat PUT and DELETE on a connection that died under them; there is no public switch.
        session._retry_connection = False  # noqa: SLF001
        return session


def is_fresh(trouble: Exception) -> bool:
    """Whether the connection that died had been made for this very request."""
    return _FRESH in getattr(trouble, "__notes__", ())


def url_of(upstream: UpstreamTarget, target: bytes) -> URL:
    """The URL whose request line carries exactly these bytes; raises `ResponseFault` rather than another.

    Only the `?` of an empty query is left out: yarl does not keep it.
    """
    path, _, query = target.decode("ascii").partition("?")
    url = URL.build(
        scheme=upstream.scheme,
        host=f"[{upstream.host}]" if ":" in upstream.host else upstream.host,
        port=upstream.port,
        path=path,
        query_string=query,
        encoded=True,
    )
    if url.raw_path_qs != (f"{path}?{query}" if query else path):
        raise ResponseFault("the target cannot be sent as it was judged")
    return url


def fault_of(trouble: Exception) -> Deny:
    """The refusal for what went wrong before the upstream's head arrived. Never names its address."""
    if isinstance(trouble, (aiohttp.ServerTimeoutError, asyncio.TimeoutError)):
        return Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"})
    if isinstance(trouble, (aiohttp.ClientConnectorError, AllDrainedError)):
        return Deny(Reason.UPSTREAM_UNREACHABLE)
    if isinstance(trouble, aiohttp.ServerDisconnectedError):
        return Deny(Reason.UPSTREAM_PROTOCOL, {"what": "closed the connection without answering"})
    if isinstance(trouble, aiohttp.ClientOSError):
        return Deny(Reason.UPSTREAM_PROTOCOL, {"what": "broke the connection before answering"})
    return Deny(Reason.UPSTREAM_PROTOCOL)
