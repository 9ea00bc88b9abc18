"""From settings, as a person wrote them, to the values that the rooms below work with."""

from typing import Final
from urllib.parse import urlsplit

from gateway.config.applied import with_preset
from gateway.config.compile import limits, table
from gateway.config.model import Settings
from gateway.config.upstream_sections import UpstreamSettings
from gateway.core.routes import RouteTable
from gateway.plane.contract import Ground
from gateway.service.lending import Reveal, injection_of, nothing
from gateway.wire.upstream import Upstream

_PORTS: Final = {"http": 80, "https": 443}


def table_of(settings: Settings) -> RouteTable:
    """The compiled routes, those of presets behind a person's own."""
    return table(settings)


def ground_of(settings: Settings, reveal: Reveal = nothing) -> Ground:
    """What a plane serves on. `reveal` tells credentials of the vault; who only looks needs none."""
    return Ground(
        upstreams={name: _upstream(name, written, reveal) for name, written in settings.upstreams.items()},
        limits=limits(settings),
        trusted=settings.server.trusted_proxies,
        scheme="https" if settings.server.tls.is_on else "http",
    )


def _upstream(name: str, written: UpstreamSettings, reveal: Reveal) -> Upstream:
    written = with_preset(written)
    parts = urlsplit(written.url)
    return Upstream(
        name,
        parts.scheme,
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        timeout_connect_s=written.timeouts.connect_s,
        timeout_first_byte_s=written.timeouts.first_byte_s,
        timeout_idle_s=written.timeouts.idle_s,
        host_policy=written.host,
        origin_policy=written.origin,
        forwarded=written.forwarded_headers,
        injection=injection_of(written, reveal),
    )
