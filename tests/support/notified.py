"""Who listens where systemd would: a socket for what a service says in the words of sd_notify(3)."""

import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.running_gateway import eventually

Message = dict[str, str]


class NotifySocket:
    """Keeps every message as its assignments. `name` is what `NOTIFY_SOCKET` has to be."""

    def __init__(self, path: Path | None = None, *, abstract: str = "") -> None:
        self.name = f"@{abstract}" if abstract else str(path)
        self.messages: list[Message] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{abstract}" if abstract else str(path))
        self._socket.setblocking(False)

    def read(self) -> list[Message]:
        """Every message so far, oldest first."""
        with suppress(BlockingIOError):
            while True:
                text = self._socket.recv(65_536).decode("utf-8")
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))
        return self.messages

    def states(self) -> list[str]:
        """What was said about the state, in order."""
        names = ("READY", "RELOADING", "STOPPING")
        return [name for message in self.read() for name in names if message.get(name) == "1"]

    def statuses(self) -> list[str]:
        """What was said to people, in order."""
        return [message["STATUS"] for message in self.read() if "STATUS" in message]

    def pings(self) -> int:
        """How often the watchdog was told that all is well."""
        return sum(message.get("WATCHDOG") == "1" for message in self.read())

    def wait_for(self, *states: str, within_s: float = 10) -> list[Message]:
        """Wait until these states were said in this order, and nothing else."""
        eventually(lambda: self.states() == list(states), f"{states} was said", within_s)
        return self.messages

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
