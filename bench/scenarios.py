"""What is measured. A scenario gives one number per peer; whose turn it is, is not its business.

To add one (streams, bodies, many keys): a class with the attributes of ``Scenario``, a line in
``ALL``. It may start what load it likes against ``Contender.port``; it must raise LoadError
instead of returning a number that stands for other work than it names.
"""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import load, proc
from bench.keyring import Keyring
from bench.peers.contract import Peer
from bench.tools import Tool

MIB = 1 << 20
"""Memory is counted as `ps` counts it, and as the figures were from which the bars come."""


@dataclass(frozen=True)
class Contender:
    """A peer that is up and was found to do the job."""

    peer: Peer
    version: str
    port: int
    pid: int
    key: str
    wrong_key: str
    refusal_keeps: bool
    upstream_port: int = 0
    access_log: Path | None = None
    keyring: Keyring | None = None
    only: str | None = None
    """The one scenario that it takes part in; None for all."""
    logged: "Contender | str" = "no instance of it with an access log was asked for"
    """The same peer once more with an access log, or the reason why there is none."""


@dataclass(frozen=True)
class Means:
    """What a scenario measures with."""

    wrk: Tool
    cores: AbstractSet[int]
    seconds: int


@dataclass(frozen=True)
class Sample:
    """One measurement: the cost in the scenario's unit; under load also the rate and the core's share."""

    cost: float
    rate_per_s: float | None = None
    busy: float | None = None


class Scenario(Protocol):
    """One kind of work that every peer is given."""

    @property
    def name(self) -> str:
        """A short name for the command line."""

    @property
    def title(self) -> str:
        """The heading in the report."""

    @property
    def unit(self) -> str:
        """What a cost is counted in."""

    @property
    def about(self) -> str:
        """What exactly is done, in a sentence or two for the report."""

    @property
    def once(self) -> bool:
        """Measured once before all load, instead of in every round."""

    @property
    def beside(self) -> str | None:
        """The name of another scenario of the same unit to be compared with, peer by peer."""

    def measure(self, contender: Contender, means: Means) -> Sample:
        """One measurement; raises LoadError."""


@dataclass(frozen=True)
class IdleMemory:
    """Resident memory of a peer that has answered a handful of requests."""

    name: str = "idle-memory"
    title: str = "Memory, idle"
    unit: str = "MiB"
    about: str = "Resident memory of all processes of the peer after the first few requests, before any load."
    once: bool = True
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:  # noqa: ARG002 (no load)
        """Resident mebibytes."""
        return Sample(proc.rss_bytes(contender.pid) / MIB)


@dataclass(frozen=True)
class SmallRequest:
    """The same small request over kept connections, with the right key or with one that is refused."""

    name: str
    title: str
    about: str
    refusal: bool
    beside: str | None = None
    unit: str = "CPU µs/request"
    once: bool = False
    script: str = "load.lua"
    path: str = "/v1/models"

    def measure(self, contender: Contender, means: Means) -> Sample:
        """CPU microseconds of the peer's processes per answered request."""
        key = contender.wrong_key if self.refusal else contender.key
        url = f"http://127.0.0.1:{contender.port}{self.path}"
        cpu_before, begun = proc.cpu_seconds(contender.pid), time.monotonic()
        done = load.run(means.wrk, url, key=key, seconds=means.seconds, cores=means.cores, script=self.script)
        cpu_s, elapsed_s = proc.cpu_seconds(contender.pid) - cpu_before, time.monotonic() - begun
        if fault := done.fault(refusal=self.refusal):
            raise load.LoadError(fault)
        return Sample(cpu_s * 1e6 / done.requests, done.rate_per_s, cpu_s / elapsed_s)


SMALL: tuple[Scenario, ...] = (
    SmallRequest(
        name="small",
        title="Small request",
        about="Keep-alive, 32 connections; the key is checked and stripped, 190 bytes of JSON come back.",
        refusal=False,
    ),
    SmallRequest(
        name="refused",
        title="Refused request",
        about="The same with a key that is not known; nothing reaches the upstream.",
        refusal=True,
        beside="small",
    ),
    SmallRequest(
        name="varied",
        title="Small request, never the same",
        about="The small request with another query each time, so that no head ever comes again.",
        refusal=False,
        beside="small",
        script="varied.lua",
    ),
    SmallRequest(
        name="chat",
        title="Chat completion",
        about="A short `POST /v1/chat/completions`, whose answer is JSON as well; nothing is streamed.",
        refusal=False,
        script="chat.lua",
        path="/v1/chat/completions",
    ),
    IdleMemory(),
)
