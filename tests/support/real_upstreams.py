"""Servers for the gateway to stand before: nginx, Python's own, aiohttp ones, and the demo upstream.

Each is a context manager that knows its `url`. Those written in Python run in a thread of the test's
process, so a test can look into them; nginx runs as it is installed, under a folder and a configuration of
its own.
"""

import asyncio
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from aiohttp import web

from gateway.demo import start_demo
from tests.support.programs import program
from tests.support.running_gateway import eventually, listens

T = TypeVar("T")

_NGINX_CONF = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/site;
{server}
    }}
}}
"""


class LoopInThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def run(self, work: Awaitable[T]) -> T:
        """Run this there, and wait for it."""

        async def whole() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result(30)

    def call(self, act: Callable[[], object]) -> None:
        """Call this there soon."""
        self._loop.call_soon_threadsafe(act)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class AppUpstream(LoopInThread):
    """An aiohttp application."""

    def __init__(self, app: web.Application) -> None:
        super().__init__()
        self.url = ""
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)

    def __enter__(self) -> Self:
        super().__enter__()
        self.run(self._serve())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._runner.cleanup())
        super().__exit__(kind, error, trace)

    async def _serve(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"


class DemoUpstream(LoopInThread):
    """The demo upstream of `serve --demo`, standing by itself."""

    def __init__(self, pause_s: float = 0.01) -> None:
        super().__init__()
        self.url = ""
        self._pause_s = pause_s

    def __enter__(self) -> Self:
        super().__enter__()
        self._demo = self.run(start_demo(pause_s=self._pause_s))
        self.url = self._demo.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._demo.stop())
        super().__exit__(kind, error, trace)


class ServerUpstream:
    """A server of Python's `socketserver` family."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def http_server(handler: type[BaseHTTPRequestHandler]) -> ServerUpstream:
    """Python's `http.server`, one thread per connection."""
    return ServerUpstream(ThreadingHTTPServer(("127.0.0.1", 0), handler))


def wsgi_server(app: Callable[..., Any]) -> ServerUpstream:
    """Python's `wsgiref`, one request at a time, HTTP/1.0."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = WSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(app)
    return ServerUpstream(server)


class Nginx:
    """nginx over `folder`, with the files in `folder/site` and these directives in its server block."""

    def __init__(self, folder: Path, server: str = "") -> None:
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        conf = _NGINX_CONF.format(folder=folder, port=self._port, server=server)
        (folder / "nginx.conf").write_text(conf)

    def __enter__(self) -> Self:
        command = [
            program("nginx"),
            "-p",
            str(self._folder),
            "-c",
            "nginx.conf",
            "-e",
            str(self._folder / "error.log"),
        ]
        if os.geteuid() == 0:
            command += ["-g", "user root;"]  # a worker of another user could not read the test's folder
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        eventually(lambda: listens(self._port), "nginx listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)


def free_port() -> int:
    """A port on which nobody listens."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports on which nobody listens: asked for one by one, two might be the same."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
