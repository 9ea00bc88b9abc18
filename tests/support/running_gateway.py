"""The real command in processes of its own: `python -m gateway …` over a folder of its own.

`Home` is that folder: a configuration, a store, and the commands run over them. `Home.serve()` starts a
gateway on free ports and returns when it serves; leaving its context stops it with SIGTERM and demands what
must always hold: exit code 0, and no traceback in its log. A test that wants another end asks for it
(`stop`, `kill`, `end`).

Nothing here sleeps for a fixed time: what should come true is waited for, up to a deadline. The environment
is passed on; only `KEYHATCH_…` variables are kept out.
"""

import asyncio
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals
from types import TracebackType
from typing import Any, Self, TypeVar

import psutil

from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.service.clock import SystemClock
from gateway.service.desk import open_desk
from tests.support.plain_caller import Answer, ask
from tests.support.warm_command import warm_command

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 10.0
SCOPES = {"models:read": "List models", "chat:write": "Ask for completions", "audio:speech": "Listen"}
ANY_KEY = [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}]

_SERVING = re.compile(r"serving callers on 127\.0\.0\.1:(\d+), admin on 127\.0\.0\.1:(\d+), process (\d+)")
_PAUSE_S = 0.005

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], what: str, within_s: float = DEADLINE_S) -> T:
    """Wait until the condition is true; returns what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(_PAUSE_S)
    return found


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    given: str = "",
    within_s: float = 20,
    folder: Path | None = None,
) -> Ran:
    """Run a command to its end, whatever that is, with nothing around it but this environment."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Home:
    """A folder with `config.yaml` and `keyhatch.db`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.store = folder / "keyhatch.db"
        self._logs = 0

    def configure(self, upstream: str, routes: list[dict[str, Any]] | None = None, **sections: Any) -> None:
        """Write the configuration: one upstream called `main`, free ports, and these sections over it."""
        self.write(
            {
                "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
                "scopes": SCOPES,
                "upstreams": {"main": {"url": upstream}},
                "routes": routes or ANY_KEY,
                **sections,
            }
        )

    def write(self, settings: Mapping[str, Any]) -> None:
        """Write this configuration."""
        self.config.write_text(json.dumps(settings, indent=2))  # JSON is YAML

    def environment(self, **more: str) -> dict[str, str]:
        """Ours without what would configure the gateway, with what finds the package."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHATCH_")}
        path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
        return {**kept, "PYTHONPATH": path, **more}

    def keyhatch(self, *arguments: str, given: str = "", within_s: float = 20, **more: str) -> Ran:
        """Run one command to its end, in a process that had not to start for it."""
        command = [*warm_command().command, *arguments]
        return run(command, self.environment(**more), given=given, within_s=within_s, folder=self.folder)

    def keys(self, *arguments: str) -> Ran:
        """Run `keyhatch keys …`, which must succeed."""
        ran = self.keyhatch("keys", *arguments)
        assert ran.code == 0, ran.err
        return ran

    def create(self, name: str, *options: str) -> str:
        """The secret of a new key, made by `keyhatch keys create`."""
        return self.keys("create", name, "-q", *options).out.strip()

    def make_key(self, name: str, *scopes: str, expires_at: float | None = None) -> str:
        """The secret of a new key, made without a process: for tests that are about something else."""
        draft = KeyDraft(name=name, scopes=scopes, expires_at=expires_at)
        _, secret = self.manage(lambda desk: desk.create(draft))
        return secret.reveal()

    def manage(self, act: Callable[[KeyDesk], Awaitable[T]]) -> T:
        """Do this at the desk of the store, as the command line does: the running gateway's or our own."""

        async def come_and_go() -> T:
            async with open_desk(
                self.store,
                clock=SystemClock(),
                prefix="kh",
                default_expiry_s=None,
                max_active_per_owner=1_000,
                catalogue=SCOPES,
                entropy=secrets.token_bytes,
            ) as desk:
                return await act(desk)

        with ThreadPoolExecutor(1) as elsewhere:  # a test may have a loop of its own under way
            return elsewhere.submit(asyncio.run, come_and_go()).result()

    def start(self, *arguments: str, stderr: int | None = None) -> "RunningGateway":
        """`keyhatch serve`, not waited for. Its log goes to a file, or to the descriptor `stderr`."""
        self._logs += 1
        log = self.folder / f"serve-{self._logs}.log"
        out = self.folder / f"serve-{self._logs}.out"
        with log.open("wb") as log_file, out.open("wb") as out_file:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=log_file if stderr is None else stderr,
            )
        return RunningGateway(process, log, out)

    def serve(self, *arguments: str) -> "RunningGateway":
        """`keyhatch serve`, serving."""
        gateway = self.start(*arguments)
        gateway.wait_until_serving()
        return gateway


