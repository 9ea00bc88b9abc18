"""Where spans are made: which, what they say, and what the upstream is told of them."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from gateway.logs.scrub import scrubber
from gateway.traces.spans import FIRST_BYTE, Spans
from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import KEY, ROUTES, HandClock, Stand, request
from tests.support.scripted_upstream import answering

PATTERNS = {route.id: route.path for route in ROUTES}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()
WEBSOCKET = (
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Kept:
    """Spans in memory, and the tracer that makes them, which is told of exchanges beside the notebook."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        scrub = scrubber(["kh"])
        tracer = provider.get_tracer("test")
        self.spans = Spans(tracer, HandClock(), lambda text, most: scrub(text)[:most], PATTERNS.get, "http")

    def two(self) -> tuple[ReadableSpan, ReadableSpan]:
        """The upstream's part and the whole, in the order of their ends."""
        asking, own = self.exporter.get_finished_spans()
        assert (asking.kind, own.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
        return asking, own

    def one(self) -> ReadableSpan:
        """The only one."""
        (own,) = self.exporter.get_finished_spans()
        assert own.kind is SpanKind.SERVER
        return own


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def traced(build: BuildStand, kept: Kept) -> Callable[..., Any]:
    """A stand where spans are made."""

    async def build_traced(**setting: Any) -> Stand:
        stand = await build(tracer=kept.spans, **setting)
        note = stand.notebook.exchange_ended

        def ended(exchange: Any) -> None:
            kept.spans.exchange_ended(exchange)
            note(exchange)

        stand.notebook.exchange_ended = ended  # type: ignore[method-assign]
        return stand

    return build_traced


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_the_upstream_is_told_of_the_span_that_asks_it(traced: Callable[..., Any], kept: Kept) -> None:
    stand = await traced()
    caller = await stand.call(request(b"GET /any/x?q=secret HTTP/1.1", b"traceparent: " + PARENT))
    assert (await caller.response()).status == 200
    exchange = await stand.exchange()
    asking, own = kept.two()
    assert asking.context is not None
    assert own.context is not None
    assert own.parent is not None
    assert asking.parent is not None
    assert (own.parent.span_id, own.context.trace_id) == (0x00F067AA0BA902B7, int(TRACE, 16))
    assert asking.parent.span_id == own.context.span_id
    told = f"00-{TRACE}-{asking.context.span_id:016x}-01".encode()
    assert stand.upstream.the_request().all(b"traceparent") == [told]
    assert exchange.trace_id == TRACE
    assert own.name == "GET /any/**"
    assert said(own) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/any/**",
        "http.response.status_code": 200,
        "http.request.body.size": 0,
        "http.response.body.size": 2,
        "url.path": "/any/x",
        "client.address": "127.0.0.1",
        "keyhatch.kind": "plain",
        "keyhatch.request_id": exchange.request_id,
        "keyhatch.route": "any",
        "keyhatch.upstream": "main",
        "keyhatch.key_id": "key_ada",
        "keyhatch.key_name": "Ada's laptop",
    }
    assert said(asking) == {
        "http.request.method": "GET",
        "keyhatch.upstream": "main",
        "server.address": "127.0.0.1",
        "server.port": stand.upstream.port,
        "http.response.status_code": 200,
    }
    assert [event.name for event in asking.events] == [FIRST_BYTE]


async def test_each_request_of_the_same_head_is_asked_by_a_span_of_its_own(
    traced: Callable[..., Any], kept: Kept
) -> None:
    stand = await traced()
    caller = await stand.call()
    for number in range(3):
        caller.send(request())
        await caller.response()
        await stand.exchange(number)
    told = [seen.one(b"traceparent") for seen in stand.upstream.requests()]
    assert len(set(told)) == 3
    asking = [each.context for each in kept.exporter.get_finished_spans() if each.kind is SpanKind.CLIENT]
    assert [f"{each.trace_id:032x}-{each.span_id:016x}".encode() for each in asking if each] == [
        each[3:52] for each in told
    ]


@pytest.mark.parametrize(
    "fields",
    [
        [b"traceparent: " + PARENT.upper(), b"tracestate: a=b"],
        [b"traceparent: " + PARENT, b"traceparent: " + PARENT],
        [b"tracestate: a=b"],
    ],
    ids=["broken", "twice", "none"],
)
async def test_without_a_whole_traceparent_a_new_trace_begins(
    traced: Callable[..., Any], kept: Kept, fields: list[bytes]
) -> None:
    stand = await traced()
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", *fields, b"baggage: a=b"))
    assert (await caller.response()).status == 200
    exchange = await stand.exchange()
    _, own = kept.two()
    assert own.parent is None
    seen = stand.upstream.the_request()
    assert seen.one(b"traceparent")[3:35].decode() == exchange.trace_id != TRACE
    assert (seen.all(b"tracestate"), seen.one(b"baggage")) == ([], b"a=b")


async def test_a_caller_may_ask_that_its_trace_is_not_kept(traced: Callable[..., Any], kept: Kept) -> None:
    stand = await traced()
    caller = await stand.call(
        request(b"GET /any/x HTTP/1.1", b"traceparent: " + PARENT[:-1] + b"0", b"tracestate: a=b")
    )
    await caller.response()
    assert (await stand.exchange()).trace_id == TRACE
    assert kept.exporter.get_finished_spans() == ()
    seen = stand.upstream.the_request()
    assert seen.one(b"traceparent").startswith(f"00-{TRACE}-".encode())
    assert seen.one(b"traceparent").endswith(b"-00")
    assert seen.one(b"tracestate") == b"a=b"


async def test_a_refusal_is_a_span_without_a_failure(traced: Callable[..., Any], kept: Kept) -> None:
    stand = await traced()
    caller = await stand.call(request(b"GET /admin/x HTTP/1.1", b"traceparent: " + PARENT))
    assert (await caller.response()).status == 403
    await stand.exchange()
    own = kept.one()
    assert own.name == "GET /admin/**"
    assert said(own)["keyhatch.reason"] == "scope_missing"
    assert said(own)["http.response.status_code"] == 403
    assert own.status.is_ok
    assert "error.type" not in said(own)
    stand.assert_untouched()


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (b"GET /any/" + KEY + b"/x HTTP/1.1", "/any/kh_****/x"),
        (b"GET /any/x?api_key=" + KEY + b" HTTP/1.1", "/any/x"),
        (b"GET /any//" + KEY + b" HTTP/1.1", "/any//kh_****"),
        (b"BREW /any/x HTTP/1.1", "/any/x"),
    ],
)
async def test_no_key_and_no_odd_word_of_a_caller_is_in_a_span(
    traced: Callable[..., Any], kept: Kept, line: bytes, path: str
) -> None:
    stand = await traced()
    caller = await stand.call(
        request(line, b"X-Request-Id: " + KEY, b"tracestate: k=" + KEY, b"traceparent: " + KEY, shown=None)
    )
    await caller.response()
    await stand.exchange()
    own = kept.exporter.get_finished_spans()[-1]
    text = own.to_json()
    assert KEY.decode() not in text
    assert KEY.decode()[3:30] not in text
    assert said(own)["url.path"] == path
    assert "BREW" not in text
    assert said(own)["http.request.method"] in {"GET", "_OTHER"}


