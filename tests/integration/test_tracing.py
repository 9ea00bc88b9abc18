"""Spans of real gateways, as a collector gets them: one tree, and nothing in it that should not be told."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway import __version__
from tests.support.collector import Collector, Seen, collecting
from tests.support.plain_caller import ask
from tests.support.running_gateway import Home, RunningGateway, eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
WORD = "correct-horse-battery"
"""Stands wherever a caller may put something, and in no span."""


@contextlib.contextmanager
def noting() -> Iterator[tuple[int, list[dict[str, str]]]]:
    """A server that keeps the fields of what it is asked; a stream where somebody asks for one."""
    heads: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heads.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(503 if "broken" in self.path else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1], heads
        server.shutdown()
        thread.join()


@dataclass
class Chain:
    """An outer gateway before an inner one before a server, and the collector that both tell."""

    outer: RunningGateway
    inner: RunningGateway
    collector: Collector
    heads: list[dict[str, str]]
    key: str

    def until(self, count: int, **said: Any) -> list[Seen]:
        """The spans that say this, once there are so many."""
        return eventually(
            lambda: found if len(found := self.collector.of(**said)) >= count else None,
            f"{count} spans that say {said} among {self.collector.spans}",
        )


def line_of(gateway: RunningGateway, request_id: str) -> dict[str, Any]:
    """The line of the access log."""
    return eventually(lambda: gateway.lines(event="exchange", request_id=request_id), "a line")[0]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    environ = {
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-team=anna",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(collecting())
        port, heads = stack.enter_context(noting())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        patch.setenv("OTEL_SERVICE_NAME", "inner")
        behind = Home(tmp_path_factory.mktemp("inner"))
        anybody = [{"id": "all", "path": "/**", "upstream": "main", "public": True}]
        behind.configure(f"http://127.0.0.1:{port}", anybody)
        inner = stack.enter_context(behind.serve())
        patch.delenv("OTEL_SERVICE_NAME")
        before = Home(tmp_path_factory.mktemp("outer"))
        routes = [
            {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
            {"id": "narrow", "path": "/narrow/*", "upstream": "main", "scopes": ["chat:write"]},
            {"id": "down", "path": "/down", "upstream": "down", "scopes": []},
        ]
        down = {"url": f"http://127.0.0.1:{free_port()}"}
        upstreams = {"main": {"url": inner.url, "host": "upstream"}, "down": down}
        before.configure(inner.url, routes, upstreams=upstreams)
        key = before.make_key("VaM Plugin")
        outer = stack.enter_context(before.serve())
        yield Chain(outer, inner, collector, heads, key)


def test_two_gateways_in_a_row_make_one_tree(chain: Chain) -> None:
    headers = {
        "X-API-Key": chain.key,
        "Authorization": f"Bearer {WORD}",
        "traceparent": PARENT,
        "X-Request-Id": "one-tree",
        "tracestate": f"v={WORD}",
        "baggage": f"who={WORD}",
        "Cookie": f"c={WORD}",
    }
    answer = chain.outer.ask(f"/v1/models?q={WORD}", headers=headers)
    assert answer.status == 200
    outer, inner = sorted(
        chain.until(2, keyhatch__request_id="one-tree"), key=lambda span: span.parent != "00f067aa0ba902b7"
    )
    by_id = {span.span_id: span for span in chain.collector.spans}
    assert by_id[inner.parent].kind == "client"
    assert by_id[inner.parent].parent == outer.span_id
    last = chain.heads[-1]["traceparent"].split("-")
    assert by_id[last[2]].parent == inner.span_id
    assert {span.trace_id for span in by_id.values() if span.trace_id == TRACE} == {TRACE, last[1]}
    assert (outer.resource["service.name"], inner.resource["service.name"]) == ("keyhatch", "inner")
    assert outer.resource["service.version"] == __version__
    assert outer.resource["deployment.environment.name"] == "test"
    assert outer.name == "GET /**"
    assert outer.said["keyhatch.key_name"] == "VaM Plugin"
    assert chain.collector.heads[-1]["x-team"] == "anna"
    assert chain.heads[-1]["tracestate"] == f"v={WORD}"
    for gateway in (chain.outer, chain.inner):
        line = line_of(gateway, "one-tree")
        assert line["trace_id"] == TRACE


def test_a_refusal_and_a_failure_are_told_apart(chain: Chain) -> None:
    refused = chain.outer.ask("/narrow/x", headers={"X-API-Key": chain.key, "X-Request-Id": "refused"})
    failed = chain.outer.ask("/down", headers={"X-API-Key": chain.key, "X-Request-Id": "failed"})
    assert (refused.status, failed.status) == (403, 502)
    (one,) = chain.until(1, keyhatch__request_id="refused")
    (other,) = chain.until(1, keyhatch__request_id="failed")
    assert (one.is_error, one.said["keyhatch.reason"], one.name) == (False, "scope_missing", "GET /narrow/*")
    assert (other.is_error, other.said["error.type"]) == (True, "upstream_unreachable")
    assert len(one.trace_id) == 32
    line = line_of(chain.outer, "refused")
    assert line["trace_id"] == one.trace_id


def test_no_key_is_in_any_span(chain: Chain) -> None:
    for number, (path, headers) in enumerate(
        [
            (f"/v1/{chain.key}/x", {}),
            (f"/v1/x?api_key={chain.key}", {"Accept": "text/event-stream"}),
            (f"/v1/x?{WORD}", {"Authorization": f"Bearer {chain.key}"}),
            ("/v1/x", {"X-API-Key": chain.key, "traceparent": chain.key, "User-Agent": WORD}),
            ("/v1/x", {"Authorization": f"Bearer {WORD}", "traceparent": f"00-{WORD}"}),
            (f"/k/{chain.key}/v1/x", {}),
        ]
    ):
        chain.outer.ask(path, headers={**headers, "X-Request-Id": f"secret-{number}"})
        assert chain.until(1, keyhatch__request_id=f"secret-{number}")
    told = b"".join(chain.collector.raw)
    for secret in (chain.key, WORD):
        assert secret.encode() not in told
        assert secret[3:25].encode() not in told


def test_a_collector_that_fails_costs_no_request_and_one_line(chain: Chain) -> None:
    chain.collector.status = 400
    for _ in range(3):
        before = len(chain.collector.raw)
        assert chain.outer.ask("/v1/x", headers={"X-API-Key": chain.key}).status == 200
        chain.collector.until_more_than(before)
    chain.outer.wait_for_log("spans cannot be delivered to the collector (it answered 400)")
    chain.collector.status = 200
    chain.outer.ask("/v1/x", headers={"X-API-Key": chain.key})
    chain.outer.wait_for_log("spans are delivered again")
    told = [line for line in chain.outer.lines() if "cannot be delivered" in line["event"]]
    assert len(told) == 1
    assert "x-team" not in chain.outer.log


def test_what_waits_is_delivered_at_the_end_and_without_a_collector_the_end_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp,console")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{free_port()}/v1/traces")
    home = Home(tmp_path)
    home.configure("http://127.0.0.1:9")
    with home.serve() as gateway:
        assert ask(gateway.port, "/x").status == 401
        assert gateway.out == ""
        assert gateway.stop(within_s=8.0) == 0
        (span,) = [json.loads(line) for line in gateway.out.splitlines()]
        assert span["attributes"]["keyhatch.reason"] == "credential_missing"
        assert "the last spans were not delivered within 2 s" in gateway.log
