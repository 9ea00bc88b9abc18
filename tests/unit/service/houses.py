"""A gateway in the test's own process: its configuration, its callers, and what it may leave behind.

Everything is real but the clock: a store in a folder of the test's own, listeners on free ports, an upstream
that the test drives. Nothing sleeps: what should come true is waited for, up to a deadline.
"""

import asyncio
import io
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web

from gateway.config.load import Loaded, load
from gateway.keeper.desk import KeyDraft
from gateway.logs import Logs, configure
from gateway.service.gateway import Addresses, Gateway
from tests.support.raw_connection import eventually
from tests.support.records import StillClock

ANY_KEY = [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}]

OTHERWISE: dict[str, dict[str, Any]] = {
    "server.proxy": {"server": {"proxy": "127.0.0.1:1", "admin": "127.0.0.1:0"}},
    "server.admin": {"server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:1"}},
    "server.admin_names": {
        "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_names": ["keys.example.com"]}
    },
    "server.plane": {"server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": "aiohttp"}},
    "server.watch_config": {"server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "watch_config": "on"}},
    "store.url": {"store": {"url": "memory:"}},
    "keys.prefix": {"keys": {"prefix": "acme", "last_used_flush": "1h"}},
    "keys.last_used_flush_s": {"keys": {"last_used_flush": "2h"}},
    "logging.format": {"logging": {"format": "console"}},
}
"""Sections that change each option that a reload cannot change."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that tells nobody when it changes."""
    await eventually(lambda: condition() or None, what)


Asked = AbstractAsyncContextManager[aiohttp.ClientResponse]


class Upstream:
    """Answers with its name; `/held` answers half, and the rest when `release` is set."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.held = 0
        self.release = asyncio.Event()

    def app(self) -> web.Application:
        """What serves it."""
        app = web.Application()
        app.router.add_route("*", "/held", self._hold)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.name)

    async def _hold(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half ")
        self.held += 1
        await self.release.wait()
        with suppress(ConnectionError):  # whoever waited was cut
            await response.write(b"whole")
        return response


@asynccontextmanager
async def upstream(name: str = "main") -> AsyncIterator[Upstream]:
    """An upstream that listens."""
    standing = Upstream(name)
    runner = web.AppRunner(standing.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    standing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield standing
    finally:
        standing.release.set()
        await runner.cleanup()


class House:
    """A folder with a configuration, and the one gateway that is built from it."""

    def __init__(self, folder: Path, main: Upstream) -> None:
        self.folder = folder
        self.store = folder / "keyhatch.db"
        self.socket = folder / "keyhatch.db.sock"
        self.clock = StillClock()
        self.log = io.StringIO()
        self.logs: Logs = configure("info", "json", self.log)
        self.sections: dict[str, Any] = {
            "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "scopes": {"chat:write": "Ask for completions"},
            "keys": {"last_used_flush": "1h"},  # so that nothing is written unless the gateway stops
            "upstreams": {"main": {"url": main.url}},
            "routes": ANY_KEY,
        }
        self.addresses: Addresses
        self.gateway: Gateway
        self.callers: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self.callers = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.callers.close()
        if hasattr(self, "gateway"):
            await self.gateway.stop()
        self.logs.close()

    def written(self, **sections: Any) -> Loaded:
        """The configuration as it would be read with these sections in it."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps({**self.sections, **sections}))
        return load(path, {}, {})

    def built(self, **sections: Any) -> Gateway:
        """The gateway, not started."""
        self.gateway = Gateway(self.written(**sections), self.clock, self.logs)
        return self.gateway

    async def start(self, **sections: Any) -> Gateway:
        """The gateway, serving."""
        gateway = self.built(**sections)
        self.addresses = await gateway.start()
        return gateway

    async def make_key(self, name: str = "laptop", *scopes: str, owner: str = "") -> str:
        """A new key's secret."""
        _, secret = await self.gateway.keyring.create(KeyDraft(name=name, scopes=scopes, owner=owner))
        return secret.reveal()

    def ask(self, path: str, key: str | None = None, **request: Any) -> Asked:
        """A request to the proxied port; entering it gives the answer as soon as its head is there."""
        host, port = self.addresses.proxy
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return self.callers.request(
            request.pop("method", "GET"), f"http://{host}:{port}{path}", headers=headers, **request
        )

    async def status(self, path: str, key: str | None = None, **request: Any) -> int:
        """The status of a whole answer."""
        async with self.ask(path, key, **request) as answer:
            await answer.read()
            return answer.status

    async def text(self, path: str, key: str | None = None) -> str:
        """The body of a whole answer."""
        async with self.ask(path, key) as answer:
            return await answer.text()

    async def ask_admin(self, path: str) -> tuple[int, str]:
        """Status and body of an answer of the admin listener."""
        host, port = self.addresses.admin
        async with self.callers.get(f"http://{host}:{port}{path}") as answer:
            return answer.status, await answer.text()

    async def metrics(self) -> list[str]:
        """The lines of /metrics."""
        return (await self.ask_admin("/metrics"))[1].splitlines()

    def exchanges(self) -> list[str]:
        """The paths in the access log. It closes the logs, so that every line is there."""
        self.logs.close()
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line["path"] for line in lines if line["event"] == "exchange"]


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """What ran before runs afterwards, and nothing else: tasks and threads."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    yield
    await until(lambda: asyncio.all_tasks() <= tasks, "no task is left")
    await until(lambda: set(threading.enumerate()) <= threads, "no thread is left")


def takes(port: int) -> bool:
    """Whether the port could be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings since the last call."""
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return messages
