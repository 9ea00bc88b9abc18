"""The running demo upstream: an aiohttp application on a loopback port, and how to stop it.

`start_demo` returns when the port is open. Port 0 lets the system choose; `Demo.url` tells which. Stopping
ends open streams and WebSockets at once, because a demo holds nothing that is worth waiting for.
"""

from types import TracebackType
from typing import Final, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.demo import audio, chat, echo, plain, settings

STOP_PATIENCE_S: Final = 0.25


class Demo:
    """A demo upstream that is running. `url` has no trailing slash. It is also an async context manager."""

    def __init__(self, runner: web.AppRunner, url: str) -> None:
        self._runner = runner
        self.url = url

    async def stop(self) -> None:
        """Close the port and every connection. Stopping twice is harmless."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def start_demo(host: str = "127.0.0.1", port: int = 0, *, pause_s: float = 0.12) -> Demo:
    """Start the demo upstream, with `pause_s` before each streamed piece. OSError if the port is taken."""
    runner = web.AppRunner(_application(pause_s), access_log=None, shutdown_timeout=STOP_PATIENCE_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    bound = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return Demo(runner, f"http://{shown}:{bound}")


@web.middleware
async def _bear_leaving(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A caller that leaves in the middle of an answer is nothing to tell anyone about."""
    try:
        return await handler(request)
    except ConnectionResetError:
        return web.Response()


def _application(pause_s: float) -> web.Application:
    app = web.Application(client_max_size=settings.BODY_BYTES_MAX, middlewares=[_bear_leaving])
    app[settings.PAUSE_S] = pause_s
    app.add_routes(
        [
            web.get("/", plain.hello),
            web.get("/headers", plain.identity_headers),
            web.get("/v1/models", chat.list_models),
            web.post("/v1/chat/completions", chat.complete),
            web.get("/ws/echo", echo.echo_messages),
            web.get("/audio", audio.stream_tone),
            web.route("*", "/{rest:.*}", plain.nothing_here),
        ]
    )
    return app
