"""From settings, as a person wrote them, to the values that the rooms below work with."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config.applied import with_preset
from gateway.config.compile import limits, table
from gateway.config.model import Settings
from gateway.config.upstream_sections import UpstreamSettings
from gateway.core.routes import RouteTable
from gateway.plane.contract import Ground
from gateway.service.lending import PROVIDERS, Reveal, injection_of, nothing
from gateway.service.targets import check_of, eject_of, targets_of
from gateway.wire.upstream import Upstream

if TYPE_CHECKING:
    from gateway.keeper.terms import Rules


def table_of(settings: Settings) -> RouteTable:
    """The compiled routes, those of presets behind a person's own."""
    return table(settings)


def ground_of(settings: Settings, reveal: Reveal = nothing, base_dir: Path = Path()) -> Ground:
    """What a plane serves on. `reveal` tells credentials of the vault; who only looks needs none.

    Files are relative to `base_dir`.
    """
    return Ground(
        upstreams={
            name: _upstream(name, written, reveal, base_dir) for name, written in settings.upstreams.items()
        },
        limits=limits(settings),
        trusted=settings.server.trusted_proxies,
        scheme="https" if settings.server.tls.is_on else "http",
    )


def lent_anew(ground: Ground, settings: Settings, reveal: Reveal) -> Ground:
    """The same ground with what upstreams are lent now. No file is read for it: only a reload does that."""
    upstreams = {
        name: replace(each, injection=injection_of(with_preset(settings.upstreams[name]), reveal))
        for name, each in ground.upstreams.items()
    }
    return replace(ground, upstreams=upstreams)


def rules_of(settings: Settings, prefix: str) -> "Rules":
    """What the configuration says about keys. `prefix` is the one in force, which only a restart changes."""
    from gateway.keeper.terms import Rules  # noqa: PLC0415 - loaded with the keyring

    keys = settings.keys
    most = keys.max_active_per_owner
    return Rules(prefix, keys.default_expiry_s, most, settings.catalogue, keys.signed_url_max_s)


def _upstream(name: str, written: UpstreamSettings, reveal: Reveal, base_dir: Path) -> Upstream:
    written = with_preset(written)
    targets = targets_of(name, written, base_dir)
    first = targets[0]
    return Upstream(
        name,
        first.scheme,
        first.host,
        first.port,
        timeout_connect_s=written.timeouts.connect_s,
        timeout_first_byte_s=written.timeouts.first_byte_s,
        timeout_idle_s=written.timeouts.idle_s,
        host_policy=written.host,
        origin_policy=written.origin,
        forwarded=written.forwarded_headers,
        injection=injection_of(written, reveal),
        tells_who=written.preset not in PROVIDERS,
        path=first.path,
        tls=first.tls,
        targets=targets,
        balance=written.balance,
        eject=eject_of(written),
        check=check_of(written.health),
    )
