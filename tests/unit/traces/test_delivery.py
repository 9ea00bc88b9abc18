"""Guarantees of gateway/traces/delivery.py: what fails is told scarcely, and in words of our own."""

import asyncio
import logging
import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway import __version__
from gateway.traces.delivery import EXPORTERS, SCARCE_S, Delivery, Full, Overheard, Told

HEADERS = "x-team=my-password, broken"


class Fickle(SpanExporter):
    """Does with the next spans as it is told."""

    def __init__(self) -> None:
        self.will: SpanExportResult | Exception = SpanExportResult.SUCCESS
        self.is_shut = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may_go_on.wait(10)
        if isinstance(self.will, Exception):
            raise self.will
        return self.will

    def shutdown(self) -> None:
        self.is_shut = True
        self.may_go_on.set()


class Hand:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


SPAN = ReadableSpan("one")


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_failure_is_told_once_and_again_when_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    fickle, now = Fickle(), Hand()
    told = Told(fickle, Overheard(), now)
    fickle.will = SpanExportResult.FAILURE
    for _ in range(5):
        assert told.export([SPAN]) is SpanExportResult.FAILURE
    assert len(caplog.messages) == 1
    assert "(it was not reached): 1 are lost so far" in caplog.messages[0]
    now.at = SCARCE_S
    told.export([SPAN, SPAN])
    assert "7 are lost so far" in caplog.messages[1]
    fickle.will = SpanExportResult.SUCCESS
    told.export([SPAN])
    told.export([SPAN])
    assert caplog.messages[2:] == ["spans are delivered again; 7 were lost"]


def test_an_accident_of_an_exporter_is_a_failure_like_another(caplog: pytest.LogCaptureFixture) -> None:
    fickle = Fickle()
    fickle.will = OSError("http://user:password@collector")
    assert Told(fickle, Overheard()).export([SPAN]) is SpanExportResult.FAILURE
    assert "(OSError)" in caplog.text
    assert "password" not in caplog.text


def test_the_rest_is_handed_on() -> None:
    fickle = Fickle()
    told = Told(fickle, Overheard())
    assert told.force_flush()
    told.shutdown()
    assert fickle.is_shut


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("spans", 401, "what the server says"), "it answered 401"),
        ((ConnectionError("http://user:password@host"), "spans", 0.5), "ConnectionError"),
        (("a word",), "it was not reached"),
        (None, "it was not reached"),
    ],
)
def test_of_the_librarys_words_only_a_number_and_a_kind_are_kept(
    arguments: tuple[object, ...] | None, expected: str
) -> None:
    overheard = Overheard()
    overheard.handle(logging.LogRecord("x", logging.ERROR, "", 0, "%s", arguments, None))
    assert overheard.last == expected


def test_broken_headers_and_unreachable_collectors_are_not_spelt_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:my-password@127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", HEADERS)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")

    async def deliver() -> None:
        made = Delivery(["otlp"])
        made.tracer.start_span("x").end()
        await made.close(5.0)

    asyncio.run(deliver())
    assert "cannot be delivered to the collector (" in caplog.text
    assert "my-password" not in caplog.text


async def test_spans_that_do_not_fit_are_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Fickle()
    stuck.may_go_on.clear()
    monkeypatch.setitem(EXPORTERS, "otlp", lambda: stuck)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "2")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    made = Delivery(["otlp"])
    for _ in range(20):
        made.tracer.start_span("many").end()
    (line,) = [line for line in caplog.messages if "dropped" in line]
    assert "see OTEL_TRACES_SAMPLER and OTEL_BSP_MAX_QUEUE_SIZE" in line
    stuck.may_go_on.set()
    await made.close(5.0)


def test_that_spans_do_not_fit_is_told_again_when_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    now = Hand()
    full = Full(now)
    warning, info = (logging.LogRecord("x", level, "", 0, "", None, None) for level in (30, 20))
    for at, record in ((0.0, info), (0.0, warning), (1.0, warning), (SCARCE_S, warning)):
        now.at = at
        full.emit(record)
    assert len(caplog.messages) == 2


async def test_closing_delivers_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    took: list[str] = []

    class Taking(Fickle):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            took.extend(span.name for span in spans)
            return super().export(spans)

    monkeypatch.setitem(EXPORTERS, "otlp", Taking)
    made = Delivery(["otlp"])
    made.tracer.start_span("last").end()
    await made.close(5.0)
    assert took == ["last"]


async def test_closing_does_not_wait_for_a_collector_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Fickle()
    stuck.may_go_on.clear()
    monkeypatch.setitem(EXPORTERS, "otlp", lambda: stuck)
    made = Delivery(["otlp"])
    made.tracer.start_span("last").end()
    await made.close(0.02)
    assert stuck.is_shut
    assert "the last spans were not delivered within 0.02 s" in caplog.text


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "keyhatch"),
        ({"OTEL_SERVICE_NAME": "gate"}, "gate"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=gate"}, "gate"),
    ],
)
async def test_the_service_has_the_name_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    made = Delivery([])
    assert made._provider.resource.attributes["service.name"] == expected
    assert made._provider.resource.attributes["service.version"] == __version__
    await made.close(5.0)
