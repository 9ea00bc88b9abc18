"""The asking side of `warm_command`: a program that hands itself over and leaves with the exit code.

Arguments, folder, environment and the three standard files go to the process that waits on a Unix socket
(the first argument). It imports next to nothing, because its start is what is to be saved. A SIGTERM goes
on to the process that carries out the command.
"""

import json
import os
import signal
import socket
import sys


def ask(address: str, words: list[str]) -> int:
    """Have one command run; its exit code."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        told = {"words": words, "folder": os.getcwd(), "environ": dict(os.environ)}  # noqa: PTH109
        socket.send_fds(asked, [json.dumps(told).encode()], [0, 1, 2])
        asked.shutdown(socket.SHUT_WR)
        pid = int(asked.recv(16))
        signal.signal(signal.SIGTERM, lambda number, _: os.kill(pid, number))
        return int(asked.recv(16) or b"1")


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
