"""Which provider's key a foreign credential looks like, so that a refusal can name the mix-up.

People hold three or four kinds of key and confuse them: the one for this gateway, a provider's, a cloud
service's, the placeholder their client insists on. The patterns are the publicly documented prefixes that
secret scanners use; the answer is a name for a sentence and never part of the decision.
"""

import re
from typing import Final

UNRECOGNISED: Final = "a credential of another kind"

_PLACEHOLDER: Final = (
    r"(?i)(none|null|undefined|ollama|lm-studio|dummy|test|no-key|not-needed|unused|empty|x+|"
    r"your[-_]?(api[-_]?)?key.*|api[-_]?key|<.*>|\$\{?\w+\}?)$"
)
_PATTERNS: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"sk-ant-", "an Anthropic key"),
        (r"sk-or-", "an OpenRouter key"),
        (r"sk-lf-|pk-lf-", "a Langfuse key"),
        (r"sk-no-key-required$|sk-1234$|sk-x+$", "the placeholder of a client in which no key was entered"),
        (r"sk-(proj|svcacct|admin|None)-|sk-[A-Za-z0-9_-]{20,}", "an OpenAI key"),
        (r"sk_(live|test)_|rk_(live|test)_", "a Stripe key"),
        (r"sk_[0-9a-f]{32,}", "an ElevenLabs key"),
        (r"AIza[0-9A-Za-z_-]{30,}|AQ\.", "a Google key"),
        (r"gsk_", "a Groq key"),
        (r"hf_", "a Hugging Face token"),
        (r"pst-", "a NovelAI token"),
        (r"xai-", "an xAI key"),
        (r"nvapi-", "an NVIDIA key"),
        (r"pplx-", "a Perplexity key"),
        (r"r8_", "a Replicate token"),
        (r"gh[pousr]_|github_pat_", "a GitHub token"),
        (r"glpat-", "a GitLab token"),
        (r"vx_", "a Voxum key"),
        (r"eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.", "a login token (JWT), as web apps and Home Assistant use"),
        (r"[0-9a-f]{32}$", "an Azure, ElevenLabs or similar service's key"),
        (r"sk-", "an OpenAI-style key"),
        (
            _PLACEHOLDER,
            "a placeholder, not a key",
        ),
    )
)


def looks_like(text: str) -> str:
    """A phrase such as `an OpenAI key`, or `a credential of another kind`."""
    for pattern, name in _PATTERNS:
        if pattern.match(text):
            return name
    return UNRECOGNISED
