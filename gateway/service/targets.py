"""The targets of upstreams, from what a person wrote, and what is known of them handed on at a reload."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.config.target_sections import HealthSettings, UpstreamTlsSettings
from gateway.config.upstream_sections import UpstreamSettings
from gateway.metrics.sources import TargetCounted
from gateway.wire.targets import Check, Eject, State, Tls, UpstreamTarget
from gateway.wire.upstream import Upstream

_PORTS: Final = {"http": 80, "https": 443}


def targets_of(name: str, written: UpstreamSettings, base_dir: Path) -> tuple[UpstreamTarget, ...]:
    """The targets of the upstream of this name; a single url is one that is called as the upstream is."""
    tls = _tls(written.tls, base_dir)
    if written.url is not None:
        return (_target(name, written.url, tls),)
    return tuple(_target(each, url, tls) for each, url in (written.targets or {}).items())


def eject_of(written: UpstreamSettings) -> Eject:
    """When one of them is left out."""
    return Eject(written.eject.failures, written.eject.for_s)


def check_of(written: HealthSettings | None) -> Check | None:
    """How they are asked whether they are well."""
    if written is None:
        return None
    return Check(written.path, written.every_s, written.timeout_s, written.rise, written.fall)


def hand_on(upstreams: Mapping[str, Upstream], before: Mapping[str, Upstream], now: float) -> None:
    """Let each upstream go on with what was known of its targets before."""
    for name, upstream in upstreams.items():
        old = before.get(name)
        upstream.crew.take_over(None if old is None else old.crew, now)
        if upstream.check is None:
            for standing in upstream.crew.standings:
                standing.unchecked()


def targets_told(upstreams: Mapping[str, Upstream]) -> list[TargetCounted]:
    """How each target stands, as the metrics tell it."""
    return [
        TargetCounted(name, each.target.name, is_up=each.state is State.UP, ejections=each.ejections_total)
        for name, upstream in upstreams.items()
        for each in upstream.crew.standings
    ]


def _target(name: str, url: str, tls: Tls | None) -> UpstreamTarget:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return UpstreamTarget(name, "http", "localhost", _PORTS["http"], parts.path)
    port = parts.port or _PORTS[parts.scheme]
    return UpstreamTarget(
        name, parts.scheme, parts.hostname or "", port, tls=tls if parts.scheme == "https" else None
    )


def _tls(written: UpstreamTlsSettings, base_dir: Path) -> Tls | None:
    if not written.needs_files:
        return None if written.server_name is None else Tls(server_name=written.server_name)
    from gateway.config.tls_files import client_context  # noqa: PLC0415 - hardly anybody has such files

    return Tls(client_context(written, base_dir), written.server_name)
