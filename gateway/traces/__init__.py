"""Spans for OpenTelemetry: where a request's time went, told to a collector.

`Spans` makes them of exchanges, `delivery` takes them away in a thread of its own. Nothing here is loaded
unless `OTEL_…` variables ask for it (`gateway.service.tracing`), and then it takes the extra `otel`.

Promises
1. A request never waits for a collector, and none is refused, slowed or lost because of one: what cannot be
   delivered is dropped, and told scarcely.
2. What a span says is a fixed list, and what a caller chose of it goes through the log's scrubber. No query,
   header or body is in it.
"""
