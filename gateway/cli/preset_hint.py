"""Whoever stands before a server that has a preset, and does not say so, is told that there is one.

Only the port is looked at, so this is a guess and no more than a hint. The ports stand here once more, so
that no preset is read for it; a test holds them to the presets.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from gateway.config.upstream_sections import UpstreamSettings

KNOWN_PORTS: Final[Mapping[int, tuple[str, ...]]] = {
    1234: ("lmstudio",),
    5000: ("textgen",),
    5001: ("koboldcpp",),
    5384: ("voxta",),
    7860: ("automatic1111",),
    8000: ("speaches", "vllm"),
    8020: ("xtts",),
    8080: ("llamacpp", "openwebui"),
    8123: ("homeassistant",),
    8188: ("comfyui",),
    8880: ("kokoro",),
    11434: ("ollama",),
}


def preset_hint(upstreams: Mapping[str, UpstreamSettings]) -> str | None:
    """What to say where an upstream's port is that of a known server, and no preset is named."""
    unnamed = (written for written in upstreams.values() if written.preset is None)
    for port in (urlsplit(url).port for written in unnamed for url in written.places().values()):
        names = KNOWN_PORTS.get(port or 0, ())
        if names:
            presets = " or ".join(f"--preset {name}" for name in names)
            return (
                f"Port {port} is where {' or '.join(names)} usually listens. With {presets} its dangerous "
                f"paths ask for more than any key: keyhatch presets show {names[0]}"
            )
    return None
