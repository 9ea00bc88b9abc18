"""What the demo is made of: its limits, and the configuration that puts the gateway before it."""

from typing import Any, Final

from aiohttp import web

PAUSE_S: Final = web.AppKey("pause_s", float)
BODY_BYTES_MAX: Final = 16 * 1024 * 1024
STORE_URL: Final = "sqlite:///keyhatch-demo.db"
SCOPES: Final = {
    "models:read": "List models",
    "chat:write": "Ask for completions",
    "audio:speech": "Listen to the tone",
}


def demo_settings(upstream_url: str) -> dict[str, Any]:
    """The configuration for `serve --demo`, as its YAML would read."""
    return {
        "store": {"url": STORE_URL},
        "scopes": dict(SCOPES),
        "upstreams": {"demo": {"url": upstream_url}},
        "routes": [
            _route("welcome", "/", methods=["GET"], public=True),
            _route("models", "/v1/models", methods=["GET"], scopes=["models:read"]),
            _route("chat", "/v1/chat/completions", methods=["POST"], scopes=["chat:write"]),
            _route("audio", "/audio", methods=["GET"], scopes=["audio:speech"]),
            _route("echo", "/ws/echo", methods=["GET"], scopes=[]),
            _route("headers", "/headers", methods=["GET"], scopes=[]),
        ],
    }


def _route(route_id: str, path: str, **rest: Any) -> dict[str, Any]:
    return {"id": route_id, "path": path, **rest, "upstream": "demo"}
