"""What differs between two configurations, by the names that people write. Names alone, no values."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.model import Settings


def changed(before: Settings, after: Settings) -> tuple[str, ...]:
    """The dotted names of options that differ, in the order of the file. A list counts as one option.

    Of a mapping whose entries people name (upstreams, scopes) those that came or went are told.
    """
    old, new = (each.model_dump(mode="json", by_alias=True, warnings=False) for each in (before, after))
    return tuple(_changed(old, new, ""))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changed(old, new, f"{prefix}{key}.")
        elif old != new or (key in before) is not (key in after):
            yield f"{prefix}{key}"
