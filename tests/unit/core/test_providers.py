"""Guarantees of gateway/core/providers.py: whose key was mixed up with ours is named."""

import pytest

from gateway.core.providers import UNRECOGNISED, looks_like
from tests.unit.core.samples import A

PLACEHOLDER = "a placeholder, not a key"
NO_KEY_ENTERED = "the placeholder of a client in which no key was entered"

KEYS = {
    "openai": ("sk-" + "aB3" * 16, "an OpenAI key"),
    "openai-project": ("sk-proj-" + "aB3_-" * 20, "an OpenAI key"),
    "openai-service-account": ("sk-svcacct-" + "aB3_-" * 20, "an OpenAI key"),
    "openai-admin": ("sk-admin-" + "aB3_-" * 20, "an OpenAI key"),
    "openai-none": ("sk-None-" + "aB3" * 16, "an OpenAI key"),
    "anthropic": ("sk-ant-api03-" + "aB3_-" * 18 + "AA", "an Anthropic key"),
    "anthropic-admin": ("sk-ant-admin01-" + "aB3_-" * 18, "an Anthropic key"),
    "openrouter": ("sk-or-v1-" + "0a" * 32, "an OpenRouter key"),
    "elevenlabs": ("sk_" + "0a" * 24, "an ElevenLabs key"),
    "elevenlabs-old": ("0a" * 16, "an Azure, ElevenLabs or similar service's key"),
    "azure": ("9f" * 16, "an Azure, ElevenLabs or similar service's key"),
    "langfuse": ("sk-lf-0f8fad5b-d9cb-469f-a165-70867728950e", "a Langfuse key"),
    "langfuse-public": ("pk-lf-0f8fad5b-d9cb-469f-a165-70867728950e", "a Langfuse key"),
    "stripe-live": ("sk_live_" + "aB3" * 8, "a Stripe key"),
    "stripe-test": ("sk_test_" + "aB3" * 8, "a Stripe key"),
    "stripe-restricted": ("rk_live_" + "aB3" * 8, "a Stripe key"),
    "google": ("AIza" + "SyA-_b3" * 5, "a Google key"),
    "google-new": ("AQ.Ab8RN6" + "aB3" * 8, "a Google key"),
    "groq": ("gsk_" + "aB3" * 17, "a Groq key"),
    "hugging-face": ("hf_" + "aB3" * 11, "a Hugging Face token"),
    "novelai": ("pst-" + "aB3" * 20, "a NovelAI token"),
    "xai": ("xai-" + "aB3" * 26, "an xAI key"),
    "nvidia": ("nvapi-" + "aB3_-" * 12, "an NVIDIA key"),
    "perplexity": ("pplx-" + "0a" * 24, "a Perplexity key"),
    "replicate": ("r8_" + "aB3" * 12, "a Replicate token"),
    "github": ("ghp_" + "aB3" * 12, "a GitHub token"),
    "github-oauth": ("gho_" + "aB3" * 12, "a GitHub token"),
    "github-server": ("ghs_" + "aB3" * 12, "a GitHub token"),
    "github-user": ("ghu_" + "aB3" * 12, "a GitHub token"),
    "github-refresh": ("ghr_" + "aB3" * 12, "a GitHub token"),
    "github-fine-grained": ("github_pat_" + "aB3" * 12, "a GitHub token"),
    "gitlab": ("glpat-" + "aB3-_" * 4, "a GitLab token"),
    "voxum": ("vx_" + "aB3" * 10, "a Voxum key"),
    "home-assistant": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhIn0.c2ln",
        "a login token (JWT), as web apps and Home Assistant use",
    ),
    "openai-style": ("sk-short", "an OpenAI-style key"),
    "litellm-example": ("sk-1234", NO_KEY_ENTERED),
    "llama-cpp-client": ("sk-no-key-required", NO_KEY_ENTERED),
    "documentation": ("sk-xxxxxxxxxxxxxxxxxxxxxxxx", NO_KEY_ENTERED),
}

PLACEHOLDERS = [
    "none",
    "None",
    "null",
    "undefined",
    "ollama",
    "lm-studio",
    "dummy",
    "test",
    "no-key",
    "not-needed",
    "unused",
    "EMPTY",
    "xxx",
    "XXXXXXXX",
    "YOUR_API_KEY",
    "your-api-key",
    "your-api-key-here",
    "yourkey",
    "your_key_here",
    "api_key",
    "API-KEY",
    "<token>",
    "$OPENAI_API_KEY",
    "${OPENAI_API_KEY}",
]


@pytest.mark.parametrize(("text", "name"), KEYS.values(), ids=KEYS)
def test_a_providers_key_is_named(text: str, name: str) -> None:
    assert looks_like(text) == name


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_told_from_a_key(text: str) -> None:
    assert looks_like(text) == PLACEHOLDER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "correct horse battery staple",
        "testing",
        "noneofyours",
        A,
        "0a" * 17,
        "eyJub3QtYS1qd3Q",
        "\udcff",
    ],
)
def test_anything_else_is_of_another_kind(text: str) -> None:
    assert looks_like(text) == UNRECOGNISED


def test_a_name_never_holds_what_was_shown() -> None:
    assert all(text not in looks_like(text) for text, _ in KEYS.values())
