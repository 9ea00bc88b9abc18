"""`Settings`: everything that can be configured, with its defaults. There is no invalid `Settings`.

`Settings.model_validate` takes what a YAML file would hold as plain Python values and raises pydantic's
`ValidationError`; `gateway.config.load` says the same things with lines, columns and suggestions.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.config.applied import conflicts, scopes_of
from gateway.config.fields import CatalogueScope, Name, TextOrNothing
from gateway.config.loops import loops, urls_of
from gateway.config.problems import dotted
from gateway.config.route_sections import RouteSettings
from gateway.config.rules import Draft, broken_rules
from gateway.config.sections import (
    KeySettings,
    LimitSettings,
    LogSettings,
    Section,
    ServerSettings,
    StoreSettings,
)
from gateway.config.upstream_sections import UpstreamSettings
from gateway.config.vault_section import VaultSettings

RULES_BROKEN: Final = "rules_broken"
"""The type of the error that repeats, for people who validate without `load`, what the rules found."""


def _nothing_is_none(value: object) -> object:
    return {} if value is None else value


def _nothing_is_empty(value: object) -> object:
    return () if value is None else value


class Settings(Section):
    """The whole configuration. Defaults serve nobody: there is no route until one is written."""

    server: ServerSettings = Field(default_factory=ServerSettings, description="Where the gateway listens.")
    store: StoreSettings = Field(default_factory=StoreSettings, description="Where keys are kept.")
    vault: VaultSettings = Field(
        default_factory=VaultSettings,
        description="What the credentials of upstreams are encrypted with in the store.",
    )
    keys: KeySettings = Field(default_factory=KeySettings, description="How keys are made and counted.")
    logging: LogSettings = Field(
        default_factory=LogSettings, description="What is written to standard error."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings,
        description="What one request may weigh and how long it may dawdle.",
    )
    scopes: Annotated[Mapping[CatalogueScope, TextOrNothing], BeforeValidator(_nothing_is_none)] = Field(
        default_factory=dict,
        description="The catalogue, resource:action: description. Keys hold these or wildcards over them.",
    )
    upstreams: Annotated[Mapping[Name, UpstreamSettings], BeforeValidator(_nothing_is_none)] = Field(
        default_factory=dict, description="The servers behind the gateway, by name."
    )
    routes: Annotated[tuple[RouteSettings, ...], BeforeValidator(_nothing_is_empty)] = Field(
        default=(), description="The doors. A request that finds none is answered 404 and goes nowhere."
    )

    @property
    def catalogue(self) -> Mapping[str, str]:
        """Every scope that a key may hold and what it is for: the presets' own, and what was written."""
        return {**scopes_of(self.upstreams), **self.scopes}

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        drafts = [Draft(index, route) for index, route in enumerate(self.routes)]
        listeners = {"proxy": self.server.proxy, "admin": self.server.admin}
        rules = broken_rules(drafts, self.catalogue, self.upstreams)
        found = [*rules, *conflicts(self.upstreams), *loops(listeners, urls_of(self.upstreams))]
        if found:
            text = "; ".join(f"{dotted(finding.loc)}: {finding.message}" for finding in found)
            raise PydanticCustomError(RULES_BROKEN, "{text}", {"text": text})
        return self
