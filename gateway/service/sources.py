"""Where the metrics' gauges come from: each a plain call into the part of the gateway that knows."""

from collections.abc import Callable

from gateway.keeper.gatekeeper import Gatekeeper
from gateway.logs import Logs
from gateway.metrics import Sources
from gateway.plane.contract import Plane
from gateway.service.targets import targets_told
from gateway.service.watch import StoreWatch


def connect_sources(
    sources: Sources,
    watch: StoreWatch,
    keeper: Gatekeeper,
    logs: Logs,
    plane: Callable[[], Plane],
) -> None:
    """Set all of them but those of TLS."""
    sources.key_counts = lambda: {status.value: count for status, count in watch.key_counts.items()}
    sources.flush_lag_s = keeper.usage.lag_s
    sources.uses_pending = lambda: keeper.usage.pending
    sources.live_streams = lambda: len(keeper.live)
    sources.log_lines_dropped = lambda: logs.dropped
    sources.targets = lambda: targets_told(plane().ground.upstreams)
    callers = plane().connections
    sources.connections = lambda: len(callers.open)
    sources.connections_turned_away = lambda: callers.turned_away
    sources.connections_made_room = lambda: callers.made_room
