"""Scenarios about keys that come, go and are used: revocation, last use, and the first request with a key.

They need a peer that manages keys while it serves. Where keys stand in the configuration there is nothing to
measure, and the peer is out with that reason.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event

from bench import callers, proc
from bench.cores import pinned
from bench.keyring import Keyring
from bench.load import LoadError
from bench.scenarios import Contender, Means, Sample, Scenario

STREAMS = 50
ENDED_MAX_S = 3.0
AFTERWARDS_S = 0.5
COLD = 2_000
"""First requests in each turn."""
USES = 200
WRITTEN_MAX_S = 5.0


def keyring_of(contender: Contender) -> Keyring:
    """The keys of a peer while it serves; raises LoadError where there is no such thing."""
    if contender.keyring is None:
        raise LoadError("its keys stand in its configuration; it neither revokes them nor notes their use")
    return contender.keyring


@dataclass(frozen=True)
class Knock:
    """A new request: when it was sent (monotonic), and the answer's status."""

    sent_at: float
    status: int


@dataclass(frozen=True)
class Revocation:
    """What still passes after the gateway said that a key is revoked."""

    name: str
    title: str
    about: str
    unit: str
    counts_requests: bool = False
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """Milliseconds to the end of the last stream, or the number of new requests that were let through."""
        keyring, name = keyring_of(contender), f"revoked-{time.monotonic_ns()}"
        key, stop = keyring.create(name), Event()
        with ExitStack() as stack, pinned(means.cores):
            streams = callers.Streams(stack, contender.port, key, STREAMS)
            streams.count(0.3)
            pool = stack.enter_context(ThreadPoolExecutor(2))
            stack.callback(stop.set)
            knocking = pool.submit(knock_until, stop, contender.port, key)
            revoking = pool.submit(keyring.revoke, name)
            streams.count(ENDED_MAX_S, until_closed=True)
            asked_at, revoked_at = revoking.result()
            time.sleep(max(0.0, revoked_at + AFTERWARDS_S - time.monotonic()))
            stop.set()
            knocks = knocking.result()
        let_through = sum(passed_after(knocks, revoked_at))
        if self.counts_requests:
            return Sample(let_through)
        if streams.open:
            raise LoadError(f"{streams.open} of {STREAMS} streams went on for {ENDED_MAX_S:g} s and more")
        return Sample(took_s(list(streams.ended_at.values()), asked_at) * 1e3)


def took_s(ends_at: list[float], asked_at: float) -> float:
    """From the question to the last end; LoadError where streams had ended before by themselves."""
    if min(ends_at) < asked_at:
        raise LoadError("streams ended before their key was revoked")
    return max(ends_at) - asked_at


def passed_after(knocks: list[Knock], revoked_at: float) -> list[bool]:
    """Of the requests that were sent after the answer: whether they were let through; LoadError for none."""
    after = [knock.status == 200 for knock in knocks if knock.sent_at > revoked_at]
    if not after:
        raise LoadError("no request was sent after the revocation")
    if knocks[0].status != 200:
        raise LoadError(f"answered {knocks[0].status} before the revocation")
    return after


def knock_until(stop: Event, port: int, key: str) -> list[Knock]:
    """New requests, one after the other, each on a connection of its own."""
    knocks, sent = [], callers.request("/v1/models", key)
    while not stop.is_set():
        with callers.connected(port) as connection:
            sent_at = time.monotonic()
            connection.sendall(sent)
            knocks.append(Knock(sent_at, callers.read_status(connection)))
    return knocks


@dataclass(frozen=True)
class LastUse:
    """What the store tells of the last of many requests."""

    name: str
    title: str
    about: str
    counts_delay: bool = False
    unit: str = "ms"
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """Milliseconds by which the stored time is off, or until it is stored."""
        keyring, sent = keyring_of(contender), callers.request("/v1/models", contender.key)
        sent_at = 0.0
        with pinned(means.cores), callers.connected(contender.port) as connection:
            for _ in range(USES):
                sent_at = time.time()
                connection.sendall(sent)
                callers.read_answer(connection)
        answered_at = time.time()
        stored = stored_use(keyring, sent_at)
        return Sample(
            (time.time() - answered_at if self.counts_delay else off(stored, sent_at, answered_at)) * 1e3
        )


def off(stored: float, sent_at: float, answered_at: float) -> float:
    """How far a stored time is, at most, from when the request was there: between sent and answered."""
    return max(abs(stored - sent_at), abs(stored - answered_at))


def stored_use(keyring: Keyring, sent_at: float) -> float:
    """The last use as soon as the store knows of this one."""
    deadline = time.monotonic() + WRITTEN_MAX_S
    stored = keyring.last_used_at()
    while stored is None or stored < sent_at:
        if time.monotonic() > deadline:
            raise LoadError(f"the last use was not stored within {WRITTEN_MAX_S:g} s")
        time.sleep(0.01)
        stored = keyring.last_used_at()
    return stored


@dataclass(frozen=True)
class ColdLookUp:
    """The first request with a key, which is looked up in the store."""

    name: str = "cold"
    title: str = "First request with a key"
    unit: str = "CPU µs/request"
    about: str = (
        f"{COLD:,} requests one after the other, each with a key that the gateway has not seen since its "
        "start (those keys are in every store, beside the others)."
    )
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """CPU microseconds of the peer's processes per request."""
        keys = keyring_of(contender).cold(COLD)
        with pinned(means.cores), callers.connected(contender.port) as connection:
            cpu_before, begun = proc.cpu_seconds(contender.pid), time.monotonic()
            for key in keys:
                connection.sendall(callers.request("/v1/models", key))
                callers.read_answer(connection)
            cpu_s, elapsed_s = proc.cpu_seconds(contender.pid) - cpu_before, time.monotonic() - begun
        return Sample(cpu_s * 1e6 / COLD, COLD / elapsed_s, cpu_s / elapsed_s)


ALL: tuple[Scenario, ...] = (
    ColdLookUp(),
    Revocation(
        "revocation",
        "Revocation",
        f"From the question to revoke a key, the answer's own time included, to the end of the last of "
        f"{STREAMS} streams of it.",
        "ms",
    ),
    Revocation(
        "revoked-requests",
        "Requests after a revocation",
        "New requests with a revoked key, sent after the gateway's answer, that were let through.",
        "requests",
        counts_requests=True,
    ),
    LastUse(
        "last-used",
        "Last use, how exact",
        f"How far the stored time of last use is from that of the last of {USES} requests (at most: the "
        "request took a while itself).",
    ),
    LastUse(
        "last-used-delay",
        "Last use, how soon",
        "From the last answer until its time of last use stands in the store.",
        counts_delay=True,
    ),
)
