"""A running gateway before a watched upstream, and keys for it: what tests with real clients stand on.

Leaving it demands what must hold whatever a client did: the upstream saw none of the keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.core.keys import compose_secret
from tests.support.running_gateway import Home, RunningGateway, eventually
from tests.support.watched_upstream import WatchedUpstream

UNKNOWN = compose_secret("kh", b"of another gateway".ljust(32)).reveal()


@dataclass
class ClientStand:
    """The gateway, what is behind it, and who may come in."""

    home: Home
    gateway: RunningGateway
    upstream: WatchedUpstream
    keys: dict[tuple[str, ...], str] = field(default_factory=dict)

    def key(self, *scopes: str) -> str:
        """A key with these scopes, made at first asking."""
        if scopes not in self.keys:
            self.keys[scopes] = self.home.make_key(f"Client {len(self.keys)}", *scopes)
        return self.keys[scopes]

    @contextmanager
    def exactly(self, requests: int, status: int) -> Iterator[None]:
        """What is done here is answered with this status, this many times."""
        before = self._answered(status)
        yield
        eventually(lambda: self._answered(status) >= before + requests, f"{status}, {requests} times")
        assert self._answered(status) == before + requests

    @contextmanager
    def left_once(self, path: str) -> Iterator[None]:
        """What is done here is one request to this path, whose caller leaves before the end."""
        left, asked = self.upstream.left[path], self.upstream.count(path)
        yield
        eventually(lambda: self.upstream.left[path] == left + 1, f"the upstream notices who left {path}", 3)
        assert self.upstream.open_now[path] == 0
        assert self.upstream.count(path) == asked + 1

    def is_asked(self, path: str) -> None:
        """Wait until a request to this path is under way."""
        eventually(lambda: self.upstream.open_now[path], f"{path} is under way")

    def _answered(self, status: int) -> float:
        return self.gateway.metric("keyhatch_requests_total", code=str(status))


@contextmanager
def client_stand(
    folder: Path, upstream: WatchedUpstream, routes: list[dict[str, Any]], **sections: Mapping[str, Any]
) -> Iterator[ClientStand]:
    """A gateway before this upstream with these routes, as long as it is entered."""
    home = Home(folder)
    with upstream:
        home.configure(upstream.url, routes, **sections)
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


@contextmanager
def preset_stand(
    folder: Path, upstream: WatchedUpstream, preset: str, routes: list[dict[str, Any]] | None = None
) -> Iterator[ClientStand]:
    """A gateway that was told one word of this upstream, its preset; and some routes, if any."""
    home = Home(folder)
    with upstream:
        home.write({**preset_settings(upstream.url, preset), "routes": routes or []})
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


def preset_settings(url: str, preset: str, **server: Any) -> dict[str, Any]:
    """The configuration for that."""
    return {
        "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", **server},
        "upstreams": {"main": {"url": url, "preset": preset}},
    }


@contextmanager
def standing(home: Home, gateway: RunningGateway, upstream: WatchedUpstream) -> Iterator[ClientStand]:
    """The stand of a gateway that runs already."""
    stand = ClientStand(home, gateway, upstream)
    yield stand
    assert [key for key in stand.keys.values() if upstream.has_seen(key)] == []
