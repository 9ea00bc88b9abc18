"""Guarantees of gateway/service/checks.py: who is asked when, what is asked, and that nobody waits for it."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.service.checks import TargetChecks, ask
from gateway.wire.targets import Check, State, Tls, UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.support.authority import Authority
from tests.support.real_upstreams import free_port
from tests.support.records import StillClock
from tests.unit.service.houses import until

CHECK = Check("/up?x=1", every_s=5.0, timeout_s=2.0, rise=2, fall=2)


def two(check: Check | None = CHECK) -> Upstream:
    targets = tuple(UpstreamTarget(name, "http", name, 80) for name in "ab")
    return Upstream("ai", "http", "a", 80, targets=targets, check=check)


class Nurse:
    """Asks in the place of the network: counts, waits and answers as the test says."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.upstreams = {"ai": two(), "plain": Upstream("plain", "http", "p", 80)}
        self.asked: list[str] = []
        self.faults: dict[str, str] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.checks = TargetChecks(lambda: self.upstreams, self.clock, self._ask)

    async def _ask(self, target: UpstreamTarget, check: Check) -> str | None:
        assert check is CHECK
        self.asked.append(target.name)
        await self.may_answer.wait()
        return self.faults.get(target.name)

    async def look(self, after_s: float = 0.0) -> float | None:
        self.clock.time += after_s
        wait_s = self.checks.look()
        if self.may_answer.is_set():
            await until(lambda: not self.checks._under_way, "every check is over")
        return wait_s

    def state(self, name: str) -> State:
        standing = self.upstreams["ai"].crew.find(name)
        assert standing is not None
        return standing.state


@pytest.fixture
async def nurse() -> Nurse:
    return Nurse()


async def test_each_target_is_asked_at_once_and_then_every_so_often(nurse: Nurse) -> None:
    assert await nurse.look() == 5.0
    assert nurse.asked == ["a", "b"]
    assert await nurse.look(3.0) == 2.0
    assert nurse.asked == ["a", "b"]
    await nurse.look(2.0)
    assert nurse.asked == ["a", "b", "a", "b"]


async def test_whoever_fails_is_down_and_comes_back(nurse: Nurse) -> None:
    nurse.faults["a"] = "it answers a check with 503"
    await nurse.look()
    assert nurse.state("a") is State.UP
    await nurse.look(5.0)
    assert (nurse.state("a"), nurse.state("b")) == (State.DOWN, State.UP)
    nurse.faults.clear()
    await nurse.look(5.0)
    await nurse.look(5.0)
    assert nurse.state("a") is State.UP


async def test_a_check_that_takes_long_is_waited_for_before_the_next(nurse: Nurse) -> None:
    nurse.may_answer.clear()
    await nurse.look()
    await asyncio.sleep(0)
    await nurse.look(50.0)
    await asyncio.sleep(0)
    assert nurse.asked == ["a", "b"]


async def test_an_answer_that_nobody_wants_any_more_changes_nothing(nurse: Nurse) -> None:
    nurse.faults["a"] = "gone"
    before = nurse.upstreams["ai"]
    for upstreams in ({}, {"ai": replace(before, check=None)}, {"ai": two()}):
        before.crew.standings[0].check_due = 0.0
        nurse.upstreams = {"ai": before}
        nurse.may_answer.clear()
        await nurse.look()
        await asyncio.sleep(0)
        nurse.upstreams = upstreams
        nurse.may_answer.set()
        await until(lambda: not nurse.checks._under_way, "every check is over")
    assert (before.crew.standings[0].state, before.crew.standings[0].last_error) == (State.UP, None)


async def test_it_goes_on_until_it_is_ended_and_hears_of_a_reload(nurse: Nurse) -> None:
    upstreams, nurse.upstreams = nurse.upstreams, {}
    running = asyncio.ensure_future(nurse.checks.run())
    await asyncio.sleep(0)
    assert nurse.asked == []
    nurse.upstreams = upstreams
    nurse.may_answer.clear()
    nurse.checks.changed()
    await until(lambda: nurse.asked == ["a", "b"], "both are asked")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not nurse.checks._under_way, "what was under way is over")


# --- One check --------------------------------------------------------------------------------------------

LISTENING: list[asyncio.Server] = []


@pytest.fixture(autouse=True)
async def nobody_listens_after() -> AsyncIterator[None]:
    yield
    while LISTENING:
        LISTENING.pop().close()
    await asyncio.sleep(0)


class Server:
    """Answers every connection with these bytes (None: not at all), and keeps what it was asked."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer is None:
            await reader.read()
        else:
            writer.write(self.answer)
        writer.close()

    async def listen(self, context: ssl.SSLContext | None = None) -> UpstreamTarget:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        LISTENING.append(server)
        port = server.sockets[0].getsockname()[1]
        return UpstreamTarget("a", "https" if context else "http", "127.0.0.1", port)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.0 204 \r\n\r\n", None),
        (b"HTTP/1.1 302 Found\r\n\r\n", None),
        (b"HTTP/1.1 401 No\r\n\r\n", "it answers a check with 401"),
        (b"HTTP/1.1 503 No\r\n\r\n", "it answers a check with 503"),
        (b"SSH-2.0-OpenSSH_9\r\n", "it answers a check with no HTTP"),
        (b"", "it answers a check with no HTTP"),
        (b"x" * 100_000, "it answers a check with no HTTP"),
    ],
)
async def test_only_a_good_answer_is_well(answer: bytes, fault: str | None) -> None:
    assert await ask(await Server(answer).listen(), CHECK) == fault


async def test_a_check_tells_nothing_of_anybody() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n")
    target = await server.listen()
    await ask(target, CHECK)
    assert server.heard == [
        b"GET /up?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: keyhatch-health\r\n"
        b"Connection: close\r\n\r\n" % target.port
    ]


async def test_a_closed_port_and_one_that_says_nothing_are_not_well() -> None:
    assert await ask(UpstreamTarget("a", "http", "127.0.0.1", free_port()), CHECK) == "Connection refused"
    target = await Server(None).listen()
    assert await ask(target, CHECK._replace(timeout_s=0.05)) == "it does not answer a check within 0.05 s"


async def test_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    path = os.fspath(tmp_path / "a.sock")
    LISTENING.append(await asyncio.start_unix_server(Server(b"HTTP/1.1 200 OK\r\n\r\n").serve, path))
    assert await ask(UpstreamTarget("a", "http", "localhost", 80, path), CHECK) is None


async def test_a_certificate_is_verified_as_requests_verify_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.sign("ai.test")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    target = await Server(b"HTTP/1.1 200 OK\r\n\r\n").listen(context)
    trusting = ssl.create_default_context(cafile=authority.ca_file)
    assert await ask(target._replace(tls=Tls(trusting, "ai.test")), CHECK) is None
    fault = await ask(target._replace(tls=Tls(trusting)), CHECK)
    assert fault is not None
    assert "tls.server_name can say" in fault
    fault = await ask(target, CHECK)
    assert fault is not None
    assert "tls.ca_file can name" in fault
