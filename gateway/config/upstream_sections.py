"""What is written of an upstream: where it stands, what kind of server it is, how it is spoken to."""

from typing import Literal

from pydantic import Field

from gateway.config.fields import Duration, UpstreamUrl
from gateway.config.sections import Section

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

    url: UpstreamUrl = Field(
        description="http://HOST[:PORT] or https://HOST[:PORT], without a path: requests keep their own."
    )
    preset: Preset | None = Field(
        default=None,
        description="What kind of server it is. Checked, but not applied by this version.",
    )
    timeouts: TimeoutSettings = Field(
        default_factory=TimeoutSettings, description="How long it may keep a caller waiting."
    )
