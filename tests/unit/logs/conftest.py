"""What the tests of logs share: a key that must never be seen, exchanges, and logs written into memory."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from gateway.core.keys import compose_secret
from gateway.keeper.ports import Exchange
from gateway.logs import Logs, configure

KEY = compose_secret("kh", bytes(range(32))).reveal()
"""A well-formed key: the canary of these tests."""


class StillClock:
    """2023-11-14, for ever."""

    def now(self) -> float:
        return 1_700_000_000.25

    def monotonic(self) -> float:
        return 100.0


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


MakeExchange = Callable[..., Exchange]


@pytest.fixture
def exchange() -> MakeExchange:
    def make(**fields: Any) -> Exchange:
        usual: dict[str, Any] = {
            "request_id": "0123456789abcdef",
            "kind": "plain",
            "method": "GET",
            "path": "/v1/models",
            "route_id": "models",
            "upstream": "local-ai",
            "key_id": "k-1",
            "key_name": "VaM Plugin",
            "peer": "192.0.2.7",
            "status": 200,
            "reason": None,
            "detail": None,
            "cut": None,
            "bytes_in": 0,
            "bytes_out": 190,
            "duration_s": 0.0125,
            "first_byte_s": 0.011,
            "own_s": None,
        }
        return Exchange(**(usual | fields))

    return make


class Written(Protocol):
    """The lines that were written; asking for them closes the logs."""

    def __call__(self) -> list[str]: ...


class Start(Protocol):
    """`configure` into memory."""

    def __call__(
        self, level: str = "debug", log_format: str = "json", **more: Any
    ) -> tuple[Logs, Written]: ...


@pytest.fixture
def start() -> Iterator[Start]:
    opened: list[Logs] = []

    def begin(level: str = "debug", log_format: str = "json", **more: Any) -> tuple[Logs, Written]:
        for handler in logging.getLogger().handlers[:]:  # pytest's own, which raise what they cannot format
            logging.getLogger().removeHandler(handler)
        stream = io.StringIO()
        logs = configure(level, log_format, stream, **more)
        opened.append(logs)

        def written() -> list[str]:
            logs.close()
            return stream.getvalue().splitlines()

        return logs, written

    yield begin
    for logs in opened:
        logs.close()


Events = Callable[[Callable[[logging.Logger], object]], list[dict[str, Any]]]


@pytest.fixture
def events(start: Start) -> Events:
    """What a piece of logging code leaves behind, as JSON."""

    def collect(speak: Callable[[logging.Logger], object]) -> list[dict[str, Any]]:
        _, written = start()
        speak(logging.getLogger("gateway.test"))
        return [json.loads(line) for line in written()]

    return collect


def wait_for(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return once the condition holds; fail after the deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.002)
