"""nginx and Caddy with TLS in front of a gateway, as deploy/proxies has them but for names, ports and paths.

Callers come from any address of 127.0.0.0/8 that the test says, so that the proxy's own (127.0.0.1) can be
told from theirs.
"""

import http.client
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar, Final, Self

from websockets.sync.client import ClientConnection, connect

from tests.arch.sources import ROOT
from tests.support.plain_caller import TIMEOUT_S, Answer, Body, read
from tests.support.programs import program
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import eventually, listens

NAME: Final = "gate.example"
ADMIN_NAME: Final = f"keys.{NAME}"
NAMES: Final = (NAME, ADMIN_NAME)
CALLER: Final = "127.0.0.2"

_AROUND_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main-error.log info;
events {{ worker_connections 128; }}
http {{
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    include {folder}/keyhatch.conf;
}}
"""


class FrontProxy:
    """A proxy under way. `folder` holds the pair `keyhatch.crt`, `keyhatch.key` and all that is logged."""

    log_name: ClassVar = "keyhatch.log"

    def __init__(self, folder: Path, gateway_port: int, trusting: ssl.SSLContext) -> None:
        self.port = free_port()
        self.folder = folder
        self._gateway_port = gateway_port
        self._trusting = trusting

    def __enter__(self) -> Self:
        command = self._prepare()
        with (self.folder / "stderr.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)},
            )
        eventually(lambda: listens(self.port), f"the proxy listens: {self.logged()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _prepare(self) -> list[str]:
        raise NotImplementedError

    def logged(self) -> str:
        """Everything that it wrote into any log."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    @property
    def access_log(self) -> str:
        """The log of requests."""
        return (self.folder / self.log_name).read_text("utf-8")

    def connect(
        self, source: str = CALLER, name: str = NAME, context: ssl.SSLContext | None = None
    ) -> ssl.SSLSocket:
        """A TLS connection from an address."""
        raw = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S, (source, 0))
        return (context or self._trusting).wrap_socket(raw, server_hostname=name)

    @contextmanager
    def stream(  # the parts of a request
        self,
        path: str,
        method: str = "GET",
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        source: str = CALLER,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer as soon as its head is there; leaving the context hangs up."""
        with closing(http.client.HTTPConnection(NAME, self.port, timeout=TIMEOUT_S)) as connection:
            connection.sock = self.connect(source)
            shown = {} if key is None else {"Authorization": f"Bearer {key}"}
            connection.request(method, path, body, {**shown, **(headers or {})})
            yield connection.getresponse()

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        source: str = CALLER,
    ) -> Answer:
        """One request on a connection of its own."""
        with self.stream(path, method, key=key, headers=headers, body=body, source=source) as response:
            return read(response)

    @contextmanager
    def socket(self, path: str) -> Iterator[ClientConnection]:
        """A WebSocket."""
        raw = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S, (CALLER, 0))
        with connect(
            f"wss://{NAME}:{self.port}{path}",
            sock=raw,
            ssl=self._trusting,
            server_hostname=NAME,
            proxy=None,
            open_timeout=TIMEOUT_S,
            close_timeout=5,
        ) as opened:
            yield opened


def replaced(file: str, *pairs: tuple[str, str]) -> str:
    """A file of deploy/proxies with these in the place of those, each of which must be there."""
    text = (ROOT / "deploy/proxies" / file).read_text("utf-8")
    for said, meant in pairs:
        assert said in text, f"{said!r} is not in {file}"
        text = text.replace(said, meant)
    return text


class NginxInFront(FrontProxy):
    """With the block for the admin listener, which is commented in the file, and `more` at its end."""

    def __init__(
        self,
        folder: Path,
        gateway_port: int,
        trusting: ssl.SSLContext,
        *,
        admin_port: int = 1,
        more: str = "",
    ) -> None:
        super().__init__(folder, gateway_port, trusting)
        self._admin_port, self._more = admin_port, more

    def _prepare(self) -> list[str]:
        conf = replaced(
            "nginx.conf",
            ("#| ", ""),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("keyhatch.example", NAME),
            ("/etc/nginx", str(self.folder)),
            ("/var/log/nginx", str(self.folder)),
            ("127.0.0.1:8080", f"127.0.0.1:{self._gateway_port}"),
            ("http://127.0.0.1:8081", f"http://127.0.0.1:{self._admin_port}"),
        )
        (self.folder / "keyhatch.conf").write_text(conf + self._more)
        (self.folder / "nginx.conf").write_text(_AROUND_NGINX.format(folder=self.folder))
        as_root = ["-g", "user root;"] if os.geteuid() == 0 else []  # another user could not read the folder
        error_log = str(self.folder / "start-error.log")
        return [program("nginx"), "-p", str(self.folder), "-c", "nginx.conf", "-e", error_log, *as_root]


class CaddyInFront(FrontProxy):
    """Caddy."""

    def _prepare(self) -> list[str]:
        conf = replaced(
            "Caddyfile",
            ("keyhatch.example {", f"{NAME}:{self.port} {{\n\tbind 127.0.0.1"),
            ("/etc/caddy", str(self.folder)),
            ("/var/log/caddy", str(self.folder)),
            ("127.0.0.1:8080", f"127.0.0.1:{self._gateway_port}"),
        )
        (self.folder / "Caddyfile").write_text(conf)
        return [program("caddy"), "run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]
