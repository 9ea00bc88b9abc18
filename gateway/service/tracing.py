"""Whether the environment asks for spans, and the making of them if it does.

It asks by OpenTelemetry's own variables: an `OTEL_EXPORTER_OTLP_ENDPOINT`, an
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or an `OTEL_TRACES_EXPORTER` (`otlp`, `console`, `none`), unless
`OTEL_SDK_DISABLED` is true. An empty variable is none. What cannot be done is a warning: a gateway that
guards as well as before should not refuse to start because of what watches it.

Nothing of `gateway.traces` is loaded before somebody asks.
"""

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gateway.core.routes import RouteTable
from gateway.keeper.ports import Clock

if TYPE_CHECKING:
    from gateway.traces.delivery import Delivery
    from gateway.traces.spans import Clean, Spans

FLUSH_S: Final = 2.0
KNOWN: Final = ("otlp", "console")
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN: Final = "http/protobuf"

_log: Final = logging.getLogger("gateway.service")


class Tracing:
    """Spans, and their way out."""

    def __init__(self, spans: "Spans", delivery: "Delivery") -> None:
        self.spans = spans
        self._delivery = delivery

    async def close(self) -> None:
        """Deliver what waits, for at most `FLUSH_S`."""
        await self._delivery.close(FLUSH_S)


def exporters_asked_for(environ: Mapping[str, str]) -> tuple[str, ...]:
    """How spans are to be delivered: words of `OTEL_TRACES_EXPORTER`; nothing where nobody asks for spans."""
    said = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    is_disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_disabled or not (said or any(environ.get(name) for name in ENDPOINTS)):
        return ()
    words = [word for each in (said or "otlp").split(",") if (word := each.strip().lower())]
    return tuple(dict.fromkeys(word for word in words if word != "none"))


def tracing_of(clock: Clock, clean: "Clean", table: Callable[[], RouteTable], scheme: str) -> Tracing | None:
    """What the environment asks for, or None; why it cannot be had is told in the log.

    The library of OpenTelemetry reads the process's environment, and so it is read here.
    """
    environ = os.environ
    exporters = exporters_asked_for(environ)
    if not exporters or not _can_be_done(environ, exporters):
        return None
    try:
        from gateway.traces.delivery import Delivery  # noqa: PLC0415 - hardly anybody asks
        from gateway.traces.spans import Spans  # noqa: PLC0415
    except ImportError as trouble:
        _log.warning(
            "no spans are made, although OTEL_… variables ask for them: %s is missing; "
            "the extra otel brings it, see docs/tracing.md",
            trouble.name,
        )
        return None
    try:
        delivery = Delivery(exporters)
    except Exception as trouble:  # noqa: BLE001 - requests are served without spans, too
        kind = type(trouble).__name__  # not its words: they may hold what a variable holds
        _log.warning("no spans are made: OpenTelemetry cannot use its OTEL_… variables (%s)", kind)
        return None
    _log.info("spans are made and delivered: %s", ", ".join(exporters))

    def pattern(route_id: str) -> str | None:
        route = table().by_id.get(route_id)
        return None if route is None else route.path

    return Tracing(Spans(delivery.tracer, clock, clean, pattern, scheme), delivery)


def _can_be_done(environ: Mapping[str, str], exporters: tuple[str, ...]) -> bool:
    if any(name not in KNOWN for name in exporters):
        _log.warning("no spans are made: OTEL_TRACES_EXPORTER may be %s or none", ", ".join(KNOWN))
        return False
    protocol = next((said for name in PROTOCOLS if (said := environ.get(name, "").strip())), SPOKEN)
    if "otlp" in exporters and protocol != SPOKEN:
        name = next(name for name in PROTOCOLS if environ.get(name, "").strip())
        _log.warning("no spans are made: %s is spoken to collectors, not what %s says", SPOKEN, name)
        return False
    return True
