"""`python -m tests.support.as_on_windows …`: the command on a system that has nothing which Windows has not.

Several commands with `THEN` between them are done in one process, as long as they end well.

Only the gateway's own modules see it so: for them `os`, `socket`, `select` and `signal` lack what is POSIX
alone, `sys.platform` is `win32`, `fcntl`, `resource` and uvloop cannot be imported, and the loop has neither
signal handlers nor Unix sockets. Python and the libraries go on as they are. What differs in the file system
(drives, open files that cannot be removed, access lists) is not shown by this: it takes a real Windows.
"""

import asyncio
import fcntl
import os
import select
import signal
import socket
import sys
from types import ModuleType
from typing import Any, Final

ABSENT: Final = {
    "os": {
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH"),
        *("chown", "fchmod", "fchown", "fork", "getegid", "geteuid", "getgid", "getuid", "killpg", "setsid"),
        *("pread", "pwrite", "statvfs", "sync", "uname"),
    },
    "socket": {"AF_UNIX", "SO_PEERCRED", "SO_REUSEPORT", "socketpair"},
    "select": {"epoll", "poll"},
    "signal": {"SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2"},
}
NOT_THERE: Final = ("uvloop", "resource", "pwd", "grp", "termios")
_frame: Final = sys._getframe
_LOOP: Final = ("add_signal_handler", "create_unix_server", "create_unix_connection")


class Poorer(ModuleType):
    """A module of which the gateway sees less than others do."""

    def __getattribute__(self, name: str) -> Any:
        """What there is; raises `AttributeError` as if it had never been."""
        here = ModuleType.__getattribute__(self, "__name__")
        if str(_frame(1).f_globals.get("__name__")).startswith("gateway."):
            if name in ABSENT.get(here, ()):
                raise AttributeError(f"module {here!r} has no attribute {name!r}")
            if (here, name) == ("sys", "platform"):
                return "win32"
        return ModuleType.__getattribute__(self, name)


def _refused(*_arguments: object, **_options: object) -> None:
    raise NotImplementedError


def _locking(descriptor: int, mode: int, size: int) -> None:
    """What `msvcrt` does, with the lock that POSIX has for bytes."""
    assert mode == 2
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, size, os.lseek(descriptor, 0, os.SEEK_CUR))


def become_poorer() -> None:
    """From now on the gateway, not yet imported, sees a poorer system."""
    assert not any(name.startswith("gateway.") for name in sys.modules)
    for name in NOT_THERE:
        sys.modules[name] = None  # type: ignore[assignment]
    loop = asyncio.unix_events._UnixSelectorEventLoop
    for name in _LOOP:
        setattr(loop, name, _refused)
    windows: Any = ModuleType("msvcrt")
    windows.LK_NBLCK, windows.locking = 2, _locking
    sys.modules["msvcrt"] = windows
    for module in (os, socket, select, signal, sys):
        module.__class__ = Poorer


if __name__ == "__main__":
    become_poorer()
    from gateway.cli import main

    program, *words = sys.argv
    while "THEN" in words:
        end = words.index("THEN")
        sys.argv, words = [program, *words[:end]], words[end + 1 :]
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise
    sys.argv = [program, *words]
    main()
