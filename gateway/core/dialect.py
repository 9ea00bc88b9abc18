"""In which words a refusal is told: each SDK shows its user another part of an answer.

Here are only the names, and which of them is spoken at a path; what is said in each stands in
`gateway.wire.dialects`. A preset knows which dialect is spoken below which of its paths.
"""

from enum import StrEnum


class Dialect(StrEnum):
    """Whose form a refusal takes. COMBINED serves the OpenAI, Anthropic and ElevenLabs SDKs alike."""

    COMBINED = "combined"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    ELEVENLABS = "elevenlabs"
    OLLAMA = "ollama"
    FASTAPI = "fastapi"
    AZURE = "azure"
    GEMINI = "gemini"
    COMFYUI = "comfyui"
    MESSAGE = "message"
    TEXT = "text"


Dialects = tuple[tuple[str, Dialect], ...]
"""Path prefixes, and what is spoken at and below each. `/` is all."""


def spoken_at(path: str, dialects: Dialects) -> Dialect:
    """The dialect of the longest prefix that covers the path; COMBINED where none does."""
    best, spoken = "", Dialect.COMBINED
    for prefix, dialect in dialects:
        bare = prefix.rstrip("/")
        covered = path.startswith(bare) and path[len(bare) : len(bare) + 1] in ("", "/")
        if covered and len(prefix) > len(best):
            best, spoken = prefix, dialect
    return spoken


def below(mount: str, dialects: Dialects) -> Dialects:
    """The same dialects where all paths stand below a prefix."""
    return tuple((f"{mount}{prefix}".rstrip("/") or "/", dialect) for prefix, dialect in dialects)
