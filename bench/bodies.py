"""Scenarios with more than a small answer: streams, bodies, crowds, and what is felt by one caller alone."""

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from bench import callers, proc
from bench.cores import pinned
from bench.load import LoadError
from bench.scenarios import MIB, Contender, Means, Sample

BLOB_BYTES = 10 * 1024 * 1024
BIG_BYTES = 1024 * 1024 * 1024
STREAMS = 100
CROWD = 1_000
ALONE = 400


@dataclass(frozen=True)
class EventStreams:
    """Many streams of small events at once."""

    name: str = "stream"
    title: str = "Server-sent events"
    unit: str = "CPU µs/event"
    about: str = f"{STREAMS} streams, 50 events a second on each; every event is passed on when it comes."
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """CPU microseconds of the peer's processes per event that arrived."""
        with ExitStack() as stack, pinned(means.cores):
            streams = callers.Streams(stack, contender.port, contender.key, STREAMS)
            streams.count(0.3)
            cpu_before, begun = proc.cpu_seconds(contender.pid), time.monotonic()
            events = streams.count(means.seconds)
            cpu_s, elapsed_s = proc.cpu_seconds(contender.pid) - cpu_before, time.monotonic() - begun
            if streams.open < STREAMS or events < STREAMS * 25 * means.seconds:
                raise LoadError(f"{streams.open} streams were left, {events} events came")
        return Sample(cpu_s * 1e6 / events, events / elapsed_s, cpu_s / elapsed_s)


@dataclass(frozen=True)
class Bodies:
    """Bodies of 10 MiB, one after the other, one way or the other."""

    name: str
    title: str
    about: str
    is_upload: bool = False
    unit: str = "CPU µs/MB"
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """CPU microseconds of the peer's processes per megabyte (10^6) of body."""
        done = 0
        with pinned(means.cores), callers.connected(contender.port) as connection:
            cpu_before, begun = proc.cpu_seconds(contender.pid), time.monotonic()
            while time.monotonic() - begun < means.seconds:
                done += self._one(connection, contender.key)
            cpu_s, elapsed_s = proc.cpu_seconds(contender.pid) - cpu_before, time.monotonic() - begun
        megabytes = done / 1e6
        return Sample(cpu_s * 1e6 / megabytes, megabytes / elapsed_s, cpu_s / elapsed_s)

    def _one(self, connection: socket.socket, key: str) -> int:
        if not self.is_upload:
            connection.sendall(callers.request("/v1/blob", key))
            length = callers.read_answer(connection)
            if length != BLOB_BYTES:
                raise LoadError(f"a body of {length} bytes came")
            return length
        connection.sendall(callers.request("/v1/sink", key, "POST", BLOB_BYTES))
        callers.send_body(connection, BLOB_BYTES)
        callers.read_answer(connection)
        return BLOB_BYTES


@dataclass(frozen=True)
class BodyMemory:
    """What a body of 1 GiB adds to the memory of whoever passes it on."""

    name: str
    title: str
    about: str
    is_upload: bool = False
    unit: str = "MiB"
    once: bool = True
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """Resident mebibytes at the highest, less those before."""
        before = peak = proc.rss_bytes(contender.pid)
        seen = 0

        def watch() -> None:
            nonlocal peak, seen
            seen += 1
            if seen % 512 == 0:  # every 32 MiB
                peak = max(peak, proc.rss_bytes(contender.pid))

        with pinned(means.cores), callers.connected(contender.port) as connection:
            if self.is_upload:
                connection.sendall(callers.request("/v1/sink", contender.key, "POST", BIG_BYTES))
                callers.send_body(connection, BIG_BYTES, watch)
                callers.read_answer(connection)
            else:
                connection.sendall(callers.request("/v1/big", contender.key))
                callers.read_answer(connection, watch)
        return Sample(max(0, max(peak, proc.rss_bytes(contender.pid)) - before) / MIB)


@dataclass(frozen=True)
class IdleConnections:
    """What a kept connection costs while nothing happens on it."""

    name: str = "idle-connection"
    title: str = "Memory of an idle connection"
    unit: str = "KiB"
    about: str = (
        f"Growth of resident memory by {CROWD:,} connections that made one request each and stay open."
    )
    once: bool = True
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """Resident KiB per connection."""
        with ExitStack() as stack, pinned(means.cores):
            before = proc.rss_bytes(contender.pid)
            callers.crowd(stack, contender.port, contender.key, CROWD)
            grown = max(0, proc.rss_bytes(contender.pid) - before)
        return Sample(grown / 1024 / CROWD)


@dataclass(frozen=True)
class Alone:
    """How long one caller waits who has the gateway to itself."""

    name: str = "alone"
    title: str = "Time to the answer, one caller alone"
    unit: str = "µs"
    about: str = (
        f"Median of {ALONE} small requests, one at a time on one connection, less the same asked of the "
        "upstream itself in the same moment."
    )
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        """Microseconds that the peer adds."""
        with pinned(means.cores):
            direct = callers.first_bytes_us(contender.upstream_port, contender.key, ALONE)
            through = callers.first_bytes_us(contender.port, contender.key, ALONE)
        return Sample(median(through) - median(direct))


ALL = (
    EventStreams(),
    Bodies("download", "Download", "Bodies of 10 MiB from the upstream, one after the other."),
    Bodies("upload", "Upload", "Bodies of 10 MiB to the upstream, one after the other.", is_upload=True),
    Alone(),
    IdleConnections(),
    BodyMemory("download-memory", "Memory, 1 GiB down", "Growth while a body of 1 GiB passes down."),
    BodyMemory(
        "upload-memory", "Memory, 1 GiB up", "Growth while a body of 1 GiB passes up.", is_upload=True
    ),
)
