"""From settings to the values that the floors below work with. Pure: it opens nothing and asks nothing.

Upstreams are compiled by the service, which alone knows what presets and planes need.
"""

from dataclasses import replace

from gateway.config.applied import dialects_at, preset_routes, spoken
from gateway.config.model import Settings
from gateway.config.route_sections import RouteSettings
from gateway.core.hosts import NOT_SOLD, Hosts
from gateway.core.routes import Route, RouteTable
from gateway.wire.request_head import Limits


def routes(settings: Settings) -> tuple[Route, ...]:
    """A person's own routes as the core matches and judges them, in the order of definition."""
    return tuple(_route(route, settings) for route in settings.routes)


def table(settings: Settings) -> RouteTable:
    """All routes: a person's own, and those of presets. The configuration's own checks have refused ties."""
    upstreams = settings.upstreams
    hosts = Hosts(settings.server.names, NOT_SOLD)
    mounts = [each.mount for each in upstreams.values() if each.preset is not None and each.mount is not None]
    return RouteTable(routes(settings), preset_routes(upstreams), spoken(upstreams), hosts, mounts)


def _route(written: RouteSettings, settings: Settings) -> Route:
    route = written.compiled()
    upstream = settings.upstreams.get(route.upstream)
    return route if upstream is None else replace(route, dialect=dialects_at(route, upstream))


def limits(settings: Settings) -> Limits:
    """What one request may weigh and how long it may dawdle."""
    said = settings.limits
    return Limits(
        head_bytes_max=said.head_bytes_max,
        fields_max=said.fields_max,
        target_bytes_max=said.target_bytes_max,
        body_bytes_max=said.body_bytes_max,
        head_timeout_s=said.head_timeout_s,
        idle_timeout_s=said.idle_timeout_s,
        connections_max=said.connections_max,
        connections_per_peer_max=said.connections_per_peer_max,
    )
