"""One of two targets is killed under load: no request that was safe to repeat is lost, none is done twice.

Real processes: two servers that note what they carry out, and the gateway. The load is bounded by a number
of requests; the kill comes in its middle, and the books of callers and servers are compared afterwards.
"""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import on_plane
from tests.support.raw_caller import call
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import ROOT, Home, RunningGateway, eventually, listens

CALLERS = 16
ROUNDS = 30  # of a GET and a POST each
KILL_AFTER = CALLERS * ROUNDS // 2
POST_STATUSES = {200, 502}


class Server:
    """One target: a process on a port, and the notes of what it carried out."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.notes = folder / f"{name}.notes"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, also after a kill."""
        what = ("-m", "tests.support.noting_server", self.name, str(self.port), str(self.notes))
        self.process = subprocess.Popen([sys.executable, *what], cwd=ROOT)
        eventually(lambda: listens(self.port), f"{self.name} listens")

    def kill(self) -> None:
        """End it without a word."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def noted(self) -> list[str]:
        """What it carried out."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    pair = Server("a", tmp_path), Server("b", tmp_path)
    for server in pair:
        server.start()
    yield pair
    for server in pair:
        server.kill()


async def one(gateway: RunningGateway, key: str, method: str, number: int) -> int:
    """The status that the caller of this request sees."""
    lines = (
        f"{method} /x HTTP/1.1",
        "Host: h",
        f"X-API-Key: {key}",
        f"X-Number: {number}",
        "Content-Length: 2" if method == "POST" else "Accept: */*",
    )
    caller = await call("127.0.0.1", gateway.port, "\r\n".join((*lines, "", "")).encode())
    if method == "POST":
        caller.send(b"hi")
    try:
        return (await caller.response(within_s=20)).status
    finally:
        caller.abandon()


async def load(gateway: RunningGateway, key: str, victim: Server) -> dict[str, Counter[int]]:
    """All callers ask; the victim is killed in the middle. What they saw, by method."""
    seen: dict[str, Counter[int]] = {"GET": Counter(), "POST": Counter()}
    numbers = iter(range(10**9))
    done = 0

    async def ask() -> None:
        nonlocal done
        for _ in range(ROUNDS):
            for method, statuses in seen.items():
                statuses[await one(gateway, key, method, next(numbers))] += 1
                done += 1
                if done == KILL_AFTER:
                    await asyncio.to_thread(victim.kill)

    await asyncio.gather(*(ask() for _ in range(CALLERS)))
    return seen


async def test_no_request_that_was_safe_to_repeat_is_lost_and_none_is_done_twice(
    home: Home, served_plane: str, servers: tuple[Server, Server]
) -> None:
    a, _ = servers
    main = {
        "targets": {each.name: f"http://127.0.0.1:{each.port}" for each in servers},
        "eject": {"failures": 2, "for": "200ms"},
    }
    home.configure("", server=on_plane(served_plane), upstreams={"main": main})
    key = await asyncio.to_thread(home.make_key, "caller")
    with home.serve() as gateway:
        seen = await load(gateway, key, a)
        assert seen["GET"] == {200: CALLERS * ROUNDS}
        assert set(seen["POST"]) <= POST_STATUSES
        assert seen["POST"][200] >= CALLERS * (ROUNDS - 2), "only what was under way at the kill may fail"
        noted = [line for each in servers for line in each.noted() if line.startswith("POST")]
        assert len(noted) == len(set(noted)), "a POST was carried out twice"
        assert len(noted) >= seen["POST"][200]
        before = len(a.noted())
        assert before > 0
        await asyncio.to_thread(a.start)

        async with asyncio.timeout(20):
            while len(a.noted()) == before:
                await one(gateway, key, "GET", -1)
