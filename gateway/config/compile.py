"""From settings to the values that the floors below work with. Pure: it opens nothing and asks nothing.

Upstreams are compiled by the service, which alone knows what presets and planes need.
"""

from gateway.config.model import Settings
from gateway.core.routes import Route
from gateway.wire.request_head import Limits


def routes(settings: Settings) -> tuple[Route, ...]:
    """The routes as the core matches and judges them, in the order of definition."""
    return tuple(route.compiled() for route in settings.routes)


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
