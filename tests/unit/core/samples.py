"""What the tests of the core share: keys of ours, requests, records and routes, made in one line each."""

import hashlib
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from gateway.core.keys import ApiKey, Network, compose_secret, digest_of
from gateway.core.request import Kind, RequestView, Target, read_target
from gateway.core.routes import Route, RouteTable

PREFIX = "kh"
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
PEER = "192.0.2.7"


def secret(number: int = 0, prefix: str = PREFIX) -> str:
    """The text of a key of ours; each number gives another one."""
    return compose_secret(prefix, hashlib.sha256(str(number).encode()).digest()).reveal()


A, B = secret(1), secret(2)


def target(raw: bytes | str) -> Target:
    """A target that must be acceptable."""
    accepted = read_target(raw.encode("ascii") if isinstance(raw, str) else raw)
    assert isinstance(accepted, Target), accepted
    return accepted


def view(
    *headers: tuple[bytes | str, bytes | str],
    method: str = "GET",
    path: bytes | str = "/",
    kind: Kind = Kind.PLAIN,
    peer: str = PEER,
    called: tuple[bytes, ...] = (b"localhost:8080",),
) -> RequestView:
    """A request with these headers."""
    fields = tuple((_raw(n), _raw(v)) for n, v in headers)
    return RequestView(method, target(path), fields, peer, kind, called)


def _raw(part: bytes | str) -> bytes:
    return part.encode() if isinstance(part, str) else part


def record(text: str = A, /, **facts: Any) -> ApiKey:
    """A living record of this secret, with every scope unless told otherwise."""
    given = {
        "id": "key_1",
        "name": "laptop",
        "preview": "kh_…",
        "scopes": frozenset({"*"}),
        "created_at": NOW,
    }
    return ApiKey(**{"digest": digest_of(text), **given, **facts})


def networks(*texts: str) -> tuple[Network, ...]:
    """Networks from their text form."""
    return tuple(ip_network(text) for text in texts)


def table(*routes: Route) -> RouteTable:
    """A compiled table."""
    return RouteTable(routes)


def routes_at(paths: Iterable[str]) -> list[Route]:
    """One route for each path, named by it, open to any valid key."""
    return [Route(path, path) for path in paths]
