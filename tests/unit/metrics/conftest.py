"""What the tests of metrics share: a clock that is set by hand, exchanges, and a reading of the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.core.routes import Route
from gateway.keeper.ports import Exchange
from gateway.metrics import Metrics

ROUTES = (
    Route("models", "/v1/models", upstream="ai"),
    Route("welcome", "/", upstream="web", public=True),
)


@dataclass
class SetClock:
    """Stands still until it is set."""

    wall: float = 1_700_000_000.0
    mono: float = 100.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def metrics(clock: SetClock) -> Metrics:
    metrics = Metrics(version="1.2.3", plane="lean", clock=clock)
    metrics.know(ROUTES)
    return metrics


MakeExchange = Callable[..., Exchange]


@pytest.fixture
def exchange() -> MakeExchange:
    def make(**fields: Any) -> Exchange:
        usual: dict[str, Any] = {
            "request_id": "r-1",
            "kind": "plain",
            "method": "GET",
            "path": "/v1/models",
            "route_id": "models",
            "upstream": "ai",
            "key_id": "k-1",
            "key_name": "VaM Plugin",
            "peer": "127.0.0.1",
            "status": 200,
            "reason": None,
            "cut": None,
            "bytes_in": 0,
            "bytes_out": 0,
            "duration_s": 0.02,
            "first_byte_s": None,
            "own_s": None,
        }
        return Exchange(**(usual | fields))

    return make


Read = Callable[..., float | None]


@pytest.fixture
def read(metrics: Metrics) -> Read:
    """The value of one sample in the text that Prometheus would get; None if it is not there."""

    def value(name: str, **labels: str) -> float | None:
        text = metrics.render()[0].decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return None

    return value
