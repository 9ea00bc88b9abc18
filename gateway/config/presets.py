"""Presets: what is known of a kind of server, read from `gateway/presets/NAME.yaml`.

1. A preset is data. Its file is held to the grammar below as strictly as a person's configuration is; what is
   wrong with it is said with file, line and column.
2. Every endpoint says who may pass, in the scopes of `SCOPES` alone. What no endpoint covers is refused.
3. Only presets that are named are read: an idle gateway without one has none in memory, nor this module.

What a preset comes to beside what a person wrote stands in `gateway.config.applied`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gateway.config.document import read_document
from gateway.config.fields import Duration, Method, Some, Switch, UpstreamUrl
from gateway.config.problems import ConfigError, Origin, Problem, Unfit, problem_at
from gateway.config.sections import Section
from gateway.config.tree import nearest
from gateway.core.dialect import Dialect
from gateway.core.routes import Route, path_problem, route_errors

FOLDER: Final = Path(__file__).parents[1] / "presets"
SCOPES: Final[Mapping[str, str]] = {
    "models:read": "See which models, voices and files there are",
    "chat:write": "Ask for completions and conversations",
    "embeddings:write": "Ask for embeddings and rankings",
    "audio:speech": "Turn text into speech",
    "audio:transcribe": "Turn speech into text",
    "images:write": "Make pictures",
    "models:manage": "Load, fetch, make and remove models",
    "admin": "Change, look into or stop the server itself",
}
"""The scopes that presets speak of. A preset's own join the catalogue by themselves."""

DANGEROUS: Final = frozenset({"admin", "models:manage"})
"""What no key should hold that only asks for answers."""

_ENDPOINT_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def _endpoint_id(text: str) -> str:
    if _ENDPOINT_ID.fullmatch(text) is None:
        raise Unfit("must be up to 40 lower-case letters, digits and '-'")
    return text


def _known_scope(text: str) -> str:
    if text not in SCOPES:
        raise Unfit(f"is none of the scopes of presets: {', '.join(SCOPES)}")
    return text


def _address(text: str) -> str:
    if not text.startswith("https://"):
        raise Unfit("must be the https:// address of the product's own documentation or source")
    return text


def _prefix(text: str) -> str:
    if not text.startswith("/") or (text != "/" and text.endswith("/")) or "*" in text:
        raise Unfit("must be a path prefix, like /api")
    return text


Scope = Annotated[str, AfterValidator(_known_scope)]
Streams = Literal["ndjson", "sse", "websocket", "audio"]


class Endpoint(Section):
    """One path of the server, and who may ask for it."""

    path: str
    methods: Some[Method] | None = None
    public: bool = False
    scopes: tuple[Scope, ...] | None = None
    any_of: Some[Scope] | None = None
    streams: Streams | None = None
    encoded_slash: Literal["refuse", "allow"] = "refuse"

    @model_validator(mode="after")
    def _says_who_may_pass(self) -> Self:
        if self.public == (self.scopes is not None or self.any_of is not None):
            raise Unfit("must say public: true, or scopes: or any_of:, and not both")
        problem = path_problem(self.path)
        if problem is not None:
            raise Unfit(problem)
        return self

    @property
    def is_dangerous(self) -> bool:
        """Whether it takes a scope that no ordinary key holds."""
        needed = DANGEROUS.intersection(self.scopes or ())
        return bool(needed) or (bool(self.any_of) and DANGEROUS.issuperset(self.any_of or ()))


class Patience(Section):
    """Timeouts that differ from the general ones."""

    connect: Duration | None = None
    first_byte: Duration | None = None
    idle: Duration | None = None


class Preset(Section):
    """What is known of a kind of server."""

    title: str
    source: Annotated[str, AfterValidator(_address)]
    url: UpstreamUrl
    host: Literal["upstream", "preserve"] | None = None
    origin: Literal["preserve", "rewrite", "strip"] | None = None
    forwarded_headers: Literal["off", "append", "replace"] | None = None
    credential_in: str | None = None
    browser_prompt: Switch = False
    timeouts: Patience = Field(default_factory=Patience)
    dialects: Mapping[Annotated[str, AfterValidator(_prefix)], Dialect] = Field(default_factory=dict)
    endpoints: Annotated[Mapping[Annotated[str, AfterValidator(_endpoint_id)], Endpoint], Field(min_length=1)]
    notes: tuple[str, ...] = ()
    clients: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> Self:
        for error in route_errors(self.routes("")):
            raise Unfit(f"endpoint {error.route_id.removeprefix(':')} {error}")
        return self

    @property
    def port(self) -> int | None:
        """The port it listens on unless told otherwise; None where the address says none."""
        return urlsplit(self.url).port

    @property
    def scopes(self) -> dict[str, str]:
        """The scopes that its endpoints ask for, in the order of `SCOPES`, with what they are for."""
        asked = {
            scope
            for each in self.endpoints.values()
            for scope in (*(each.scopes or ()), *(each.any_of or ()))
        }
        return {scope: text for scope, text in SCOPES.items() if scope in asked}

    def routes(self, upstream: str) -> Iterator[Route]:
        """Its endpoints as routes to an upstream, whose name begins their ids: `local-ai:chat`."""
        for name, endpoint in self.endpoints.items():
            yield Route(
                f"{upstream}:{name}",
                endpoint.path,
                upstream=upstream,
                methods=None if endpoint.methods is None else frozenset(endpoint.methods),
                public=endpoint.public,
                scopes=endpoint.scopes or (),
                any_of=endpoint.any_of or (),
                browser_prompt=self.browser_prompt,
                encoded_slash=endpoint.encoded_slash == "allow",
            )


@lru_cache
def preset_of(name: str) -> Preset:
    """The preset of this name, one of the closed set; raises `ConfigError` if its file is broken."""
    path = FOLDER / f"{name}.yaml"
    return read_preset(path.read_bytes(), f"presets/{path.name}")


def read_preset(raw: bytes, source: str) -> Preset:
    """The preset that a file holds; raises `ConfigError` with everything that is wrong with it."""
    root, problems = read_document(raw, source)
    if root is None or problems:
        raise ConfigError(problems)
    try:
        return Preset.model_validate(root.plain())
    except ValidationError as error:
        found = [_problem(detail, nearest(root, detail["loc"]).origin) for detail in error.errors()]
        raise ConfigError(found) from None


def _problem(detail: ErrorDetails, origin: Origin) -> Problem:
    unfit = detail.get("ctx", {}).get("error")
    return problem_at(origin, detail["loc"], str(unfit or detail["msg"]))
