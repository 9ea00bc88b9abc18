"""The parts of a configuration that can be read, although others may be broken.

Rules and advice look at parts rather than at `Settings`, so that one broken value hides neither a problem
nor a warning elsewhere. A key that is broken is left out of its part; a part whose essence is broken is left
out whole. Nothing here says what is wrong: validation does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from gateway.config.fields import Address, read_address
from gateway.config.problems import Unfit
from gateway.config.route_sections import RouteSettings
from gateway.config.rules import Draft
from gateway.config.sections import Section, ServerSettings, TlsSettings
from gateway.config.upstream_sections import UpstreamSettings
from gateway.core.keys import Network

LISTENERS: Final = ("proxy", "admin")
_ROUTE_STAND_INS: Final = {"id": "stand-in", "path": "/", "upstream": "stand-in"}

_OF_A_PRESET: Final = {"mount": None, "cors": None}  # nothing to complain of where a preset was only mistyped

_Section = TypeVar("_Section", bound=Section)


@dataclass(frozen=True, slots=True)
class Parts:
    """What can be read. `is_whole` says whether every route could be, in all its fields.

    `has_vault_key`: a key of the vault is said, whether or not it can be read.
    """

    listeners: Mapping[str, Address]
    trusted_proxies: tuple[Network, ...]
    tls: TlsSettings
    upstreams: Mapping[str, UpstreamSettings]
    drafts: tuple[Draft, ...]
    is_whole: bool
    has_vault_key: bool = True


def parts_of(plain: Mapping[str, Any]) -> Parts:
    """The parts of what a file would hold as plain Python values."""
    server = plain.get("server") or {}
    routes = plain.get("routes") or []
    drafts = tuple(_drafts(routes)) if isinstance(routes, list) else ()
    is_whole = isinstance(routes, list) and len(drafts) == len(routes)
    vault = plain.get("vault") or {}
    rest, _ = _sound(ServerSettings, _without(server, LISTENERS)) or (ServerSettings(), ())
    return Parts(
        listeners=dict(_listeners(server)),
        trusted_proxies=rest.trusted_proxies,
        tls=rest.tls,
        upstreams=dict(_upstreams(plain.get("upstreams"))),
        drafts=drafts,
        is_whole=is_whole and not any(draft.broken for draft in drafts),
        has_vault_key=not isinstance(vault, dict) or any(value is not None for value in vault.values()),
    )


def _listeners(server: object) -> Iterator[tuple[str, Address]]:
    if not isinstance(server, dict):
        return
    for name in LISTENERS:
        try:
            yield name, read_address(server.get(name, ServerSettings.model_fields[name].default))
        except Unfit:
            continue


def _upstreams(written: object) -> Iterator[tuple[str, UpstreamSettings]]:
    for name, upstream in written.items() if isinstance(written, dict) else ():
        sound = _sound(UpstreamSettings, upstream)
        if sound is not None:
            left, broken = sound
            yield name, left.model_copy(update=_OF_A_PRESET) if "preset" in broken else left


def _drafts(routes: list[Any]) -> Iterator[Draft]:
    for index, written in enumerate(routes):
        sound = _sound(RouteSettings, written, _ROUTE_STAND_INS)
        if sound is not None:
            yield Draft(index, *sound)


def _sound(
    section: type[_Section], written: object, stand_ins: Mapping[str, object] | None = None
) -> tuple[_Section, frozenset[str]] | None:
    """The section without its broken keys, and these; None where too little is left to make one."""
    if not isinstance(written, dict):
        return None
    try:
        return section.model_validate(written), frozenset()
    except ValidationError as error:
        broken = frozenset(str(detail["loc"][0]) for detail in error.errors() if detail["loc"])
    missing = {key: value for key, value in (stand_ins or {}).items() if key in broken}
    try:
        return section.model_validate(_without(written, broken) | missing), broken
    except ValidationError:
        return None


def _without(written: Any, keys: frozenset[str] | tuple[str, ...]) -> dict[str, Any]:
    pairs = written.items() if isinstance(written, dict) else ()
    return {key: value for key, value in pairs if key not in keys}
