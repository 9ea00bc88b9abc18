"""The shape of `Settings`, read from its fields: which keys may stand where, and which of them are scalars.

One description serves the suggestions for unknown keys, the names of variables, and the tests that hold
config.example.yaml complete.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.config.model import Settings
from gateway.config.problems import Loc
from gateway.config.sections import Section

ANY_NAME: Final = "*"
"""Stands in a `Leaf`'s place for a name that the person chooses."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no section: its place and whether it is a list."""

    loc: tuple[str, ...]
    is_list: bool


def keys_of(section: type[Section]) -> dict[str, FieldInfo]:
    """The keys a section may hold, as people write them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_at(loc: Loc) -> type[Section] | None:
    """The section that stands at this place, if one does."""
    here: Any = Settings
    for part in loc:
        if _is_section(here):
            field = keys_of(here).get(str(part))
            here = None if field is None else _unwrapped(field.annotation)
        else:
            here = _element(here)
    return here if _is_section(here) else None


def leaves(section: type[Section] = Settings, at: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every value outside lists; `*` stands for the name of an upstream. The catalogue is one leaf."""
    for key, field in keys_of(section).items():
        kind = _unwrapped(field.annotation)
        element = _element(kind)
        if _is_section(kind):
            yield from leaves(kind, (*at, key))
        elif get_origin(kind) is Mapping and _is_section(element):
            yield from leaves(element, (*at, key, ANY_NAME))
        else:
            yield Leaf((*at, key), get_origin(kind) is tuple)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _element(kind: Any) -> Any:
    """What a list or a mapping holds; None for anything else."""
    arguments = get_args(kind)
    if get_origin(kind) is tuple:
        return _unwrapped(arguments[0])
    return _unwrapped(arguments[1]) if len(arguments) == 2 else None


def _unwrapped(kind: Any) -> Any:
    """The type without `Annotated` and without `| None`."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if get_origin(kind) in (Union, UnionType):
        kind = _unwrapped(next(argument for argument in get_args(kind) if argument is not type(None)))
    return kind
