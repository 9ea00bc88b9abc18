"""The trace that a caller says its request belongs to: passed on as it came, and told to the operator."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import KEY, Stand, request

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00-%b-00f067aa0ba902b7-01" % TRACE
FIELDS = (b"traceparent: " + PARENT, b"tracestate: vendor=opaque, other=1", b"baggage: user=ada;p=1")
WEBSOCKET = (
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


async def test_the_trace_reaches_the_upstream_as_it_came(stand: Stand) -> None:
    caller = await stand.call()
    for number in range(4):  # what was seen before is remembered, the trace never is
        parent = b"00-%032x-%016x-0%d" % (number // 2 + 1, number + 1, number % 2)
        caller.send(request(b"GET /any/%d HTTP/1.1" % (number % 2), b"traceparent: " + parent, *FIELDS[1:]))
        assert (await caller.response()).status == 200
        seen = stand.upstream.requests()[-1]
        assert seen.all(b"traceparent") == [parent]
        assert seen.one(b"tracestate") == b"vendor=opaque, other=1"
        assert seen.one(b"baggage") == b"user=ada;p=1"
        assert (await stand.exchange(number)).trace_id == parent[3:35].decode()


async def test_who_says_none_belongs_to_none(stand: Stand) -> None:
    caller = await stand.call(request())
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"traceparent") == []
    assert (await stand.exchange()).trace_id is None


@pytest.mark.parametrize("line", [b"GET /no HTTP/1.1", b"GET /any//x HTTP/1.1", b"GET /any/x HTTP/1.1"])
async def test_a_refused_request_belongs_to_its_trace_too(stand: Stand, line: bytes) -> None:
    caller = await stand.call(request(line, *FIELDS, shown=None))
    assert (await caller.response()).status in {400, 401, 404}
    exchange = await stand.exchange()
    assert exchange.reason is not None
    assert exchange.trace_id == TRACE.decode()
    stand.assert_untouched()


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([b"traceparent: " + KEY], id="a-key"),
        pytest.param([b"traceparent: " + PARENT.upper()], id="upper-case"),
        pytest.param([b"traceparent: " + PARENT + b"-x"], id="longer"),
        pytest.param([b'traceparent: "}\\n{"level":"error"'], id="a-line-of-its-own"),
        pytest.param([FIELDS[0], FIELDS[0]], id="twice"),
        pytest.param([FIELDS[0], b"Traceparent: " + PARENT[:-1] + b"0"], id="two"),
    ],
)
async def test_what_is_no_trace_is_told_to_nobody(build: BuildStand, fields: list[bytes]) -> None:
    stand = await build()
    is_key = any(KEY in field for field in fields)
    caller = await stand.call(request(b"GET /no HTTP/1.1" if is_key else b"GET /any/x HTTP/1.1", *fields))
    assert (await caller.response()).status == (404 if is_key else 200)
    exchange = await stand.exchange()
    assert (exchange.trace_id, exchange.parent) == (None, None)
    if not is_key:
        sent = [field.partition(b": ")[2] for field in fields]
        assert stand.upstream.the_request().all(b"traceparent") == sent


async def test_a_trace_for_this_hop_alone_goes_no_further(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Connection: traceparent", *FIELDS))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"traceparent") == []
    assert (await stand.exchange()).trace_id is None


async def test_a_websocket_takes_its_trace_along(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/ws HTTP/1.1", *WEBSOCKET, *FIELDS))
    await caller.response()
    assert stand.upstream.the_request().one(b"traceparent") == PARENT
    assert (await stand.exchange()).trace_id == TRACE.decode()
