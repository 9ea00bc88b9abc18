"""A gateway that runs out of file descriptors neither spins nor dies, and serves again when it has some."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

SPARE = 16
KNOCKING = 80


@pytest.fixture
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


def serves(gateway: RunningGateway, key: str) -> bool:
    with suppress(ConnectionError):  # it may still be short of descriptors at that moment
        return gateway.ask("/held", key=key).status == 200
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux alone")
def test_a_flood_of_connections_passes_over(home: Home, upstream: LastingUpstream) -> None:
    home.configure(upstream.url)
    key = home.make_key("Regular")
    with home.serve() as gateway:
        assert gateway.ask("/held", key=key).status == 200
        process = psutil.Process(gateway.process.pid)
        _, hard = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + SPARE, hard))
        with ExitStack() as doors:
            for _ in range(KNOCKING):
                doors.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            before = sum(process.cpu_times()[:2])
            with pytest.raises(AssertionError, match="not within"):
                eventually(lambda: gateway.process.poll() is not None, "it ends", 1.0)
            assert sum(process.cpu_times()[:2]) - before < 0.5, "it does not spin"
        eventually(lambda: serves(gateway, key), "it serves again")
        assert gateway.ask_admin("/readyz").status == 200
        assert len(gateway.log) < 100_000, "it does not flood the log"
