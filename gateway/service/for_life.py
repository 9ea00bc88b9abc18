"""Options that a reload cannot change, and how a new configuration is told that it tried to."""

from collections.abc import Iterator
from typing import Final

from gateway.config.model import Settings

FOR_LIFE: Final = (
    "server.proxy",
    "server.admin",
    "server.admin_names",
    "server.plane",
    "server.tls.admin",
    "server.watch_config",
    "store.url",
    "keys.prefix",
    "keys.last_used_flush_s",
    "logging.format",
)
"""By the names within the house. Whether there is TLS at all is for life too; its files are not."""


def takes_restart(before: Settings, after: Settings) -> Iterator[str]:
    """What differs and is for life, by the names that people write."""
    if before.server.tls.is_on is not after.server.tls.is_on:
        yield "server.tls"
    for name in FOR_LIFE:
        if _value(before, name) != _value(after, name):
            yield name.removesuffix("_s")


def is_among(name: str, options: tuple[str, ...]) -> bool:
    """Whether an option is one of these, or part of one."""
    return any(name == option or name.startswith(f"{option}.") for option in options)


def _value(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
