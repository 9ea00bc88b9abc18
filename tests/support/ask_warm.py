"""The asking side of `warm_command`: a program that hands itself over and leaves with the exit code.

Arguments, folder, environment and the three standard files go to the process that waits on a Unix socket
(the first argument). A SIGTERM goes on to the process that carries out the command. Its own start is what is
to be saved, so it imports nothing but what Python's executable holds anyhow.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SHUT_WR, SOL_SOCKET, socket


def ask(address: str, words: list[str]) -> int:
    """Have one command run; its exit code."""
    asked = socket(AF_UNIX)
    asked.connect(address)
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    told = {"words": words, "folder": os.getcwd(), "environ": dict(os.environ)}  # noqa: PTH109
    asked.sendmsg([repr(told).encode()], [(SOL_SOCKET, SCM_RIGHTS, files)])
    asked.shutdown(SHUT_WR)
    pid = int(asked.recv(16))
    _signal.signal(_signal.SIGTERM, lambda number, _: os.kill(pid, number))
    return int(asked.recv(16) or b"1")


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
