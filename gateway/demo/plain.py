"""The plain answers of the demo upstream: a hello, the identity headers it received, and `nothing here`."""

from typing import Final

from aiohttp import web

from gateway.demo.errors import error_reply

CREDENTIAL_HEADERS: Final = frozenset(
    {"authorization", "x-api-key", "api-key", "xi-api-key", "x-goog-api-key"}
)

HELLO: Final = """Hello from the Keyhatch demo upstream.

This page is public: its route says `public: true`. Everything else here needs a key.
  GET  /v1/models             scope models:read
  POST /v1/chat/completions   scope chat:write   ("stream": true streams it)
  GET  /audio                 scope audio:speech (a WAV tone, streamed)
  GET  /ws/echo               any key            (WebSocket, echoes text and bytes)
  GET  /headers               any key            (what the gateway says about you)
"""


async def hello(_request: web.Request) -> web.Response:
    """Say hello, as text."""
    return web.Response(text=HELLO)


async def identity_headers(request: web.Request) -> web.Response:
    """Tell which `X-Keyhatch-*` headers arrived, and whether a credential did (none should)."""
    received = {name.lower(): value for name, value in request.headers.items()}
    identity = {name: value for name, value in received.items() if name.startswith("x-keyhatch-")}
    credentials = sorted(CREDENTIAL_HEADERS & received.keys())
    return web.json_response({"identity": identity, "credentials": credentials})


async def nothing_here(request: web.Request) -> web.Response:
    """Answer every other path with 404 in the form that AI clients read."""
    return error_reply(404, f"The demo upstream has nothing at {request.method} {request.path}.", "not_found")
