"""A terminal with one command in it, at which a test types."""

import os
import pty
import select
import time
from pathlib import Path


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.text = ""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environ)

    def read_until(self, wanted: str | None, *, within_s: float = 30) -> None:
        """Read until a text was shown, or (None) until the command closed the terminal."""
        deadline = time.monotonic() + within_s
        while wanted is None or wanted not in self.text:
            ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, self.text
            try:
                read = os.read(self._fd, 65_536)
            except OSError:  # how Linux says that nobody holds the other end any more
                read = b""
            if not read:
                assert wanted is None, self.text
                return
            self.text += read.decode().replace("\r", "")

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def close(self) -> None:
        os.close(self._fd)
        os.waitpid(self.pid, 0)
