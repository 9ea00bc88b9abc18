"""What presets come to: their routes, what they add to the catalogue, what they say of an upstream.

1. What a person wrote of an upstream beats its preset, which beats the general default.
2. A preset's routes stand below its `mount`, which is stripped before a request is forwarded; whatever else
   lies below a mount is refused.
3. They are asked only for paths that none of the person's own routes covers (`gateway.core.routes`, rule 7).
4. Two presets cannot share a path: which server is meant would be chance. One of them needs a `mount`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from gateway.config.route_sections import RouteSettings
from gateway.config.rules import Finding
from gateway.config.upstream_sections import TimeoutSettings, UpstreamSettings
from gateway.core.dialect import Dialects, below
from gateway.core.routes import Own, Route, path_problem, patterns_meet

if TYPE_CHECKING:
    from gateway.config.presets import Preset

Upstreams = Mapping[str, UpstreamSettings]
_SAID: Final = ("host", "origin", "forwarded_headers", "credential_in")
_PATIENCE: Final = ("connect", "first_byte", "idle")


def preset_for(written: UpstreamSettings) -> "Preset | None":
    """The preset that an upstream names."""
    if written.preset is None:
        return None
    from gateway.config.presets import preset_of  # noqa: PLC0415 - an idle gateway without one needs it not

    return preset_of(written.preset)


def said_by_preset(written: UpstreamSettings) -> dict[tuple[str, ...], Any]:
    """What an upstream's preset says where the person said nothing, by the place below the upstream."""
    preset = preset_for(written)
    if preset is None:
        return {}
    said: dict[tuple[str, ...], Any]
    said = {(name,): getattr(preset, name) for name in _SAID if name not in written.model_fields_set}
    patient = written.timeouts.model_fields_set
    said |= {
        ("timeouts", word): getattr(preset.timeouts, word) for word in _PATIENCE if f"{word}_s" not in patient
    }
    return {place: value for place, value in said.items() if value is not None}


def with_preset(written: UpstreamSettings) -> UpstreamSettings:
    """The settings of an upstream with what its preset says where the person said nothing."""
    said = said_by_preset(written)
    patience = {f"{place[1]}_s": value for place, value in said.items() if len(place) > 1}
    rest = {place[0]: value for place, value in said.items() if len(place) == 1}
    timeouts: TimeoutSettings = written.timeouts.model_copy(update=patience)
    return written.model_copy(update={**rest, "timeouts": timeouts}) if said else written


def dialects_of(written: UpstreamSettings) -> Dialects:
    """What is spoken at which of the upstream's own paths."""
    preset = preset_for(written)
    return () if preset is None else tuple(preset.dialects.items())


def dialects_at(route: Route, written: UpstreamSettings) -> Dialects:
    """The same as a caller of a person's own route asks for them, whose prefixes may be others."""
    strip, add = route.strip_prefix, route.add_prefix
    found = []
    for prefix, dialect in sorted(dialects_of(written), key=lambda each: -len(each[0])):
        if f"{prefix.rstrip('/')}/".startswith(f"{add}/"):
            found.append((strip + prefix.removeprefix(add) or "/", dialect))
        elif f"{add}/".startswith(f"{prefix.rstrip('/')}/"):
            found.append((strip or "/", dialect))
    return tuple(found)


def spoken(upstreams: Upstreams) -> Dialects:
    """What is spoken where there is no route: as the presets speak, each below its mount."""
    found = [below(written.mount or "", dialects_of(written)) for written in upstreams.values()]
    return tuple(each for dialects in found for each in dialects)


def preset_routes(upstreams: Upstreams) -> Iterator[Route]:
    """The routes of all presets, and a closed door below every mount."""
    for name, written in upstreams.items():
        preset = preset_for(written)
        if preset is None:
            continue
        mount = written.mount or ""
        dialect = below(mount, dialects_of(written))
        for route in preset.routes(name):
            yield replace(
                route, path=mount + route.path, dialect=dialect, strip_prefix=mount, cors=written.cors
            )
        if mount and all(route.path != "/**" for route in preset.routes(name)):
            yield Route(f"{name}:", f"{mount}/**", public=True, own=Own.NOTHING)


def scopes_of(upstreams: Upstreams) -> dict[str, str]:
    """What presets add to the catalogue."""
    found: dict[str, str] = {}
    for written in upstreams.values():
        preset = preset_for(written)
        found |= {} if preset is None else preset.scopes
    return found


def conflicts(upstreams: Upstreams) -> Iterator[Finding]:
    """Mounts that no path can begin with, and presets that share a path."""
    sound = {}
    for name, written in upstreams.items():
        if written.cors is not None and written.preset is None:
            message = "is for a preset's routes, and no preset is named: write it on the routes"
            yield Finding(("upstreams", name, "cors"), message)
        if written.mount is not None and written.preset is None:
            message = "is where a preset's routes stand, and no preset is named: give routes a strip_prefix:"
            yield Finding(("upstreams", name, "mount"), message)
        elif written.mount is not None and path_problem(written.mount) is not None:
            yield Finding(("upstreams", name, "mount"), path_problem(written.mount) or "")
        elif written.preset is not None:
            sound[name] = written
    for (one, first), (other, second) in combinations(sound.items(), 2):
        shared = _shared(first, second)
        if shared is not None:
            message = (
                f"its preset and that of upstream '{one}' both claim {shared}: give one of them a mount:, "
                f"like mount: /{other}"
            )
            yield Finding(("upstreams", other, "preset"), message, quotes=True)


def guarded(written: UpstreamSettings, route: RouteSettings) -> list[str]:
    """The dangerous paths of a preset that a person's wide route opens to keys without `admin`."""
    preset = preset_for(written)
    careful = route.scopes is not None and not {"admin", "models:manage"}.isdisjoint(route.scopes)
    if preset is None or careful or not route.path.endswith("**"):
        return []
    path = (route.add_prefix or "") + route.path.removeprefix(route.strip_prefix or "")
    dangerous = (each.path for each in preset.endpoints.values() if each.is_dangerous)
    return [each for each in dangerous if patterns_meet(path, each) and each != path]


def _shared(one: UpstreamSettings, other: UpstreamSettings) -> str | None:
    """A path that both would answer. Below a mount that mount is meant, so what is all around it may be."""
    mine, theirs = _paths(one), _paths(other)
    for path in mine:
        for rival in theirs:
            if not patterns_meet(path, rival):
                continue
            if not _lies_around(path, other.mount) and not _lies_around(rival, one.mount):
                return path if "*" not in path else rival
    return None


def _lies_around(path: str, mount: str | None) -> bool:
    around = path.removesuffix("**")
    return mount is not None and around != path and f"{mount}/".startswith(around) and f"{mount}/" != around


def _paths(written: UpstreamSettings) -> list[str]:
    preset = preset_for(written)
    endpoints = () if preset is None else preset.endpoints.values()
    return [(written.mount or "") + each.path for each in endpoints]
