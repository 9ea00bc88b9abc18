"""Request heads for the tests of the wire: well-formed but for what a test says."""

from typing import Final

from gateway.core.credentials import NOTHING_TO_STRIP, Strip
from gateway.core.decision import Allow, Identity
from gateway.core.hosts import Hosts
from gateway.core.keys import Network
from gateway.core.refusal import Deny
from gateway.core.request import Headers
from gateway.core.routes import Route
from gateway.wire.request_head import Head, Limits, Version, read_head
from gateway.wire.upstream import Hop, Upstream

HOST: Final = (b"Host", b"gateway.test")
PEER: Final = "198.51.100.7"
IDENTITY: Final = Identity("k-1", "Inventory", "ops", ("chat:write", "models:read"))
ROUTE: Final = Route("any", "/**", "local")
UPSTREAM: Final = Upstream("local", "http", "10.9.8.7", 11434)
WEBSOCKET: Final = (
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Upgrade", b"websocket"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


def reading(
    *headers: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    version: Version = (1, 1),
    peer: str = PEER,
    limits: Limits | None = None,
    trusted: tuple[Network, ...] = (),
) -> Head | Deny:
    """What `read_head` says to exactly these headers."""
    return read_head(method, target, version, headers, peer, limits or Limits(), trusted)


def head_of(
    *headers: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    trusted: tuple[Network, ...] = (),
    peer: str = PEER,
) -> Head:
    """The head of a good request with a `Host` and these headers."""
    head = reading(HOST, *headers, method=method, target=target, trusted=trusted, peer=peer)
    assert isinstance(head, Head), head
    return head


def allowing(strip: Strip = NOTHING_TO_STRIP, identity: Identity | None = IDENTITY) -> Allow:
    """A decision to let a request pass."""
    return Allow(ROUTE, strip, identity)


def hop(peer: str = PEER, trusted: tuple[Network, ...] = ()) -> Hop:
    """What this hop knows itself."""
    return Hop(peer, "req-1", trusted=trusted, hosts=Hosts(["gateway.test", "ai.example"]))


def lookup(headers: Headers, name: bytes) -> list[bytes]:
    """All values of a field, whatever its case."""
    return [value for field, value in headers if field.lower() == name]
