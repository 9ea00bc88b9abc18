"""The real `@microsoft/signalr` in a process of Node, told what to do and asked what happened."""

import json
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

from tests.support.programs import cannot_be_tested, program

FOLDER = Path(__file__).resolve().parents[1] / "clients"
PACKAGES = FOLDER / "node_modules"
DEADLINE_S = 10.0


def require_packages(name: str) -> None:
    """Go on only where this came from npm."""
    if not (PACKAGES / name).is_dir():
        cannot_be_tested(f"{name} is not installed: apt install npm, then make test")


class NodeSignalR:
    """One connection. Leaving the context ends the process."""

    def __init__(
        self, url: str, key: str | None = None, transport: str = "WebSockets", **headers: str
    ) -> None:
        require_packages("@microsoft/signalr")
        self._events: Queue[dict[str, Any]] = Queue()
        self._process = subprocess.Popen(
            [program("node", "nodejs"), str(FOLDER / "signalr_client.cjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.tell(url=url, key=key, transport=transport, headers=headers)

    def tell(self, **what: Any) -> None:
        """Have it do this."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def expect(self, event: str) -> dict[str, Any]:
        """The next thing that happens, which must be this."""
        try:
            told = self._events.get(timeout=DEADLINE_S)
        except Empty:
            raise AssertionError(f"nothing happened within {DEADLINE_S:g} s: {event} was expected") from None
        assert told["event"] == event, told
        return told

    def stop(self) -> None:
        """Close the connection in order."""
        self.tell(stop=True)
        self.expect("stopped")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))

    def __enter__(self) -> Self:
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
