"""What is written of an upstream: where it stands, what kind of server it is, how it is spoken to."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.config.fields import Duration, HostPolicy, Name, OffByName, PathPrefix, Switch, UpstreamUrl
from gateway.config.origins import CorsField
from gateway.config.problems import Loc, Unfit
from gateway.config.sections import Section
from gateway.config.target_sections import EjectSettings, HealthSettings, UpstreamTlsSettings
from gateway.config.vault_section import CredentialField, CredentialPlace

Targets = Annotated[Mapping[Name, UpstreamUrl], Field(min_length=1)] | None

Preset = Literal[
    "ollama",
    "llamacpp",
    "lmstudio",
    "vllm",
    "textgen",
    "koboldcpp",
    "comfyui",
    "openwebui",
    "automatic1111",
    "speaches",
    "kokoro",
    "xtts",
    "voxta",
    "homeassistant",
    "openai",
    "anthropic",
    "openrouter",
    "elevenlabs",
    "novelai",
    "azure-openai",
    "gemini",
    "generic",
]


class TimeoutSettings(Section):
    """How long an upstream may keep a caller waiting."""

    connect_s: Duration = Field(default=5.0, alias="connect", description="To open a connection.")
    first_byte_s: Duration = Field(
        default=600.0,
        alias="first_byte",
        description="From the whole request to the first byte of the answer. Models take minutes to load.",
    )
    idle_s: Duration = Field(
        default=300.0, alias="idle", description="Between two pieces of an answer or of a WebSocket."
    )


class UpstreamSettings(Section):
    """A server that stands behind the gateway."""

    url: UpstreamUrl | None = Field(
        default=None,
        description="http://HOST[:PORT] or https://HOST[:PORT], without a path: requests keep their own. Or "
        "unix:///PATH of a socket. This or targets is needed.",
    )
    targets: Targets = Field(
        default=None,
        description="Instead of url, several servers that are alike: a mapping of names to such URLs. See "
        "docs/upstreams.md.",
    )
    balance: Literal["round_robin", "least_busy"] = Field(
        default="round_robin",
        description="Which target is asked: each in turn, or the one with the fewest exchanges under way.",
    )
    health: HealthSettings | None = Field(
        default=None, description="How its targets are asked whether they are well; null: they are not."
    )
    eject: EjectSettings = Field(
        default_factory=EjectSettings,
        description="When a target that does not answer requests is left out for a time.",
    )
    tls: UpstreamTlsSettings = Field(
        default_factory=UpstreamTlsSettings, description="How connections to https targets are secured."
    )
    preset: Preset | None = Field(
        default=None,
        description="What kind of server it is: its endpoints become routes, behind those under routes:, and "
        "it is spoken to as it wants (keyhatch presets show NAME; docs/presets.md).",
    )
    mount: PathPrefix | None = Field(
        default=None,
        description="Where the preset's own routes stand, like /llm, if not at the root. It is cut off "
        "before a request is forwarded, and put back into places that the server names.",
    )
    cors: CorsField = Field(
        default=None,
        description="Which pages of other origins may call the preset's own routes: off, on, or a list of "
        "origins, as on routes.",
    )
    timeouts: TimeoutSettings = Field(
        default_factory=TimeoutSettings, description="How long it may keep a caller waiting."
    )
    host: HostPolicy = Field(
        default="upstream",
        description="What it is called in Host: upstream (its own address), preserve (what the caller called "
        "the gateway), or a text like localhost:11434.",
    )
    origin: Literal["preserve", "rewrite", "strip"] = Field(
        default="preserve",
        description="What it is told in Origin: preserve (as it came), rewrite (the origin of what is sent "
        "as Host) or strip (none). A foreign page's passes as it came where no key was shown for it.",
    )
    forwarded_headers: Annotated[Literal["off", "append", "replace"], OffByName] = Field(
        default="append",
        description="X-Forwarded-*: append (behind what a trusted proxy said), replace (only what this "
        "gateway saw) or off (none at all: some servers refuse them).",
    )
    credential: CredentialField = Field(
        default=None,
        repr=False,
        description="What the server asks of whoever calls, such as a provider's key: ${VAR}, ${file:PATH}, "
        "or vault:NAME for one in the vault. It takes the place of whatever callers show of their own.",
    )
    credential_in: CredentialPlace = Field(
        default="bearer",
        description="Where it stands: bearer, basic (then it is USER:PASSWORD), or a header's name, like "
        "x-api-key.",
    )
    pass_caller_credential: Switch = Field(
        default=False,
        description="Whether a caller may show the server a credential of their own, beside their key; the "
        "one above is used for the others.",
    )

    @model_validator(mode="after")
    def _stands_somewhere(self) -> Self:
        if self.url is None and self.targets is None:
            raise Unfit("says not where it is: add url: or targets:")
        if self.url is not None and self.targets is not None:
            raise Unfit("has both url and targets: write its url among the targets")
        return self

    def places(self) -> Mapping[Loc, str]:
        """Its URLs, by where each is written below it."""
        if self.url is not None:
            return {("url",): self.url}
        return {("targets", name): url for name, url in (self.targets or {}).items()}
