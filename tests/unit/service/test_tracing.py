"""Guarantees of gateway/service/tracing.py: spans are made where somebody asks, and not at any price."""

import json
import logging
import sys
from collections.abc import Sequence
from typing import ClassVar

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway.core.routes import Route, RouteTable
from gateway.service.tracing import Tracing, exporters_asked_for, tracing_of
from gateway.traces.delivery import EXPORTERS
from tests.unit.plane.stage import StillClock
from tests.unit.service.houses import House

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for name in (ENDPOINT, "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)


def made() -> Tracing | None:
    table = RouteTable([Route("all", "/all/**", "main", public=True)])
    return tracing_of(StillClock(), lambda text, most: text[:most], lambda: table, "http")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "gate", "OTEL_TRACES_SAMPLER": "always_on"}, ()),
        ({ENDPOINT: "http://c:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, ("otlp",)),
        ({ENDPOINT: "", "OTEL_TRACES_EXPORTER": " "}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console, OTLP,otlp"}, ("console", "otlp")),
        ({ENDPOINT: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, ()),
        ({ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "True"}, ()),
        ({ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "false"}, ("otlp",)),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ()),
    ],
)
def test_spans_are_made_where_somebody_asks_for_them(
    environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert exporters_asked_for(environ) == expected


def test_nobody_asks_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert made() is None
    assert caplog.messages == []


async def test_whoever_asks_gets_spans_that_know_the_routes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    tracing = made()
    assert tracing is not None
    assert [tracing.spans._pattern(name) for name in ("all", "gone")] == ["/all/**", None]
    assert caplog.messages == ["spans are made and delivered: console"]
    await tracing.close()


def test_a_missing_package_is_a_warning_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    monkeypatch.delitem(sys.modules, "gateway.traces.delivery", raising=False)
    assert made() is None
    (line,) = caplog.messages
    assert "opentelemetry.exporter.otlp.proto.http.trace_exporter is missing" in line
    assert line.endswith("the extra otel brings it, see docs/tracing.md")
    assert "pip install" not in line, "Keyhatch is on no index: what has its name there is another's"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER may be otlp, console or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf is spoken to collectors"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "", ""),
    ],
)
async def test_what_cannot_be_done_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    tracing = made()
    assert (tracing is None) is bool(said)
    assert said in caplog.text
    if tracing is not None:
        await tracing.close()


def test_variables_that_the_library_cannot_use_are_a_warning_without_their_values(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-4711")
    assert made() is None
    assert "OpenTelemetry cannot use its OTEL_… variables (ValueError)" in caplog.text
    assert "4711" not in caplog.text


class Taken(SpanExporter):
    """Keeps the names of spans."""

    names: ClassVar[list[str]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.names.extend(span.name for span in spans)
        return SpanExportResult.SUCCESS


async def test_spans_know_the_routes_of_a_reload_and_are_delivered_at_the_end(
    monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setitem(EXPORTERS, "console", Taken)
    Taken.names.clear()
    gateway = await house.start()
    assert await house.status("/before", None) == 401
    gateway.reload(
        house.written(routes=[{"id": "new", "path": "/new/*", "upstream": "main", "public": True}])
    )
    assert await house.text("/new/one", None) == "main"
    await gateway.stop()
    assert Taken.names == ["GET /**", "GET", "GET /new/*"]
    told = [json.loads(line) for line in house.log.getvalue().splitlines()]
    assert all(len(line["trace_id"]) == 32 for line in told if line["event"] == "exchange")
