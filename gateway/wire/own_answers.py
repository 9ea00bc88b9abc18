"""What the gateway itself says on the proxied port: `/.keyhatch/health`, `/.keyhatch/me` and `OPTIONS *`."""

from typing import Final

from gateway.core.keys import ApiKey
from gateway.core.policy import moment
from gateway.core.routes import FORWARDED_METHODS
from gateway.wire.reply import Reply, answer

_ALLOW: Final = ", ".join(sorted(FORWARDED_METHODS)).encode("ascii")


def health(request_id: str) -> Reply:
    """The gateway takes requests. It says nothing about the upstream or the store (see /readyz)."""
    return answer(200, {"status": "ok"}, request_id)


def server(request_id: str) -> Reply:
    """To whoever asks what may be asked at all (RFC 9110 §9.3.7). A route may take less."""
    return Reply(200, ((b"allow", _ALLOW), (b"x-request-id", request_id.encode("ascii"))), b"")


def me(key: ApiKey | None, now: float, request_id: str) -> Reply:
    """To the holder of a key: what it is called, may do, how long it lives and when it was last used."""
    if key is None:
        return answer(200, {"name": "anonymous"}, request_id)
    described = {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "status": key.status(now).value,
        "expires_at": None if key.expires_at is None else moment(key.expires_at),
        "last_used_at": None if key.last_used_at is None else moment(key.last_used_at),
        "last_used_from": key.last_used_from,
    }
    return answer(200, described, request_id)
