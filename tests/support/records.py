"""Key records for tests, a clock that moves when told, randomness that repeats."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.core.keys import ApiKey

NOW = 1_800_000_000.0


class StillClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def digest(text: str) -> bytes:
    """32 bytes that stand for a secret."""
    return hashlib.sha256(text.encode()).digest()


def record(key_id: str = "key_1", **fields: Any) -> ApiKey:
    """A record whose digest follows its id unless said otherwise."""
    key = ApiKey(
        id=key_id,
        name="laptop",
        preview="kh_AbCd…wXyZ",
        digest=digest(key_id),
        scopes=frozenset({"chat:write"}),
        created_at=NOW,
    )
    return replace(key, **fields)


def repeatable_entropy() -> Callable[[int], bytes]:
    """Bytes that differ at every call and repeat in every run."""
    calls = itertools.count()

    def entropy(size: int) -> bytes:
        return hashlib.shake_256(str(next(calls)).encode()).digest(size)

    return entropy
