"""Guarantees of gateway/traces/spans.py. What planes make of them: tests/conformance/test_spans.py."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.core.refusal import Reason
from gateway.keeper.ports import Exchange
from gateway.traces.spans import METHODS, OTHER, Spans
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.unit.plane.stage import StillClock

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UPSTREAM = Upstream("main", "http", "10.9.8.7", 11434)
TWO = Upstream(
    *("main", "http", "10.9.8.7", 11434),
    targets=(UpstreamTarget("a", "http", "10.9.8.7", 1), UpstreamTarget("b", "http", "10.9.8.8", 1)),
)
SOCKET = Upstream("main", "http", "localhost", 80, path="/run/x.sock")


class Desk:
    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        tracer = provider.get_tracer("test")
        self.spans = Spans(
            tracer, StillClock(), lambda text, most: text.upper()[:most], lambda _: None, "https"
        )

    def told(self, exchange: Exchange, asked: Upstream | None = None) -> list[ReadableSpan]:
        """The spans of an exchange, the upstream's part first."""
        if asked is not None:
            exchange.duration_s = 0.5
            self.spans.exchange_began()
            self.spans.asks(exchange, asked, 0.25)
        self.spans.exchange_ended(exchange)
        assert exchange.span is None
        return list(self.kept.get_finished_spans())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def exchange(**fields: Any) -> Exchange:
    usual: dict[str, Any] = dict.fromkeys(("key_id", "key_name", "reason", "cut", "first_byte_s", "own_s"))
    usual |= {"request_id": "r-1", "kind": "plain", "method": "GET", "path": "/x", "peer": "192.0.2.7"}
    usual |= {"route_id": "gone", "upstream": "main", "status": 200, "bytes_in": 1, "bytes_out": 2}
    usual["duration_s"] = 0.5
    return Exchange(**usual | fields)


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("method", [*sorted(METHODS), "get", "BREW", ""])
def test_a_method_of_nobodys_is_no_name_of_a_span(desk: Desk, method: str) -> None:
    (own,) = desk.told(exchange(method=method))
    assert own.name == (method if method in METHODS else "HTTP")
    assert said(own)["http.request.method"] == (method if method in METHODS else OTHER)


def test_what_a_caller_chose_is_cleaned(desk: Desk) -> None:
    (own,) = desk.told(exchange(path="/secret", key_name="ada", request_id="mine", peer="fe80::a"))
    assert [said(own)[name] for name in ("url.path", "keyhatch.key_name", "keyhatch.request_id")] == [
        *("/SECRET", "ADA", "MINE")
    ]
    assert said(own)["client.address"] == "FE80::A"
    assert said(own)["url.scheme"] == "https"


def test_a_span_lasts_as_long_as_its_exchange(desk: Desk) -> None:
    asking, own = desk.told(exchange(first_byte_s=0.375), UPSTREAM)
    assert own.start_time is not None
    assert own.end_time is not None
    assert asking.end_time == own.end_time
    assert own.end_time - own.start_time == pytest.approx(250_000_000, abs=1_000)
    assert asking.start_time == own.end_time  # the clock stands still
    (event,) = asking.events
    assert own.end_time - event.timestamp == pytest.approx(125_000_000, abs=1_000)


@pytest.mark.parametrize(
    ("upstream", "address"), [(UPSTREAM, "10.9.8.7"), (TWO, None), (SOCKET, None)], ids=["one", "two", "unix"]
)
def test_an_address_is_told_where_there_is_only_one(
    desk: Desk, upstream: Upstream, address: str | None
) -> None:
    asking, _ = desk.told(exchange(), upstream)
    assert said(asking).get("server.address") == address
    assert said(asking)["keyhatch.upstream"] == "main"


@pytest.mark.parametrize(
    ("fields", "asking", "own"),
    [
        pytest.param({"status": 200}, None, None, id="fine"),
        pytest.param({"status": 404}, "404", None, id="not-found-there"),
        pytest.param({"status": 500}, "500", "500", id="broken-there"),
        pytest.param(
            {"status": 504, "reason": Reason.UPSTREAM_TIMEOUT}, *["upstream_timeout"] * 2, id="late"
        ),
        pytest.param({"status": 401, "reason": Reason.KEY_REVOKED}, None, None, id="key-died"),
        pytest.param({"status": 413, "reason": Reason.BODY_TOO_LARGE}, None, None, id="too-much"),
        pytest.param({"status": 200, "cut": "upstream_idle"}, "upstream_idle", None, id="fell-silent"),
        pytest.param({"status": 0, "cut": "caller_gone"}, None, None, id="left"),
    ],
)
def test_who_failed_is_told(desk: Desk, fields: dict[str, Any], asking: str | None, own: str | None) -> None:
    spans = desk.told(exchange(**fields), UPSTREAM)
    assert [said(span).get("error.type") for span in spans] == [asking, own]
    assert [span.status.is_ok for span in spans] == [asking is None, own is None]
    answered = fields["status"] if fields["status"] and "reason" not in fields else None
    assert said(spans[0]).get("http.response.status_code") == answered
    assert said(spans[1]).get("http.response.status_code") == (fields["status"] or None)


def test_the_trace_of_a_refusal_is_the_callers_or_a_new_one(desk: Desk) -> None:
    with_parent, without = exchange(parent=PARENT), exchange()
    desk.told(with_parent)
    desk.told(without)
    assert with_parent.trace_id == PARENT[3:35].decode()
    assert without.trace_id is not None
    assert len(without.trace_id) == 32
    assert without.trace_id != with_parent.trace_id
