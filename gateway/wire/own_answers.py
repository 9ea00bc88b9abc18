"""What the gateway itself says on the proxied port: `/.keyhatch/health`, `/.keyhatch/me` and `OPTIONS *`."""

from functools import lru_cache
from typing import Final

from gateway.core.keys import ApiKey, Status
from gateway.core.policy import moment
from gateway.core.routes import FORWARDED_METHODS
from gateway.wire.reply import Reply, answer, answer_with, json_body

_ALLOW: Final = ", ".join(sorted(FORWARDED_METHODS)).encode("ascii")


def health(request_id: str) -> Reply:
    """The gateway takes requests. It says nothing about the upstream or the store (see /readyz)."""
    return answer(200, {"status": "ok"}, request_id)


def server(request_id: str) -> Reply:
    """To whoever asks what may be asked at all (RFC 9110 §9.3.7). A route may take less."""
    return Reply(200, ((b"allow", _ALLOW), (b"x-request-id", request_id.encode("ascii"))), b"")


def preflight(request_id: str) -> Reply:
    """To a browser that asks whether a page may call. What it may stands in `wire.cors`."""
    return Reply(204, ((b"x-request-id", request_id.encode("ascii")),), b"")


def me(key: ApiKey | None, now: float, request_id: str, last_use: tuple[float, str] | None = None) -> Reply:
    """To the holder of a key: what it is called, may do, how long it lives and when it was last used.

    `last_use` is when and from where, if more is known of it than stands in the record.
    """
    if key is None:
        return answer(200, {"name": "anonymous"}, request_id)
    used_at, used_from = last_use or (key.last_used_at, key.last_used_from)
    used_at_s = None if used_at is None else int(used_at)
    texts = (key.id, key.name, key.owner)
    body = _described(texts, key.scopes, key.status(now), key.expires_at, used_at_s, used_from)
    return answer_with(200, body, request_id)


@lru_cache(512)  # a key service is asked the same many times a second: 1 µs, not 8
def _described(
    texts: tuple[str, str, str],
    scopes: frozenset[str],
    status: Status,
    expires_at: float | None,
    used_at: int | None,
    used_from: str | None,
) -> bytes:
    return json_body(
        {
            "id": texts[0],
            "name": texts[1],
            "owner": texts[2],
            "scopes": sorted(scopes),
            "status": status.value,
            "expires_at": None if expires_at is None else moment(expires_at),
            "last_used_at": None if used_at is None else moment(used_at),
            "last_used_from": used_from,
        }
    )
