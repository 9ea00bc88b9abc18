"""Real upstreams, each with a guarded folder and a record of its own of which handler ran for which case.

A case is named by the header `X-Case`. Every server reads paths as it does by default or, where it can be
told to, as leniently as it can. `record()` gives what ran: pairs of the handler (`guarded` or `other`) and
the case, written by the server itself: by its access log, or by the handler that ran.
"""

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Protocol, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.support.programs import program
from tests.support.real_upstreams import Nginx, free_port
from tests.support.running_gateway import eventually, listens

GUARDED: Final = "guarded"
OTHER: Final = "other"

Record = list[tuple[str, str]]


class Animal(Protocol):
    """A server as a context, its place, and what it recorded."""

    port: int

    def record(self) -> Record:
        """The handler and the case of every request so far."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def _read(log: Path) -> Record:
    lines = log.read_text("latin-1").splitlines() if log.exists() else []
    return [(handler, case) for handler, _, case in (line.partition(" ") for line in lines)]


class NginxZoo(Nginx):
    """nginx: the location that was chosen, by its own normalised path and in any case of letters."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "cases.log"
        server = """
        set $handler other;
        access_log LOG cases;
        location ~* ^/admin(/|$) { set $handler guarded; return 200 "guarded"; }
        location / { return 200 "other"; }
""".replace("LOG", str(self._log))
        super().__init__(folder, server)
        conf = folder / "nginx.conf"
        text = conf.read_text().replace(
            "access_log off;", "log_format cases '$handler $http_x_case'; access_log off;"
        )
        conf.write_text(text.replace("keepalive_requests", "#"))
        self.port = int(self.url.rpartition(":")[2])

    def record(self) -> Record:
        """From the access log."""
        return _read(self._log)


_APACHE_CONF: Final = """
ServerRoot {folder}
ServerName gate.example
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
Mutex file:{folder} default
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
{user}
StartServers 1
ServerLimit 1
ThreadLimit 16
ThreadsPerChild 16
MaxRequestWorkers 16
MaxKeepAliveRequests 0
HttpProtocolOptions Unsafe
AllowEncodedSlashes On
TraceEnable On
DocumentRoot {site}
<Directory {site}>
    Require all granted
</Directory>
LogFormat "%f %{{X-Case}}i" cases
CustomLog {folder}/cases.log cases
"""
_MODULES: Final = Path("/usr/lib/apache2/modules")


class Apache:
    """Apache: the file that a request was mapped to; files lie in folders called as the routes are."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir()
        # Started by root it serves as another user, who could not read the test's folder.
        self._kept = TemporaryDirectory()
        self._site = Path(self._kept.name)
        self._site.chmod(0o755)
        for name in ("admin/keys", "public/x", "ADMIN/keys", "Admin/Keys"):
            page = self._site / name
            page.parent.mkdir(exist_ok=True)
            page.write_text(name)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        conf = _APACHE_CONF.format(
            folder=folder, site=self._site, port=self.port, modules=_MODULES, user=user
        )
        (folder / "apache.conf").write_text(conf)

    def record(self) -> Record:
        """From the access log: where the request was mapped to."""
        site = str(self._site)
        found = []
        for path, case in _read(self._folder / "cases.log"):
            first = path.removeprefix(site).strip("/").partition("/")[0]
            found.append((GUARDED if first.lower() == "admin" else OTHER, case))
        return found

    def __enter__(self) -> Self:
        command = [program("apache2", "apache2-bin"), "-f", str(self._folder / "apache.conf"), "-DFOREGROUND"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        eventually(lambda: listens(self.port), "Apache listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._kept.cleanup()


class Uvicorn:
    """uvicorn with Starlette: the handler of the mount that was chosen."""

    def __init__(self, folder: Path) -> None:
        del folder  # it writes nothing
        self._ran: Record = []

        def handler(name: str) -> Callable[[Request], PlainTextResponse]:
            def answer(request: Request) -> PlainTextResponse:
                self._ran.append((name, request.headers.get("x-case", "-")))
                return PlainTextResponse(name)

            return answer

        def every(name: str) -> Starlette:
            return Starlette(routes=[Route("/{rest:path}", _any_method(handler(name)))])

        app = Starlette(routes=[Mount("/admin", every(GUARDED)), Mount("/", every(OTHER))])
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def record(self) -> Record:
        """From the handlers."""
        return list(self._ran)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self._server.started, "uvicorn serves")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


class _any_method:  # noqa: N801 - reads as a function
    """An ASGI application made of a handler: Starlette holds only functions to methods."""

    def __init__(self, handler: Callable[[Request], PlainTextResponse]) -> None:
        self._handler = handler

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        response = self._handler(Request(scope, receive, send))  # type: ignore[arg-type]
        await response(scope, receive, send)  # type: ignore[arg-type]


_NODE_SERVER: Final = r"""
const http = require('http'), url = require('url'), fs = require('fs'), posix = require('path').posix;
const [port, log] = [Number(process.argv[2]), process.argv[3]];
function decoded(text) { try { return decodeURIComponent(text); } catch { return text; } }
function readings(target) {
  const found = [target.split('?')[0], url.parse(target).pathname || ''];
  try { found.push(new URL(target, 'http://gate.example').pathname); } catch { /* no URL, no handler */ }
  for (const path of [...found]) { found.push(decoded(path), posix.normalize(decoded(path))); }
  return found;
}
http.createServer((request, response) => {
  const guarded = readings(request.url).some(path => /^\/admin(\/|$)/i.test(path));
  fs.appendFileSync(log, `${guarded ? 'guarded' : 'other'} ${request.headers['x-case']}\n`);
  response.end(guarded ? 'guarded' : 'other');
}).listen(port, '127.0.0.1');
"""


class Node:
    """Node: a handler reads the target in each way its own library offers, in any case of letters."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "cases.log"
        self._script = folder / "server.js"
        folder.mkdir()
        self._script.write_text(_NODE_SERVER)

    def record(self) -> Record:
        """From the handler."""
        return _read(self._log)

    def __enter__(self) -> Self:
        command = [program("node", "nodejs"), "--no-deprecation", str(self._script), str(self.port)]
        self._process = subprocess.Popen([*command, str(self._log)], stdin=subprocess.DEVNULL)
        eventually(lambda: listens(self.port), "Node listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)


ZOO: Final[dict[str, Callable[[Path], Animal]]] = {
    "nginx": NginxZoo,
    "apache": Apache,
    "uvicorn": Uvicorn,
    "node": Node,
}