async def test_an_upstream_that_cannot_be_reached_is_a_failure_of_both(
    traced: Callable[..., Any], kept: Kept
) -> None:
    stand = await traced()
    caller = await stand.call(request(b"GET /down/x HTTP/1.1"))
    assert (await caller.response()).status == 502
    await stand.exchange()
    asking, own = kept.two()
    assert not asking.status.is_ok
    assert not own.status.is_ok
    assert said(asking)["error.type"] == said(own)["error.type"] == "upstream_unreachable"
    assert (asking.events, "http.response.status_code" in said(asking)) == ((), False)


async def test_an_answer_of_the_upstreams_own_may_be_its_failure_and_not_ours(
    traced: Callable[..., Any], kept: Kept
) -> None:
    script = answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    stand = await traced(script=script)
    caller = await stand.call(request())
    assert (await caller.response()).status == 404
    await stand.exchange()
    asking, own = kept.two()
    assert (asking.status.is_ok, own.status.is_ok) == (False, True)
    assert (said(asking)["error.type"], said(asking)["http.response.status_code"]) == ("404", 404)


async def test_a_stream_is_one_span_until_its_last_byte(traced: Callable[..., Any], kept: Kept) -> None:
    stand = await traced(script=None)
    caller = await stand.call(request(b"GET /any/events HTTP/1.1", b"Accept: text/event-stream"))
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(STREAM + b"5\r\ndata:\r\n")
    await caller.until_received(b"data:")
    assert kept.exporter.get_finished_spans() == ()
    upstream.send(b"0\r\n\r\n")
    await stand.exchange()
    asking, own = kept.two()
    assert said(own)["keyhatch.kind"] == "event_stream"
    assert [event.name for event in asking.events] == [FIRST_BYTE]


async def test_a_stream_that_its_upstream_cuts_is_the_upstreams_failure(
    traced: Callable[..., Any], kept: Kept
) -> None:
    stand = await traced(script=None)
    caller = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(STREAM + b"5\r\ndata:\r\n")
    await caller.until_received(b"data:")
    upstream.reset()
    await stand.exchange()
    asking, own = kept.two()
    assert (said(asking)["error.type"], said(own)["keyhatch.cut"]) == ("upstream_cut", "upstream_cut")


async def test_a_websocket_is_one_span_until_it_closes(traced: Callable[..., Any], kept: Kept) -> None:
    stand = await traced(script=answering(SWITCH))
    caller = await stand.call(request(b"GET /any/ws HTTP/1.1", *WEBSOCKET))
    await caller.until_received(b"\r\n\r\n")
    assert kept.exporter.get_finished_spans() == ()
    assert stand.upstream.the_request().one(b"traceparent")
    caller.abandon()
    await stand.exchange()
    asking, own = kept.two()
    assert (said(own)["http.response.status_code"], said(own)["keyhatch.kind"]) == (101, "websocket")
    assert [event.name for event in asking.events] == [FIRST_BYTE]


async def test_an_accident_of_the_tracer_costs_no_request(
    traced: Callable[..., Any], kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> float:
        raise OSError("no clock")

    stand = await traced()
    stand.notebook.exchange_ended = type(stand.notebook).exchange_ended.__get__(stand.notebook)
    kept.spans._now = broken
    with caplog.at_level(logging.ERROR):
        for number, fields in enumerate([[b"traceparent: " + PARENT], []]):
            caller = await stand.call(request(b"GET /any/x HTTP/1.1", *fields))
            assert (await caller.response()).status == 200
            await stand.exchange(number)
    assert caplog.text.count("a span could not be begun") == 1
    assert [seen.all(b"traceparent") for seen in stand.upstream.requests()] == [[PARENT], []]
