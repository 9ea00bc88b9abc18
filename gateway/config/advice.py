"""What is lawful but probably not meant, or not done by this version: warnings, which stop nothing."""

from collections.abc import Iterator

from gateway.config.model import Settings
from gateway.config.rules import Finding


def advice(settings: Settings) -> Iterator[Finding]:
    """Everything worth a warning, in the order of the sections."""
    if settings.server.plane == "lean":
        yield Finding(("server", "plane"), "this version has no lean plane; aiohttp serves instead")
    for position, network in enumerate(settings.server.trusted_proxies):
        if network.prefixlen == 0:
            message = "believes X-Forwarded-For from everybody, so anybody can claim any address"
            yield Finding(("server", "trusted_proxies", position), message)
    for name, upstream in settings.upstreams.items():
        if upstream.preset is not None:
            yield Finding(("upstreams", name, "preset"), "this version does not apply presets")
        if all(route.upstream != name for route in settings.routes):
            yield Finding(("upstreams", name), "no route leads here")
    for index, route in enumerate(settings.routes):
        for position, network in enumerate(route.anonymous.networks if route.anonymous else ()):
            if network.prefixlen == 0:
                message = "lets everybody in without a key; public: true says so plainly"
                yield Finding(("routes", index, "anonymous", "from", position), message)
