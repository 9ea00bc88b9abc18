"""Guarantees of gateway/cli/preset_hint.py: a known port is a hint, and what was said is not asked again."""

from typing import get_args

import pytest

from gateway.cli.preset_hint import KNOWN_PORTS, preset_hint
from gateway.config.presets import preset_of
from gateway.config.upstream_sections import Preset, UpstreamSettings


def hint(url: str, preset: str | None = None) -> str | None:
    return preset_hint({"ai": UpstreamSettings.model_validate({"url": url, "preset": preset})})


def test_the_ports_are_those_of_the_presets() -> None:
    found: dict[int, list[str]] = {}
    for name in sorted(get_args(Preset)):
        port = preset_of(name).port
        if port is not None and name != "generic":
            found.setdefault(port, []).append(name)
    assert {port: list(names) for port, names in KNOWN_PORTS.items()} == found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:11434", "Port 11434 is where ollama usually listens. With --preset ollama its"),
        (
            "http://127.0.0.1:8000",
            "Port 8000 is where speaches or vllm usually listens. With --preset ",
        ),
    ],
)
def test_a_known_port_is_told(url: str, said: str) -> None:
    assert (hint(url) or "").startswith(said)


@pytest.mark.parametrize("url", ["http://127.0.0.1:4711", "http://ollama", "https://api.example.org"])
def test_any_other_place_is_not(url: str) -> None:
    assert hint(url) is None


def test_whoever_named_a_preset_is_left_alone() -> None:
    assert hint("http://127.0.0.1:11434", "ollama") is None
    assert preset_hint({}) is None
