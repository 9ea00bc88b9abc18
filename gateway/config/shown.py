"""The effective configuration as people may see it: in their units, with secrets masked, with its origins.

What came through `${…}` is shown as it was written. A user or password in a URL is masked. Loading what is
shown gives the same settings again, secrets aside. What a preset says stands where the person said nothing.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from gateway.config.applied import said_by_preset, with_preset
from gateway.config.model import Settings
from gateway.config.problems import Loc, dotted
from gateway.config.tree import Node, find
from gateway.config.vault_section import VAULT

DEFAULT: Final = "default"
MASK: Final = "****"
_UNSAID: Final = (None, False, "off", "refuse")
_EXPANDED: Final = re.compile(r"\$\{[^}]*\}")
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*@")


def shown(settings: Settings, tree: Node) -> dict[str, Any]:
    """The settings as a YAML file would hold them, secrets masked."""
    values = _written(settings)
    masked = dict(_masked(values, tree))
    for loc in secret_places(tree):
        _hide(masked, loc)
    return masked


def secret_places(tree: Node) -> Iterator[Loc]:
    """Where secrets stand, if they were written."""
    yield ("vault", "key")
    upstreams = tree.child("upstreams")
    for name in upstreams.content if upstreams is not None and isinstance(upstreams.content, dict) else ():
        yield ("upstreams", name, "credential")


def is_secret(value: object) -> bool:
    """Whether what stands at such a place is a secret: `vault:NAME` only names one."""
    return isinstance(value, str) and not value.startswith(VAULT)


def origins_of(settings: Settings, tree: Node) -> dict[str, str]:
    """Where each value came from, by its dotted path. A list of scalars counts as one value."""
    presets: dict[Loc, str] = {
        ("upstreams", name, *place): f"preset {written.preset}"
        for name, written in settings.upstreams.items()
        for place in said_by_preset(written)
    }
    return {dotted(loc): presets.get(loc) or _origin(tree, loc) for loc in leaf_locs(_written(settings))}


def leaf_locs(value: Any, loc: Loc = ()) -> Iterator[Loc]:
    """The places of all values in nested mappings and lists of mappings, in order."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaf_locs(child, (*loc, key))
    elif isinstance(value, list) and any(isinstance(child, dict) for child in value):
        for index, child in enumerate(value):
            yield from leaf_locs(child, (*loc, index))
    else:
        yield loc


def _written(settings: Settings) -> dict[str, Any]:
    upstreams = {name: with_preset(written) for name, written in settings.upstreams.items()}
    values = settings.model_copy(update={"upstreams": upstreams}).model_dump(mode="json", by_alias=True)
    values["routes"] = [
        {key: value for key, value in route.items() if value not in _UNSAID} for route in values["routes"]
    ]
    return values


def _origin(tree: Node, loc: Loc) -> str:
    node = find(tree, loc)
    return DEFAULT if node is None else str(node.origin)


def _masked(value: Any, node: Node | None) -> Any:
    if node is not None and node.written is not None:
        return node.written
    if isinstance(value, dict):
        return {key: _masked(child, node and node.child(key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_masked(child, node and node.child(index)) for index, child in enumerate(value)]
    return _USERINFO.sub("****@", value) if isinstance(value, str) else value


def _hide(values: dict[str, Any], loc: Loc) -> None:
    """Mask a secret. Of `${…}` its name is shown, and never what stands beside it or would take its place."""
    holder: Any = values
    for part in loc[:-1]:
        holder = holder.get(part) or {}
    written = holder.get(loc[-1])
    if not is_secret(written):
        return
    names = [each[0].partition(":-") for each in _EXPANDED.finditer(written)]
    shown = [name if not default else f"{name}:-{MASK}}}" for name, default, _ in names]
    holder[loc[-1]] = "".join(shown) or MASK
