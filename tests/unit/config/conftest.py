"""A place with one file, config.yaml, so that problems read as a person would see them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.config.load import Loaded, effective, load
from gateway.config.problems import ConfigError

Read = Callable[..., Loaded]
Problems = Callable[..., list[str]]

# Everything a configuration needs, in as few lines as it takes.
WHOLE = """\
scopes: {chat:write: Ask, models:read: List}
upstreams:
  ai: {url: "http://127.0.0.1:11434"}
routes:
  - {id: all, path: /**, upstream: ai, scopes: [chat:write]}
"""


def at(loaded: Loaded, path: str) -> object:
    """The value in force at a dotted path, as it is shown."""
    value: object = effective(loaded)
    for part in path.split("."):
        assert isinstance(value, dict)
        value = value[part]
    return value


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Load this text as ./config.yaml."""
    monkeypatch.chdir(tmp_path)

    def read(
        text: str | bytes,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
        *,
        need_upstream: bool = False,
    ) -> Loaded:
        raw = text.encode() if isinstance(text, str) else text
        Path("config.yaml").write_bytes(raw)
        return load(Path("config.yaml"), environ or {}, flags or {}, need_upstream=need_upstream)

    return read


@pytest.fixture
def problems(read: Read) -> Problems:
    """What is wrong with this text, line by line as it is shown; [] if nothing is."""

    def problems(
        text: str | bytes,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
        *,
        need_upstream: bool = False,
    ) -> list[str]:
        try:
            read(text, environ, flags, need_upstream=need_upstream)
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []

    return problems
