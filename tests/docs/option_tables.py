"""The tables in docs/configuration.md, made from the configuration's own fields.

    python -m tests.docs.option_tables

writes them anew below the comment that names this module; what stands above it is written by hand. A field's
description is its entry, so the manual and the model cannot tell two stories.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

import annotated_types
import yaml
from pydantic.fields import FieldInfo

from gateway.config import fields as readers
from gateway.config import origins, quantities, vault_section
from gateway.config.model import Settings
from gateway.config.sections import Section
from gateway.config.shape import keys_of
from gateway.service.for_life import FOR_LIFE
from tests.arch.sources import ROOT

PAGE: Final = ROOT / "docs/configuration.md"
MARK: Final = (
    "<!-- From here on the page is made from gateway/config: python -m tests.docs.option_tables -->\n"
)

KINDS: Final = {
    readers.read_address: "address",
    readers.read_network: "network",
    readers.read_host_name: "name of a host",
    quantities.read_duration: "duration",
    readers.read_expiry: "duration, or `never`",
    readers.read_head_size: "size",
    readers.read_target_size: "size",
    readers.read_optional_size: "size, or `null`",
    readers.read_upstream_url: "URL",
    readers.read_store_url: "URL",
    readers.read_host_policy: "`upstream` `preserve` or a host",
    readers.read_prefix: "1 to 16 lower-case letters and digits, a letter first",
    readers.read_route_id: "letters, digits, `.` `_` `-`",
    readers.read_path_prefix: "path",
    origins.read_cors: "`on` `off` or origins",
    readers.read_method: "method",
    readers.read_route_scope: "scope",
    readers.read_grant: "scope or wildcard",
    readers.read_switch: "`on` `off`",
    vault_section.read_credential: "text, or `vault:NAME`",
    vault_section.read_credential_place: "`bearer` `basic`, or a header's name",
    vault_section.read_vault_key: "32 bytes in base64",
}
"""How a value is written, by the function that reads it."""

PLACES: Final = {
    "upstreams": ("upstreams.NAME", "A name is lower-case letters and digits, joined by `-` or `_`."),
    "routes": ("routes", "A list; each entry has these options."),
    "scopes": ("scopes", "A mapping from scope to description, such as `chat:write: Ask for completions`."),
}
"""Sections whose entries a person names: how their place is written, and what to know of it."""


def tables() -> str:
    """Everything below the mark."""
    return "\n".join(_section(key, field) for key, field in keys_of(Settings).items())


def _section(key: str, field: FieldInfo) -> str:
    place, more = PLACES.get(key, (key, ""))
    lines = [f"### {place}", "", " ".join(filter(None, (_plain(field.description), more))), ""]
    section = _section_of(field.annotation)
    if section is not None:
        path = _internal(Settings, key)
        lines += ["| option | value | default | |", "|---|---|---|---|", *_rows(section, path), ""]
    return "\n".join(lines)


def _rows(section: type[Section], path: str, prefix: str = "") -> Iterator[str]:
    defaults = section.model_construct().model_dump(mode="json", by_alias=True, warnings=False)
    for key, field in keys_of(section).items():
        inner = _section_of(field.annotation)
        here = f"{path}.{_internal(section, key)}"
        if inner is not None and field.default is not None:
            yield from _rows(inner, here, f"{prefix}{key}.")
            continue
        default = "needed" if field.is_required() else _default(defaults[key])
        if readers.read_switch in _readers(field.annotation, field.metadata):
            default = "`on`" if defaults[key] else "`off`"
        says = _plain(field.description)
        restart = " *restart*" if here in FOR_LIFE else ""
        value = "options below" if inner is not None else _kind(field)
        yield f"| `{prefix}{key}` | {value} | {default} | {says}{restart} |"
        if inner is not None:
            yield from _rows(inner, here, f"{prefix}{key}.")


def _plain(text: str | None) -> str:
    """A description is plain text: what Markdown would read otherwise is escaped."""
    return re.sub(r"([|*<])", r"\\\1", text or "")


def _internal(section: type[Section], key: str) -> str:
    """The attribute behind a key."""
    return next(name for name, field in section.model_fields.items() if (field.alias or name) == key)


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if value == "off":
        return "`off`"  # a word here, and in quotes only for YAML's sake
    written = yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
    return f"`{written}`"


def _kind(field: FieldInfo) -> str:
    found = [KINDS[reader] for reader in _readers(field.annotation, field.metadata) if reader in KINDS]
    words = _words(field.annotation)
    bounds = {type(each): each for each in field.metadata}
    if found:
        kind = found[0]
    elif words:
        kind = " ".join(f"`{word}`" for word in words)
    elif field.annotation is bool:
        kind = "`true` `false`"
    elif annotated_types.Ge in bounds:
        kind = f"{bounds[annotated_types.Ge].ge} to {bounds[annotated_types.Le].le}"
    else:
        kind = "text"
    return f"list: {kind}" if _is_list(field.annotation) else kind


def _parts(annotation: Any) -> Iterator[Any]:
    """An annotation and everything inside it, `Annotated`'s metadata included."""
    yield annotation
    for part in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from _parts(part)


def _readers(annotation: Any, metadata: list[Any]) -> list[Any]:
    parts = [*metadata, *_parts(annotation)]
    return [part.func for part in parts if hasattr(part, "func")]


def _words(annotation: Any) -> tuple[str, ...]:
    return next((get_args(part) for part in _parts(annotation) if get_origin(part) is Literal), ())


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is tuple for part in _parts(annotation))


def _section_of(annotation: Any) -> type[Section] | None:
    for part in _parts(annotation):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


def page() -> str:
    """The whole page: what is written by hand, and the tables as they should be."""
    by_hand, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    return f"{by_hand}{mark}\n{tables().rstrip()}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
