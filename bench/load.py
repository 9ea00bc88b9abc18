"""Load on loopback by wrk: one thread, 32 keep-alive connections, one small request again and again.

The key travels in the environment, not in argv. What comes back is counted, not trusted: a
``Load`` with a wrong status or a broken connection in it is no measurement (``fault``).
"""

import re
import subprocess
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from bench.cores import pinned
from bench.tools import Tool

CONNECTIONS = 32


class LoadError(Exception):
    """The load did not run, or what it met was not what was to be measured."""


@dataclass(frozen=True)
class Load:
    """What wrk saw: answers completed, of them refusals (status above 399), and broken connections."""

    requests: int
    duration_us: int
    refused: int
    socket_errors: int

    @property
    def rate_per_s(self) -> float:
        """Answers per second."""
        return self.requests * 1e6 / self.duration_us

    def fault(self, *, refusal: bool) -> str | None:
        """Why this is no measurement of allowed (or of refused) requests; None if it is one."""
        if not self.requests:
            return "no request was answered"
        if self.socket_errors:
            return f"{self.socket_errors} connections broke or timed out"
        wrong = self.requests - self.refused if refusal else self.refused
        if wrong:
            return f"{wrong} of {self.requests} answers were {'let through' if refusal else 'refused'}"
        return None


def parse(output: str) -> Load:
    """Read the line that load.lua prints; raises LoadError where there is none."""
    line = re.search(r"^BENCH (.+)$", output, flags=re.MULTILINE)
    if not line:
        raise LoadError(f"wrk said: {output.strip()[-300:] or 'nothing'}")
    return Load(**{name: int(value) for name, value in (pair.split("=") for pair in line[1].split())})


def run(
    wrk: Tool, url: str, *, key: str, seconds: int, cores: AbstractSet[int], script: str = "load.lua"
) -> Load:
    """Knock at ``url`` with ``key`` in X-API-Key for ``seconds``; raises LoadError if wrk fails."""
    command = [
        wrk.path,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        str(Path(__file__).with_name(script)),
        url,
    ]
    env = {**wrk.env, "BENCH_KEY": key}
    try:
        with pinned(cores):
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, check=False, timeout=seconds + 30
            )
    except subprocess.TimeoutExpired as error:
        raise LoadError("wrk did not come to an end") from error
    return parse(done.stdout + done.stderr)
