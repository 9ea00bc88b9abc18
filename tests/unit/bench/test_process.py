"""Servers are started, explained when they do not start, and stopped."""

import os
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from bench import process
from bench.process import StartError, free_port, serving

LISTEN = """\
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(60)
"""


def start(place: Path, script: str, start_max_s: float | None = None) -> AbstractContextManager[int]:
    port = free_port()
    command = [sys.executable, "-c", script, str(port)]
    cores = os.sched_getaffinity(0)
    return serving(command, port=port, cores=cores, place=place, env=os.environ, start_max_s=start_max_s)


def test_a_server_is_up_inside_the_block_and_gone_after_it(tmp_path: Path) -> None:
    with start(tmp_path, LISTEN) as pid:
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_is_stopped_when_the_block_fails(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), start(tmp_path, LISTEN) as pid:
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ignores_the_request_to_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_MAX_S", 0.1)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LISTEN
    with start(tmp_path, deaf) as pid:
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    with (
        pytest.raises(StartError, match="ended at its start: no such option"),
        start(tmp_path, "import sys; sys.exit('no such option')"),
    ):
        pass


def test_a_server_that_is_known_to_be_slow_is_given_the_time_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "START_MAX_S", 0.0)
    with start(tmp_path, LISTEN, start_max_s=20.0) as pid:
        os.kill(pid, 0)


def test_a_server_that_never_listens_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START_MAX_S", 0.2)
    with (
        pytest.raises(StartError, match="did not listen"),
        start(tmp_path, "import time; time.sleep(60)"),
    ):
        pass
