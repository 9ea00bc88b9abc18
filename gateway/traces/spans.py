"""Two spans of each exchange: the gateway's own, and below it that of asking the upstream.

1. The trace is the caller's, where it says one (`wire.trace`), and its word whether the trace is kept counts
   as `OTEL_TRACES_SAMPLER` has it. The upstream is told of the span that asks it: the trace is one tree.
2. Both spans end with the exchange: a stream's with its last byte, a WebSocket's when it closes.
3. Names and attributes are those of OpenTelemetry's conventions for HTTP, and `keyhatch.…` beside them. What
   a caller chose is cleaned as in the access log; a method that is none of HTTP's is `_OTHER`; `tracestate`
   is passed on and not kept. There is no `url.full` and no `url.query`: keys stand in queries.
4. The gateway's own span fails with a status of 5xx alone (a refusal is no failure); the other one where the
   upstream failed, or did not take the request.
"""

import logging
from collections.abc import Callable
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from gateway.keeper.ports import Clock, Exchange
from gateway.wire.upstream import Upstream

METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
OTHER: Final = "_OTHER"
FIRST_BYTE: Final = "keyhatch.first_byte"
TEXT_CHARS_MAX: Final = 512
_UPSTREAM_CUTS: Final = frozenset({"upstream_cut", "upstream_idle"})

_LOG: Final = logging.getLogger("gateway.traces")

Clean = Callable[[str, int], str]
Pattern = Callable[[str], str | None]
Attributes = dict[str, AttributeValue | None]


class Spans:
    """An observer, and the planes' `Tracer`. It must be told of an exchange's end before the access log.

    `pattern` tells a route's path, `scheme` is what callers speak.
    """

    def __init__(self, tracer: Tracer, clock: Clock, clean: Clean, pattern: Pattern, scheme: str) -> None:
        self._tracer = tracer
        self._now = clock.now
        self._clean = clean
        self._pattern = pattern
        self._scheme = scheme
        self._was_told = False

    def asks(self, exchange: Exchange, upstream: Upstream, after_s: float) -> bytes:
        """An upstream is asked now, so long after the head was read: the `traceparent` that it is sent."""
        try:
            now_s = self._now()
            own = self._begin(exchange, now_s - after_s)
            asking = self._tracer.start_span(
                _name(exchange), set_span_in_context(own, Context()), SpanKind.CLIENT, start_time=_ns(now_s)
            )
            exchange.span = own, asking
            if asking.is_recording():
                _tell(asking, {"http.request.method": _method(exchange), **_place(upstream)})
            return parent_text(asking.get_span_context())
        except Exception as trouble:  # noqa: BLE001 the request goes on
            self._trouble(trouble)
            return exchange.parent or b""

    def exchange_began(self) -> None:
        """Nothing: there is nothing to tell of it yet."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """End its spans."""
        now_s = self._now()
        began_s = now_s - exchange.duration_s
        own, asking = _held(exchange) or (self._begin(exchange, began_s), None)
        exchange.span = None
        if asking is not None:
            if asking.is_recording():
                self._tell_of_asking(asking, exchange, began_s)
            asking.end(_ns(now_s))
        if own.is_recording():
            self._tell_of_exchange(own, exchange)
        own.end(_ns(now_s))

    def _begin(self, exchange: Exchange, at_s: float) -> Span:
        """The gateway's own span, in the trace that the caller named or in a new one."""
        own = self._tracer.start_span(
            _name(exchange),
            _context_of(exchange.parent),
            SpanKind.SERVER,
            {"http.request.method": _method(exchange), "url.scheme": self._scheme},
            start_time=_ns(at_s),
        )
        exchange.trace_id = f"{own.get_span_context().trace_id:032x}"
        return own

    def _tell_of_exchange(self, span: Span, exchange: Exchange) -> None:
        pattern = None if exchange.route_id is None else self._pattern(exchange.route_id)
        if pattern is not None:
            span.update_name(f"{_name(exchange)} {pattern}")
        status = exchange.status
        error = str(exchange.reason or status) if status >= 500 else None
        attributes: Attributes = {
            "http.route": pattern,
            "http.response.status_code": status or None,
            "http.request.body.size": exchange.bytes_in,
            "http.response.body.size": exchange.bytes_out,
            "url.path": self._cleaned(exchange.path),
            "client.address": self._cleaned(exchange.peer) or None,
            "error.type": error,
            "keyhatch.kind": exchange.kind,
            "keyhatch.request_id": self._cleaned(exchange.request_id),
            "keyhatch.route": exchange.route_id,
            "keyhatch.upstream": exchange.upstream,
            "keyhatch.key_id": exchange.key_id,
            "keyhatch.key_name": self._cleaned(exchange.key_name),
            "keyhatch.reason": None if exchange.reason is None else exchange.reason.value,
            "keyhatch.cut": exchange.cut,
        }
        _tell(span, attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))

    def _tell_of_asking(self, span: Span, exchange: Exchange, began_s: float) -> None:
        reason, status = exchange.reason, exchange.status
        if exchange.first_byte_s is not None:
            span.add_event(FIRST_BYTE, timestamp=_ns(began_s + exchange.first_byte_s))
        error = None
        if reason is not None:
            error = reason.value if reason.value.startswith("upstream_") else None
        elif exchange.cut in _UPSTREAM_CUTS:
            error = exchange.cut
        elif status >= 400:
            error = str(status)
        answered = status if reason is None and status else None
        _tell(span, {"http.response.status_code": answered, "error.type": error})
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))

    def _cleaned(self, text: str | None) -> str | None:
        return None if text is None else self._clean(text, TEXT_CHARS_MAX)

    def _trouble(self, trouble: Exception) -> None:
        if not self._was_told:
            self._was_told = True
            _LOG.error("a span could not be begun; this is told once", exc_info=trouble)


def parent_text(context: SpanContext) -> bytes:
    """The `traceparent` of who is asked by this span."""
    ids = f"{context.trace_id:032x}-{context.span_id:016x}"
    return f"00-{ids}-{int(context.trace_flags):02x}".encode("ascii")


def _context_of(parent: bytes | None) -> Context:
    """Where a span belongs that has this `traceparent`, which counts; a new trace for None."""
    if parent is None:
        return Context()
    flags = TraceFlags(int(parent[53:55], 16) & TraceFlags.SAMPLED)
    ids = int(parent[3:35], 16), int(parent[36:52], 16)
    return set_span_in_context(
        NonRecordingSpan(SpanContext(*ids, is_remote=True, trace_flags=flags)), Context()
    )


def _held(exchange: Exchange) -> tuple[Span, Span] | None:
    held = exchange.span
    return held if isinstance(held, tuple) else None


def _method(exchange: Exchange) -> str:
    return exchange.method if exchange.method in METHODS else OTHER


def _name(exchange: Exchange) -> str:
    """The name of a span that has no route; what is no method of HTTP's is not in it."""
    return exchange.method if exchange.method in METHODS else "HTTP"


def _place(upstream: Upstream) -> Attributes:
    """Who is asked. Of several targets it is not said which: another may be asked next."""
    place: Attributes = {"keyhatch.upstream": upstream.name}
    if len(upstream.targets) == 1 and not upstream.path:
        place |= {"server.address": upstream.host, "server.port": upstream.port}
    return place


def _tell(span: Span, attributes: Attributes) -> None:
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
