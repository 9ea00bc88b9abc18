"""The families of metrics: one table of names, kinds, labels and sentences.

Nothing is exposed that does not stand here, and a test holds docs/metrics.md against this table. Names
follow `keyhatch_<noun>_<unit>[_total]`; times are seconds, sizes are bytes, as Prometheus wishes.
prometheus-client is loaded when a family is first given values, at a scrape.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gateway.metrics.counts import Histogram

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One family as it is documented and exposed. `labels` name closed sets only."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Labels = ()

    def holding(self, values: Iterable[tuple[Labels, float]]) -> "CounterMetricFamily | GaugeMetricFamily":
        """This counter or gauge with the given values."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        build = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = build(self.name, self.help, labels=self.labels)
        for labels, value in values:
            family.add_metric(labels, value)
        return family

    def spread(self, histograms: Iterable[tuple[Labels, Histogram]]) -> "HistogramMetricFamily":
        """This histogram with the given buckets, added up as Prometheus wants them."""
        from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415

        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, histogram in histograms:
            below, buckets = 0, []
            for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
                below += count
                buckets.append((str(bound), below))
            family.add_metric(labels, buckets, histogram.total)
        return family


REQUESTS: Final = Family(
    "keyhatch_requests_total",
    "counter",
    "Exchanges that ended, by route, method and the status the caller was sent.",
    ("route", "method", "code"),
)
AUTH_RESULTS: Final = Family(
    "keyhatch_auth_results_total",
    "counter",
    "Decisions, by result: allowed, allowed_anonymous, allowed_public or the reason code of the refusal.",
    ("result",),
)
DURATION: Final = Family(
    "keyhatch_request_duration_seconds",
    "histogram",
    "From a request's head to the end of its response, streams included.",
    ("route",),
)
FIRST_BYTE: Final = Family(
    "keyhatch_first_byte_seconds",
    "histogram",
    "From a request's head to the head of the upstream's response.",
    ("route",),
)
OWN_OVERHEAD: Final = Family(
    "keyhatch_own_overhead_seconds",
    "histogram",
    "The gateway's own share of an exchange: deciding and rewriting, without waiting for anyone.",
)
IN_FLIGHT: Final = Family(
    "keyhatch_requests_in_flight", "gauge", "Exchanges whose head was read and which are not over."
)
REQUEST_BYTES: Final = Family(
    "keyhatch_request_bytes_total", "counter", "Body bytes received from callers.", ("route",)
)
RESPONSE_BYTES: Final = Family(
    "keyhatch_response_bytes_total", "counter", "Body bytes sent to callers.", ("route",)
)
UPSTREAM_ERRORS: Final = Family(
    "keyhatch_upstream_errors_total",
    "counter",
    "Exchanges that the gateway answered because the upstream did not.",
    ("upstream", "reason"),
)
UPSTREAM_UP: Final = Family(
    "keyhatch_upstream_up",
    "gauge",
    "1 for a target that requests go to as usual, 0 for one that is down, ejected or drained.",
    ("upstream", "target"),
)
EJECTIONS: Final = Family(
    "keyhatch_upstream_ejections_total",
    "counter",
    "How often a target was left out for a time, because requests found it not answering.",
    ("upstream", "target"),
)
RESPONSES_CUT: Final = Family(
    "keyhatch_responses_cut_total",
    "counter",
    "Responses that stopped before their end, by cause.",
    ("cause",),
)
KEYS: Final = Family("keyhatch_keys", "gauge", "Keys in the store, by status.", ("status",))
FLUSH_LAG: Final = Family(
    "keyhatch_last_used_flush_lag_seconds",
    "gauge",
    "Age of the oldest use of a key that is not in the store yet.",
)
USES_PENDING: Final = Family(
    "keyhatch_last_used_pending", "gauge", "Keys whose last use is not in the store yet."
)
STORE_ERRORS: Final = Family(
    "keyhatch_store_errors_total",
    "counter",
    "Calls to the store that failed, or whose answer was not trusted.",
)
CONFIG_RELOADS: Final = Family(
    "keyhatch_config_reloads_total", "counter", "Reloads of the configuration, by outcome.", ("outcome",)
)
CONFIG_LOADED_AT: Final = Family(
    "keyhatch_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration in force was loaded, in seconds since 1970.",
)
CONFIG_RELOAD_SUCCESSFUL: Final = Family(
    "keyhatch_config_last_reload_successful",
    "gauge",
    "0 while the last reload of the configuration failed: the one before it is in force; 1 otherwise.",
)
LIVE_STREAMS: Final = Family(
    "keyhatch_live_streams",
    "gauge",
    "Exchanges under way that hold a key: what its revocation would end, streams and WebSockets included.",
)
LOG_LINES_DROPPED: Final = Family(
    "keyhatch_log_lines_dropped_total",
    "counter",
    "Log lines that were thrown away because the log's reader was too slow or gone.",
)
CONNECTIONS: Final = Family(
    "keyhatch_connections", "gauge", "Callers' connections that are open on the proxied port."
)
CONNECTIONS_TURNED_AWAY: Final = Family(
    "keyhatch_connections_turned_away_total",
    "counter",
    "New connections that were closed at once, because their peer or all together had too many.",
)
CONNECTIONS_MADE_ROOM: Final = Family(
    "keyhatch_connections_made_room_total",
    "counter",
    "Idle connections that were closed because a new one needed the place.",
)
TLS_EXPIRES_AT: Final = Family(
    "keyhatch_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate in force ends, in seconds since 1970; absent without TLS.",
)
TLS_RELOADS: Final = Family(
    "keyhatch_tls_certificate_reloads_total",
    "counter",
    "New certificates found in the files, by outcome; on failure the old one stays.",
    ("outcome",),
)
TLS_HANDSHAKES_FAILED: Final = Family(
    "keyhatch_tls_handshakes_failed_total",
    "counter",
    "Connections to a TLS listener that came to no handshake, by cause.",
    ("cause",),
)
BUILD_INFO: Final = Family(
    "keyhatch_build_info",
    "gauge",
    "Always 1; the labels say what is running.",
    ("version", "plane", "python"),
)

FAMILIES: Final = (
    REQUESTS,
    AUTH_RESULTS,
    DURATION,
    FIRST_BYTE,
    OWN_OVERHEAD,
    IN_FLIGHT,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    UPSTREAM_ERRORS,
    UPSTREAM_UP,
    EJECTIONS,
    RESPONSES_CUT,
    KEYS,
    FLUSH_LAG,
    USES_PENDING,
    STORE_ERRORS,
    CONFIG_RELOADS,
    CONFIG_LOADED_AT,
    CONFIG_RELOAD_SUCCESSFUL,
    LIVE_STREAMS,
    LOG_LINES_DROPPED,
    CONNECTIONS,
    CONNECTIONS_TURNED_AWAY,
    CONNECTIONS_MADE_ROOM,
    TLS_EXPIRES_AT,
    TLS_RELOADS,
    TLS_HANDSHAKES_FAILED,
    BUILD_INFO,
)
