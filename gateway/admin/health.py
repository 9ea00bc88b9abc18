"""`/healthz`, `/readyz` and `/metrics`: whether the gateway lives, whether it can work, what it counted.

`/healthz` says that the process answers, and nothing else: whoever restarts on it must not restart because
a disk is full. `/readyz` really asks the store and the configuration, each within a deadline. A check that
hangs is asked once, however many wait for it. A check may pass with a warning, which keeps the gateway
ready: it still does what it did, and somebody should look. What is wrong stands in the log, once per change;
the answer names the check, its state and the warning's words, never a path or an error's message.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from gateway.admin.late import load_beside
from gateway.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, a warning in words for anybody's eyes, or raises."""

_LOG: Final = logging.getLogger("gateway.health")


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    TIMEOUT = "timeout"


class Readiness:
    """Asks all checks at once and waits for none of them longer than the deadline."""

    def __init__(self, checks: Mapping[str, Check], deadline_s: float) -> None:
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


def add_health(
    app: web.Application, checks: Mapping[str, Check], metrics: Metrics, deadline_s: float
) -> None:
    """Add the three routes. GET and HEAD, no credential: they tell nothing that needs one."""
    readiness = Readiness(checks, deadline_s)
    is_loaded = False

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        states = await readiness.ask()
        ready = all(state in (State.OK, State.WARNING) for state in states.values())
        checks = [{"name": name, "state": state} for name, state in states.items()]
        for check in checks:
            if check["state"] == State.WARNING:
                check["detail"] = readiness.warnings[check["name"]]
        body = {"status": "ready" if ready else "not_ready", "checks": checks}
        return web.json_response(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def scrape(request: web.Request) -> web.Response:
        nonlocal is_loaded
        if not is_loaded:
            await load_beside("gateway.metrics.exposition")
            is_loaded = True
        body, content_type = metrics.render(",".join(request.headers.getall(hdrs.ACCEPT, [])))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def close(_app: web.Application) -> None:
        await readiness.close()

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", scrape)
    app.on_cleanup.append(close)


async def _call(check: Check) -> str | None:
    return await check()
