"""`keyhatch` without its start: one process that has imported it, and forks for each command.

Importing the gateway is nine tenths of what a short command costs, and the pages show dozens of them. What
runs is `gateway.cli.main`, as in the real command, in a process, a folder and an environment of its own.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Self

from tests.arch.sources import ROOT
from tests.docs import ask_warm

MESSAGE_BYTES_MAX = 1_000_000


class WarmCommand:
    """The process that waits. `words` run one command through it, as `python -m gateway` would."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")  # a socket's address must be short
        self._address = f"{self._folder.name}/sock"
        self.words = f"{sys.executable} -I -S {ask_warm.__file__} {self._address}"

    def __enter__(self) -> Self:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            descriptor = listener.fileno()
            command = [sys.executable, "-m", "tests.docs.warm_command", str(descriptor)]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[descriptor])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def serve(listener: socket.socket) -> None:
    """Run what is asked for, until killed."""
    import gateway.cli.explain  # noqa: PLC0415 - most of the gateway; whoever only asks must not pay
    import gateway.cli.keys  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, _ = listener.accept()
        with asked:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                asked.sendall(str(_run(asked)).encode())
                os._exit(0)


def _run(asked: socket.socket) -> int:
    from gateway.cli import main  # noqa: PLC0415

    message, files, _, _ = socket.recv_fds(asked, MESSAGE_BYTES_MAX, 3)
    while more := asked.recv(MESSAGE_BYTES_MAX):
        message += more
    told = json.loads(message)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environ"])
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["keyhatch", *told["words"]]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
