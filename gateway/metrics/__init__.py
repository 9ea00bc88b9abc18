"""Metrics: what the gateway counts, and how Prometheus reads it.

The request path adds plain integers to plain objects; nothing there takes a lock or touches
prometheus-client. Only at a scrape does `Metrics.collect` turn the counts into metric families, so a
request pays about a microsecond for all of them. Labels come from closed sets (configured routes and
upstreams, known methods, reason codes): no path, no key id and no peer can become a time series, and a
caller cannot make new ones. Every family stands in `gateway.metrics.families` and in docs/metrics.md.
"""

from gateway.metrics.metrics import Metrics
from gateway.metrics.sources import Sources

__all__ = ["Metrics", "Sources"]
