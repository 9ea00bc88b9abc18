"""Starts a server on loopback, waits until it listens, and stops it: by its own pid, whatever happens.

A server runs in a session of its own, so that Ctrl-C reaches this program alone and the end is
always the same: SIGTERM, and SIGKILL to what is left after five seconds. Its output goes to
``output.log`` in its private folder, whose last lines explain a failed start.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.cores import pinned

START_MAX_S = 20.0
STOP_MAX_S = 5.0


class StartError(Exception):
    """A server ended or stayed deaf instead of listening; its message holds the server's last words."""


def free_port() -> int:
    """An ephemeral loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int,
    cores: AbstractSet[int],
    place: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    start_max_s: float | None = None,
) -> Iterator[int]:
    """Run ``command`` on ``cores`` until the block ends; yield its pid once ``port`` accepts."""
    log = place / "output.log"
    with log.open("ab") as output, pinned(cores):
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd or place,
            start_new_session=True,
        )
    try:
        _wait_for(port, child, log, START_MAX_S if start_max_s is None else start_max_s)
        yield child.pid
    finally:
        _stop(child)


def _wait_for(port: int, child: subprocess.Popen[bytes], log: Path, start_max_s: float) -> None:
    deadline = time.monotonic() + start_max_s
    while time.monotonic() < deadline:
        if _ended(child):
            raise StartError(f"ended at its start: {_last_words(log)}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise StartError(f"did not listen within {start_max_s:.0f} s: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return " / ".join(lines[-3:]) or "it said nothing"


def _stop(child: subprocess.Popen[bytes]) -> None:
    os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_MAX_S
    while not _ended(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ended(child: subprocess.Popen[bytes]) -> bool:
    # A child that was not reaped keeps its group's number: killing the group cannot hit another.
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
