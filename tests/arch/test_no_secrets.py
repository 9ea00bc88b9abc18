"""No file that users get (the package, the examples, what deploys it) holds a secret of anybody's."""

import re
from typing import Final

from gateway.core.amid import keys_amid
from gateway.core.keys import compose_secret
from tests.arch.sources import committed_files, text

SHIPPED: Final = ("gateway/", "deploy/", "config.example.yaml", "Dockerfile", "Makefile", "pyproject.toml")

_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}")
_PROVIDERS: Final = re.compile(r"\b(?:sk-(?:proj-|ant-|or-v1-)?[A-Za-z0-9_-]{32,}|AIza[A-Za-z0-9_-]{30,})")


def test_no_file_that_is_shipped_holds_a_secret() -> None:
    assert [path for path in committed_files() if path.startswith(SHIPPED) and _holds_one(text(path))] == []


def _holds_one(content: str) -> bool:
    return bool(
        _PRIVATE_KEY.search(content) or _PROVIDERS.search(content) or keys_amid(content.encode(), "kh")
    )


def test_the_search_would_find_one() -> None:
    assert not _holds_one(f"kh_{'0' * 49}")
    assert _holds_one(f"key: {compose_secret('kh', bytes(range(32))).reveal()}")
    assert _holds_one("-----BEGIN PRIVATE KEY-----\n" + "A" * 64)
    assert _holds_one(f"key: sk-proj-{'a1' * 20}")
