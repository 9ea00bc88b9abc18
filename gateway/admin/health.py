"""`/healthz`, `/readyz` and `/metrics`: whether the gateway lives, whether it can work, what it counted.

`/healthz` says that the process answers, and nothing else: whoever restarts on it must not restart because
a disk is full. `/readyz` really asks the store and the configuration, each within a deadline. A check that
hangs is asked once, however many wait for it. A check may pass with a warning, which keeps the gateway
ready: it still does what it did, and somebody should look. What is wrong stands in the log, once per change;
the answer names the check, its state and the warning's words, never a path or an error's message.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from gateway.admin.answers import Page
from gateway.admin.late import load_beside
from gateway.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, a warning in words for anybody's eyes, or raises."""

PATHS: Final = ("/healthz", "/readyz", "/metrics")
CHECK_DEADLINE_S: Final = 2.0
_LOG: Final = logging.getLogger("gateway.health")


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    TIMEOUT = "timeout"


class Readiness:
    """Asks all checks at once and waits for none of them longer than the deadline."""

    def __init__(self, checks: Mapping[str, Check], deadline_s: float = CHECK_DEADLINE_S) -> None:
        self._checks = checks
        self._deadline_s = deadline_s
        self._flights: dict[str, asyncio.Task[str | None]] = {}
        self._known = dict.fromkeys(checks, State.OK)
        self.warnings: dict[str, str] = {}

    async def ask(self) -> dict[str, State]:
        """The state of each check, by name. What a warning says stands in `warnings`."""
        flights = {name: self._flight(name, check) for name, check in self._checks.items()}
        if flights:
            await asyncio.wait(flights.values(), timeout=self._deadline_s)
        return {name: self._judge(name, flight) for name, flight in flights.items()}

    async def close(self) -> None:
        """Give up on checks that are still under way."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, name: str, check: Check) -> asyncio.Task[str | None]:
        """The call of a check that is under way, or a new one."""
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = asyncio.ensure_future(_call(check))
            flight.add_done_callback(lambda _: self._flights.pop(name, None))
        return flight

    def _judge(self, name: str, flight: asyncio.Task[str | None]) -> State:
        trouble: BaseException | str | None = None
        if not flight.done():
            state = State.TIMEOUT
        elif flight.cancelled() or (trouble := flight.exception()) is not None:
            state = State.FAILED
        elif (trouble := flight.result()) is not None:
            state, self.warnings[name] = State.WARNING, trouble
        else:
            state = State.OK
        if state is not self._known[name]:
            self._known[name] = state
            self._tell(name, state, trouble)
        return state

    def _tell(self, name: str, state: State, trouble: BaseException | str | None) -> None:
        if state is State.OK:
            _LOG.info("ready again: %s", name)
        elif state is State.WARNING:
            _LOG.warning("ready, but for %s: %s", name, trouble)
        elif state is State.TIMEOUT:
            _LOG.warning("not ready: %s did not answer within %g s", name, self._deadline_s)
        else:
            _LOG.warning("not ready: %s failed: %s", name, trouble or "cancelled")


class Pages:
    """What stands at `PATHS`, whoever is asked. No credential: nothing here needs one."""

    def __init__(self, readiness: Readiness, metrics: Metrics) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._is_loaded = False

    async def of(self, path: str, accept: str) -> Page:
        """One of them; `accept` chooses the format of the metrics."""
        if path == "/healthz":
            return Page(b'{"status": "ok"}')
        return await (self._ready() if path == "/readyz" else self._scrape(accept))

    async def _ready(self) -> Page:
        states = await self._readiness.ask()
        ready = all(state in (State.OK, State.WARNING) for state in states.values())
        checks = [{"name": name, "state": state} for name, state in states.items()]
        for check in checks:
            if check["state"] == State.WARNING:
                check["detail"] = self._readiness.warnings[check["name"]]
        body = json.dumps({"status": "ready" if ready else "not_ready", "checks": checks}).encode("ascii")
        return Page(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _scrape(self, accept: str) -> Page:
        if not self._is_loaded:
            await load_beside("gateway.metrics.exposition")
            self._is_loaded = True
        return Page(*self._metrics.render(accept))


async def _call(check: Check) -> str | None:
    return await check()
