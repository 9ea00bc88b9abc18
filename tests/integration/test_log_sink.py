"""A log that nobody takes holds no request up, and does not keep the gateway from ending."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.plain_caller import ask
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import Home, RunningGateway, eventually, listens

REQUESTS = 300


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


def serve_into(home: Home, upstream: LastingUpstream, stderr: int) -> RunningGateway:
    """A gateway whose log goes there, serving."""
    proxy, admin = free_port(), free_port()
    home.configure(upstream.url, server={"proxy": f"127.0.0.1:{proxy}", "admin": f"127.0.0.1:{admin}"})
    gateway = home.start(stderr=stderr)
    gateway.port, gateway.admin_port = proxy, admin
    eventually(lambda: listens(proxy), "it serves")
    return gateway


def ask_often(gateway: RunningGateway, key: str) -> float:
    """Ask with long paths, so that the log overflows whatever holds it; the longest wait."""
    worst_s = 0.0
    for number in range(REQUESTS):
        began = time.monotonic()
        assert ask(gateway.port, f"/held?{number}", key=key).status == 200
        assert ask(gateway.port, f"/{'x' * 400}/{number}").status == 401
        worst_s = max(worst_s, time.monotonic() - began)
    return worst_s


def test_a_pipe_that_nobody_reads_holds_nothing_up(home: Home, upstream: LastingUpstream) -> None:
    unread, stderr = os.pipe()
    if sys.platform == "linux":
        fcntl.fcntl(stderr, fcntl.F_SETPIPE_SZ, 4096)
    key = home.make_key("Talkative")
    with serve_into(home, upstream, stderr) as gateway:
        os.close(stderr)
        assert ask_often(gateway, key) < 1.0
        assert ask(gateway.admin_port, "/healthz").status == 200
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 10.0, "it does not wait for the reader for ever"
    os.close(unread)
    assert [each.use_count for each in home.manage(lambda desk: desk.list_keys())] == [REQUESTS]


def test_a_reader_that_has_gone_holds_nothing_up(home: Home, upstream: LastingUpstream) -> None:
    gone, stderr = os.pipe()
    key = home.make_key("Talkative")
    with serve_into(home, upstream, stderr) as gateway:
        os.close(stderr)
        os.close(gone)
        assert ask_often(gateway, key) < 1.0
        eventually(lambda: gateway.metric("keyhatch_log_lines_dropped_total") > 0, "lost lines are counted")
        assert gateway.stop() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_is_full_holds_nothing_up(home: Home, upstream: LastingUpstream) -> None:
    key = home.make_key("Talkative")
    full = os.open("/dev/full", os.O_WRONLY)
    with serve_into(home, upstream, full) as gateway:
        os.close(full)
        assert ask_often(gateway, key) < 1.0
        eventually(lambda: gateway.metric("keyhatch_log_lines_dropped_total") > 0, "lost lines are counted")
        assert gateway.stop() == 0
