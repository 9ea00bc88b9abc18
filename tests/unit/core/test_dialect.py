"""Guarantees of gateway/core/dialect.py: the longest prefix speaks; a prefix ends where a segment does."""

import pytest

from gateway.core.dialect import Dialect, below, spoken_at

SPOKEN = (("/api", Dialect.OLLAMA), ("/v1", Dialect.OPENAI), ("/v1/messages", Dialect.ANTHROPIC))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/tags", "ollama"),
        ("/api", "ollama"),
        ("/apis", "combined"),
        ("/v1/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/", "combined"),
        ("", "combined"),
    ],
)
def test_the_longest_prefix_that_ends_with_a_segment_speaks(path: str, dialect: str) -> None:
    assert spoken_at(path, SPOKEN) == spoken_at(path, SPOKEN[::-1]) == dialect


def test_the_root_speaks_everywhere_and_anything_longer_before_it() -> None:
    spoken = (*SPOKEN, ("/", Dialect.FASTAPI))
    assert [spoken_at(path, spoken) for path in ("/", "/x", "/v1")] == ["fastapi", "fastapi", "openai"]


def test_below_a_mount_every_prefix_moves_with_it() -> None:
    moved = below("/llm", (("/", Dialect.TEXT), ("/api", Dialect.OLLAMA)))
    assert moved == (("/llm", Dialect.TEXT), ("/llm/api", Dialect.OLLAMA))
    assert [spoken_at(path, moved) for path in ("/llm/x", "/llm/api/x", "/api/x")] == [
        "text",
        "ollama",
        "combined",
    ]
    assert below("", SPOKEN) == SPOKEN