class RunningGateway:
    """A gateway under way. As a context it is stopped at the end, and held to a clean end."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, out: Path) -> None:
        self.process = process
        self.port = 0
        self.admin_port = 0
        self._log = log
        self._out = out
        self._may_stumble = False

    @property
    def url(self) -> str:
        """Where callers knock."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything written to stderr so far."""
        return self._log.read_text("utf-8")

    @property
    def out(self) -> str:
        """Everything written to stdout so far."""
        return self._out.read_text("utf-8")

    def lines(self, **like: Any) -> list[dict[str, Any]]:
        """The log's lines as they were meant, those whose fields have these values."""
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in found if all(line.get(name) == value for name, value in like.items())]

    def wait_until_serving(self) -> None:
        """Wait for the line that tells the ports; a gateway that gives up instead is killed and told of."""

        def served() -> re.Match[str] | None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            return _SERVING.search(self.log)

        try:
            told = eventually(served, "the gateway serves")
        except AssertionError:
            self.kill()
            raise
        self.port, self.admin_port = int(told[1]), int(told[2])
        assert int(told[3]) == self.process.pid

    def wait_for_log(self, text: str, within_s: float = DEADLINE_S) -> None:
        """Wait until this stands in the log."""
        eventually(lambda: text in self.log, f"{text!r} in the log:\n{self.log}", within_s)

    def ask(self, path: str, method: str = "GET", **request: Any) -> Answer:
        """One request to the proxied port; see `plain_caller.ask`."""
        return ask(self.port, path, method, **request)

    def ask_admin(self, path: str, method: str = "GET", **request: Any) -> Answer:
        """One request to the admin listener."""
        return ask(self.admin_port, path, method, **request)

    def metric(self, name: str, **labels: str) -> float:
        """One sample of /metrics, added up over the labels that are not named; 0 if there is none."""
        text = self.ask_admin("/metrics").body.decode("utf-8")
        wanted = labels.items()
        return sum(
            value for sample, found, value in samples(text) if sample == name and wanted <= found.items()
        )

    def memory_bytes(self) -> int:
        """What the process occupies in memory (resident set)."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def signal(self, number: Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self, number: Signals = SIGTERM, within_s: float = 2 * DEADLINE_S) -> int:
        """Send a signal that ends it, and wait; its exit code."""
        self.signal(number)
        return self.end(within_s)

    def end(self, within_s: float = 2 * DEADLINE_S) -> int:
        """Wait until it has ended by itself; its exit code."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the gateway did not end within {within_s:g} s:\n{self.log}") from None

    def kill(self) -> None:
        """kill -9, the end that nobody can prepare for."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(DEADLINE_S)

    def may_stumble(self) -> None:
        """Tracebacks in its log are what this test is about."""
        self._may_stumble = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            code = self.stop()
            assert kind is not None or code == 0, f"it ended with {code}:\n{self.log}"
        if kind is None and not self._may_stumble:
            assert "Traceback" not in self.log, self.log


def samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Every sample of an exposition: name, labels, value. Read strictly, by Prometheus' own parser."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow, seldom used

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
