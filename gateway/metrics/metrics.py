"""`Metrics`: told of exchanges and events by the gateway, read by Prometheus.

It is an `Observer` for the request path, a prometheus-client collector for a scrape, and has one method
per event that nobody else counts. It owns its registry: nothing of it is global, two gateways in one
process do not mix, and no library can add a family to ours.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from gateway.core.keys import Status
from gateway.core.routes import Route
from gateway.keeper.ports import Clock, Exchange
from gateway.metrics import families
from gateway.metrics.counts import Counts, Totals
from gateway.metrics.sources import Reader, Sources

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

SUCCESS: Final = "success"
FAILURE: Final = "failure"


class Metrics:
    """Everything the gateway counts. `sources` may be filled in after it was built, before the first scrape.

    `reload_failed_at`: the first failure since a reload succeeded last, or None; `started_at`: since when it
    counts; both in seconds since 1970. `version` and `plane` are what `keyhatch_build_info` says.
    """

    def __init__(self, *, version: str, plane: str, clock: Clock, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self.started_at = clock.now()
        self._build = (version, plane, platform.python_version())
        self._clock = clock
        self._counts = Counts()
        self._reader = Reader(clock.monotonic)
        self._store_errors = 0
        self._reloads = {SUCCESS: 0, FAILURE: 0}
        self._loaded_at: float | None = None
        self.reload_failed_at: float | None = None

    # --- What happens

    def exchange_began(self) -> None:
        """A request's head was read."""
        self._counts.in_flight += 1

    def exchange_ended(self, exchange: Exchange) -> None:
        """The exchange is over; told exactly once per `exchange_began`."""
        self._counts.in_flight -= 1
        self._counts.add(exchange)

    def know(self, routes: Iterable[Route]) -> None:
        """Name the configured routes (and by them the upstreams): an exchange elsewhere counts as `none`.

        Call it with the first configuration and after each reload; what is gone keeps its counts.
        """
        self._counts.know(routes)

    def config_loaded(self) -> None:
        """The first configuration is in force."""
        self._loaded_at = self._clock.now()

    def config_reloaded(self, *, success: bool) -> None:
        """A reload is over. On failure the old configuration, and its moment, stay."""
        self._reloads[SUCCESS if success else FAILURE] += 1
        if success:
            self._loaded_at, self.reload_failed_at = self._clock.now(), None
        elif self.reload_failed_at is None:
            self.reload_failed_at = self._clock.now()

    def store_failed(self) -> None:
        """A call to the store failed, or its answer could not be trusted."""
        self._store_errors += 1

    # --- What the management API reads

    def totals(self) -> Totals:
        """The exchanges so far, by their labels and by what was decided; without prometheus-client."""
        return self._counts.totals()

    # --- What Prometheus reads

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """All families in the format that the `Accept` header asks for, and its content type."""
        from gateway.metrics.exposition import expose  # noqa: PLC0415

        return expose(self._registry, accept)

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        """Made with the first scrape: a gateway that nobody scrapes does without prometheus-client."""
        from prometheus_client import (  # noqa: PLC0415
            CollectorRegistry,
            PlatformCollector,
            ProcessCollector,
        )

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        return registry

    def describe(self) -> "Iterable[Metric]":
        """Name our families to the registry without reading them, so that no other can take their names."""
        return [
            family.spread(()) if family.kind == "histogram" else family.holding(())
            for family in families.FAMILIES
        ]

    def collect(self) -> "Iterator[Metric]":
        """Build the families from the counts: the only place where prometheus-client's objects are made."""
        yield from self._exchanges()
        yield from self._per_route()
        yield from self._events()
        yield from self._gauges()
        yield from self._targets()

    def _exchanges(self) -> "Iterator[Metric]":
        counts = self._counts
        totals = counts.totals()
        yield families.REQUESTS.holding(totals.requests.items())
        yield families.AUTH_RESULTS.holding(_labelled(totals.results))
        yield families.UPSTREAM_ERRORS.holding(counts.upstream_errors.items())
        yield families.RESPONSES_CUT.holding(_labelled(counts.cut))
        yield families.OWN_OVERHEAD.spread([((), counts.own_overhead)])
        yield families.IN_FLIGHT.holding([((), counts.in_flight)])

    def _per_route(self) -> "Iterator[Metric]":
        routes = tuple(self._counts.routes.values())
        # A histogram is twenty lines of text: those of routes that nobody used would be most of a scrape.
        yield families.DURATION.spread(((r.label,), r.duration) for r in routes if any(r.duration.counts))
        yield families.FIRST_BYTE.spread(
            ((r.label,), r.first_byte) for r in routes if any(r.first_byte.counts)
        )
        yield families.REQUEST_BYTES.holding(((route.label,), route.bytes_in) for route in routes)
        yield families.RESPONSE_BYTES.holding(((route.label,), route.bytes_out) for route in routes)

    def _events(self) -> "Iterator[Metric]":
        yield families.BUILD_INFO.holding([(self._build, 1)])
        yield families.STORE_ERRORS.holding([((), self._store_errors)])
        yield families.CONFIG_RELOADS.holding(_labelled(self._reloads))
        if self._loaded_at is not None:
            yield families.CONFIG_LOADED_AT.holding([((), self._loaded_at)])
            yield families.CONFIG_RELOAD_SUCCESSFUL.holding([((), int(self.reload_failed_at is None))])

    def _gauges(self) -> "Iterator[Metric]":
        sources = self.sources
        counts = self._reader.key_counts(families.KEYS.name, sources.key_counts)
        if counts is not None:
            yield families.KEYS.holding(((status.value,), counts.get(status, 0)) for status in Status)
        for family, source in (
            (families.FLUSH_LAG, sources.flush_lag_s),
            (families.USES_PENDING, sources.uses_pending),
            (families.LIVE_STREAMS, sources.live_streams),
            (families.LOG_LINES_DROPPED, sources.log_lines_dropped),
            (families.CONNECTIONS, sources.connections),
            (families.CONNECTIONS_TURNED_AWAY, sources.connections_turned_away),
            (families.CONNECTIONS_MADE_ROOM, sources.connections_made_room),
            (families.TLS_EXPIRES_AT, sources.tls_expires_at),
        ):
            value = self._reader.read(family.name, source)
            if value is not None:
                yield family.holding([((), value)])
        for family, labelled in (
            (families.TLS_RELOADS, sources.tls_reloads),
            (families.TLS_HANDSHAKES_FAILED, sources.tls_handshakes_failed),
        ):
            values = self._reader.read(family.name, labelled)
            if values is not None:
                yield family.holding(_labelled(values))

    def _targets(self) -> "Iterator[Metric]":
        told = self._reader.read(families.UPSTREAM_UP.name, self.sources.targets)
        if told is not None:
            yield families.UPSTREAM_UP.holding(((t.upstream, t.target), int(t.is_up)) for t in told)
            yield families.EJECTIONS.holding(((t.upstream, t.target), t.ejections) for t in told)


def _labelled(values: Mapping[str, float]) -> Iterable[tuple[tuple[str], float]]:
    """Values by their only label."""
    return (((label,), value) for label, value in values.items())
