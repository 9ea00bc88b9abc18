"""Upstreams of other makes: Node's own `http`, and an ASGI application under uvicorn."""

import json
import subprocess
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

import uvicorn

from tests.support.programs import program
from tests.support.running_gateway import DEADLINE_S, eventually

SCRIPT = Path(__file__).resolve().parents[1] / "clients" / "node_upstream.cjs"


class NodeUpstream:
    """`node_upstream.cjs` in a process of Node: it tells what it was asked, and by which connection."""

    def __init__(self, idle_ms: int = 60_000) -> None:
        self.url = ""
        self._idle_ms = idle_ms
        self._lines: Queue[str] = Queue()

    def connection_ended(self) -> None:
        """Wait until a connection to it has ended."""
        assert self._lines.get(timeout=DEADLINE_S) == "ended"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [program("node", "nodejs"), str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"idleMs": self._idle_ms}) + "\n")
        self._process.stdin.flush()
        self.url = f"http://127.0.0.1:{self._lines.get(timeout=DEADLINE_S)}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())


class UvicornUpstream:
    """An ASGI application under uvicorn, in a thread."""

    def __init__(self, app: Any) -> None:
        self.url = ""
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=0,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self._server.started, "uvicorn listens")
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE_S)
