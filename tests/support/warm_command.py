"""`keyhatch` without its start: one process that has imported it, and forks for each command.

Importing the gateway is nine tenths of what a short command costs, and the tests run hundreds of them. So
every module of the commands is imported here, those too that a command imports only when it comes to them.
What runs is `gateway.cli.main`, as in the real command, in a process, a folder and an environment of its own.
"""

import ast
import atexit
import functools
import gc
import importlib
import os
import pkgutil
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Self

import gateway.cli
import gateway.service
from tests.arch.sources import ROOT
from tests.support import ask_warm

MESSAGE_BYTES_MAX = 1_000_000


class WarmCommand:
    """The process that waits. `command` runs one command through it, as `python -m gateway` would."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")  # a socket's address must be short
        self._address = f"{self._folder.name}/sock"
        self.command = (sys.executable, "-I", "-S", ask_warm.__file__, self._address)

    @property
    def words(self) -> str:
        """What a shell runs."""
        return shlex.join(self.command)

    def __enter__(self) -> Self:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            descriptor = listener.fileno()
            command = [sys.executable, "-m", "tests.support.warm_command", str(descriptor)]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[descriptor], start_new_session=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # a gateway that a page left running, too
        self._process.wait()
        self._folder.cleanup()


@functools.cache
def warm_command() -> WarmCommand:
    """The one of this test process, started when first asked for and ended with it."""
    command = WarmCommand()
    command.__enter__()
    atexit.register(command.__exit__, None, None, None)
    return command


def serve(listener: socket.socket) -> None:
    """Run what is asked for, until killed."""
    for module in (*_modules_of(gateway.cli), *_modules_of(gateway.service)):
        importlib.import_module(module)
    gc.freeze()  # pages that a collection touches would be copied for each command
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, _ = listener.accept()
        with asked:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = _run(asked)
                with suppress(BrokenPipeError):  # whoever asked was killed
                    asked.sendall(str(code).encode())
                os._exit(0)


def _modules_of(package: ModuleType) -> list[str]:
    return [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


def _run(asked: socket.socket) -> int:
    from gateway.cli import main  # noqa: PLC0415

    message, files, _, _ = socket.recv_fds(asked, MESSAGE_BYTES_MAX, 3)
    while more := asked.recv(MESSAGE_BYTES_MAX):
        message += more
    asked.sendall(f"{os.getpid():<16}".encode())
    told = ast.literal_eval(message.decode())
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
