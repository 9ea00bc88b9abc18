"""A collector of spans: takes OTLP over HTTP, decodes the protobuf, and keeps every byte that it was sent.

It runs in a thread of its own, as the gateways that it is told by are processes of their own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.running_gateway import eventually


@dataclass(frozen=True)
class Seen:
    """A span as a collector sees it: its ids in hexadecimal, `parent` empty at the root of a tree."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    is_error: bool
    said: dict[str, Any]
    resource: dict[str, Any]
    events: tuple[str, ...]
    duration_s: float


@dataclass
class Collector:
    """What arrived. `status` is what it answers from now on."""

    port: int
    status: int = 200
    raw: list[bytes] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    spans: list[Seen] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """For `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self.port}"

    def of(self, **said: Any) -> list[Seen]:
        """The spans that say this of themselves, `__` for `.` in names."""
        wanted = {name.replace("__", "."): value for name, value in said.items()}
        return [each for each in self.spans if wanted.items() <= each.said.items()]

    def until_more_than(self, count: int) -> None:
        """Wait for another delivery."""
        eventually(lambda: len(self.raw) > count, "a delivery")

    def take(self, head: dict[str, str], body: bytes) -> None:
        """Decode one delivery."""
        self.heads.append(head)
        self.raw.append(body)
        if self.status != 200:
            return
        asked = ExportTraceServiceRequest()
        asked.ParseFromString(body)
        for group in asked.resource_spans:
            resource = {each.key: _plain(each.value) for each in group.resource.attributes}
            self.spans += [_seen(span, resource) for scope in group.scope_spans for span in scope.spans]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            collector.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield collector
        server.shutdown()
        thread.join()


def _seen(span: Span, resource: dict[str, Any]) -> Seen:
    return Seen(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        is_error=span.status.code == 2,
        said={each.key: _plain(each.value) for each in span.attributes},
        resource=resource,
        events=tuple(event.name for event in span.events),
        duration_s=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _plain(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")
