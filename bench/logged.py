"""The small request once more, with an access log: a line of JSON in a file for each request, in every peer.

It is measured on a second instance of each peer, so that all else is the same. The CPU time is read when
every answered request has its line in the file: what a peer does later, or in another thread, counts as
well. Lines that are missing, or are no JSON, are a LoadError.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench import load, proc
from bench.load import LoadError
from bench.scenarios import Contender, Means, Sample, Scenario

PATH = "/v1/models"
WRITTEN_MAX_S = 5.0


@dataclass(frozen=True)
class LoggedRequest:
    """The small request through the instance of a peer that logs it."""

    name: str = "logged"
    title: str = "Small request with an access log"
    unit: str = "CPU µs/request"
    about: str = (
        "The small request with a line of JSON for each in a file; that every answered request has its "
        "line is checked. Counted until the last line is written."
    )
    once: bool = False
    beside: str | None = "small"

    def measure(self, contender: Contender, means: Means) -> Sample:
        """CPU microseconds of the peer's processes per answered request and written line."""
        logged = contender.logged
        if isinstance(logged, str):
            raise LoadError(logged)
        if logged.access_log is None:
            raise LoadError("it was not told where to write an access log")
        empty(logged.access_log)
        url = f"http://127.0.0.1:{logged.port}{PATH}"
        cpu_before, begun = proc.cpu_seconds(logged.pid), time.monotonic()
        done = load.run(means.wrk, url, key=logged.key, seconds=means.seconds, cores=means.cores)
        elapsed_s = time.monotonic() - begun
        lines = wait_for_lines(logged.access_log, done.requests)
        cpu_s = proc.cpu_seconds(logged.pid) - cpu_before
        empty(logged.access_log)
        if fault := done.fault(refusal=False) or fault_of(lines, done.requests):
            raise LoadError(fault)
        return Sample(cpu_s * 1e6 / done.requests, done.rate_per_s, cpu_s / elapsed_s)


def fault_of(lines: list[bytes], requests: int) -> str | None:
    """Why these are not the lines of so many answered requests; None if they are.

    Requests that were under way when the load ended have a line as well, one for each connection at most.
    """
    if not requests <= len(lines) <= requests + load.CONNECTIONS:
        return f"{len(lines)} lines were logged for {requests} answered requests"
    try:
        all_are_objects = all(isinstance(json.loads(line), dict) for line in (lines[0], lines[-1]))
    except ValueError:
        all_are_objects = False
    return None if all_are_objects else f"a line is no JSON object: {lines[-1][:80]!r}"


def wait_for_lines(file: Path, count: int) -> list[bytes]:
    """The lines about measured requests, once there are so many or `WRITTEN_MAX_S` is over."""
    deadline = time.monotonic() + WRITTEN_MAX_S
    while True:
        lines = lines_in(file)
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.1)


def lines_in(file: Path) -> list[bytes]:
    """The whole lines about measured requests."""
    whole, end, _torn = file.read_bytes().rpartition(b"\n")
    path = PATH.encode()
    return [line for line in (whole + end).splitlines() if path in line]


def empty(file: Path) -> None:
    """Throw away what was logged: every peer appends, so that it goes on at the beginning."""
    os.truncate(file, 0)


ALL: tuple[Scenario, ...] = (LoggedRequest(),)
