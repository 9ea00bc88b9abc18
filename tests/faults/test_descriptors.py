"""Descriptors run out (F21): the gateway neither spins nor dies, serves who is there, and recovers."""

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import psutil
import pytest

from tests.faults.conftest import on_plane
from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

SPARE = 12
KNOCKING = 60
WATCHED_S = 0.7

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="limits of another process can be set on Linux alone"
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


def serves(gateway: RunningGateway, key: str) -> bool:
    with suppress(ConnectionError):  # it may still be short of descriptors at that moment
        return gateway.ask("/held", key=key).status == 200
    return False


def test_who_is_there_is_served_on_and_the_rest_when_there_is_room(
    home: Home, upstream: LastingUpstream, served_plane: str
) -> None:
    home.configure(upstream.url, server=on_plane(served_plane))
    key = home.make_key("Regular")
    with (
        home.serve() as gateway,
        closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as kept,
    ):
        process = psutil.Process(gateway.process.pid)
        assert ask_on(kept, key) == 200
        _, hard = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + SPARE, hard))
        with ExitStack() as doors:
            for _ in range(KNOCKING):
                doors.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            before_s = sum(process.cpu_times()[:2])
            with pytest.raises(AssertionError, match="not within"):
                eventually(lambda: gateway.process.poll() is not None, "it ends", WATCHED_S)
            assert sum(process.cpu_times()[:2]) - before_s < WATCHED_S / 2, "it does not spin"
            assert [ask_on(kept, key) for _ in range(10)] == [200] * 10
        eventually(lambda: serves(gateway, key), "it serves again")
        assert gateway.ask_admin("/readyz").status == 200
        assert len(gateway.log) < 100_000, "it does not flood the log"
        gateway.may_stumble()  # asyncio tells of the failing accept in its own way


def ask_on(kept: http.client.HTTPConnection, key: str) -> int:
    kept.request("GET", "/held", headers={"X-API-Key": key})
    response = kept.getresponse()
    response.read()
    return response.status
