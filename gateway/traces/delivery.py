"""How spans get to a collector: in batches, by a thread of their own, never waited for by a request.

OpenTelemetry's variables say where and how (`OTEL_EXPORTER_OTLP_…`, `OTEL_BSP_…`, `OTEL_TRACES_SAMPLER`,
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`), and its library reads them. At most
`OTEL_BSP_MAX_QUEUE_SIZE` spans wait; what comes on top is dropped.

What goes wrong is told here: once, and then every `SCARCE_S` as long as it lasts. The library's own words for
it stay out of the log: they hold addresses, what a server answered and, where a list of headers is broken,
the headers.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Tracer

from gateway import __version__

SCARCE_S: Final = 300.0
SERVICE: Final = "keyhatch"
NOT_REACHED: Final = "it was not reached"
EXPORTERS: Final[dict[str, Callable[[], SpanExporter]]] = {
    "otlp": OTLPSpanExporter,
    "console": lambda: ConsoleSpanExporter(formatter=lambda span: f"{span.to_json(indent=None)}\n"),
}
"""By the words of `OTEL_TRACES_EXPORTER`. The console is the standard output."""

_BATCHES: Final = "opentelemetry.sdk._shared_internal"
_HEADERS: Final = "opentelemetry.util.re"
_LOG: Final = logging.getLogger("gateway.traces")


class Overheard(logging.Handler):
    """Listens to the library's words for a failure, and keeps what may be repeated of them."""

    def __init__(self) -> None:
        super().__init__()
        self.last = NOT_REACHED

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status that was answered, or the kind of trouble."""
        for each in record.args if isinstance(record.args, tuple) else ():
            if isinstance(each, int):
                self.last = f"it answered {each}"
            elif isinstance(each, Exception):
                self.last = type(each).__name__


class Full(logging.Handler):
    """Listens for spans that are dropped because too many wait, and tells the operator scarcely."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._told_at: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Say so, unless it was said lately."""
        now = self._monotonic()
        if record.levelno < logging.WARNING or not (self._told_at is None or now - self._told_at >= SCARCE_S):
            return
        self._told_at = now
        _LOG.warning(
            "spans are dropped, as more are made than delivered; "
            "see OTEL_TRACES_SAMPLER and OTEL_BSP_MAX_QUEUE_SIZE in docs/tracing.md"
        )


class Told(SpanExporter):
    """Delivers by another exporter, and tells the operator scarcely when it does not work."""

    def __init__(
        self, exporter: SpanExporter, overheard: Overheard, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._exporter = exporter
        self._overheard = overheard
        self._monotonic = monotonic
        self._lost = 0
        self._told_at: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver them, or lose them."""
        self._overheard.last = NOT_REACHED
        try:
            result = self._exporter.export(spans)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, requests go on
            result, self._overheard.last = SpanExportResult.FAILURE, type(trouble).__name__
        if result is SpanExportResult.SUCCESS:
            self._worked()
        else:
            self._failed(len(spans))
        return result

    def shutdown(self) -> None:
        """Deliver no more, and give up what is being tried."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the library's signature
        """Nothing waits here."""
        return True

    def _worked(self) -> None:
        if self._lost:
            _LOG.warning("spans are delivered again; %d were lost", self._lost)
        self._lost, self._told_at = 0, None

    def _failed(self, count: int) -> None:
        self._lost += count
        now = self._monotonic()
        if self._told_at is None or now - self._told_at >= SCARCE_S:
            self._told_at = now
            _LOG.warning(
                "spans cannot be delivered to the collector (%s): %d are lost so far, requests go on; "
                "see OTEL_EXPORTER_OTLP_ENDPOINT in docs/tracing.md",
                self._overheard.last,
                self._lost,
            )


class Delivery:
    """Takes spans away until it is closed. Raises, at its making, what the library makes of odd variables."""

    def __init__(self, exporters: Sequence[str]) -> None:
        overheard = _quiet()
        self._exporters = [Told(EXPORTERS[name](), overheard) for name in exporters]
        ours = Resource.create({"service.name": SERVICE, "service.version": __version__})
        resource = ours.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in self._exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))

    @property
    def tracer(self) -> Tracer:
        """Who begins spans."""
        return self._provider.get_tracer(SERVICE, __version__)

    async def close(self, within_s: float) -> None:
        """Deliver what waits, for so long; what is left then is lost."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="last-spans", daemon=True).start()
        try:
            async with asyncio.timeout(within_s):
                await done.wait()
        except TimeoutError:
            _LOG.warning("the last spans were not delivered within %g s, and are lost", within_s)
        finally:
            for exporter in self._exporters:
                exporter.shutdown()


def _quiet() -> Overheard:
    """Let the library speak to us alone of what goes wrong with a delivery."""
    overheard = Overheard()
    for name, listener in (("opentelemetry.exporter", overheard), (_BATCHES, Full())):
        talker = logging.getLogger(name)
        talker.handlers, talker.propagate = [listener], False
    logging.getLogger(_HEADERS).setLevel(logging.CRITICAL + 1)
    return overheard
