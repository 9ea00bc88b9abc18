"""The keys of a peer that is a Keyhatch, while it serves: made and revoked through the gateway that runs.

It asks as the command line does, over the control socket beside the store, but from within this process:
the moment of the answer is then that of the gateway's answer, and not that of a program's end.
"""

import asyncio
import os
import secrets
import sqlite3
import time
from collections.abc import Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bench.load import LoadError
from bench.many_keys import add_known
from gateway.admin.control_client import RemoteKeyring
from gateway.core.keys import compose_secret
from gateway.keeper.desk import KeyDraft
from gateway.keeper.ports import StoreUnavailable

NAME = "bench"
"""The key that all load is made with."""
SCOPES = ("chat:write", "models:read")

_Told = TypeVar("_Told")


@dataclass(frozen=True)
class Keyring:
    """What can be done with the keys in the store in the file `path`."""

    path: Path
    _cold: list[str] = field(default_factory=list)

    def create(self, name: str) -> str:
        """Make a key with every scope that is tried here; its secret."""
        draft = KeyDraft(name=name, scopes=SCOPES)
        _, secret = self._answer(RemoteKeyring(self.path).create(draft))
        return secret.reveal()

    def revoke(self, name: str) -> tuple[float, float]:
        """End a key; when the gateway was asked, and when it had answered (monotonic seconds)."""
        asked_at = time.monotonic()
        self._answer(RemoteKeyring(self.path).revoke(name))
        return asked_at, time.monotonic()

    def last_used_at(self, name: str = NAME) -> float | None:
        """When a key was last used, as the file tells (seconds since 1970)."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT last_used_at FROM keys WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def lay_in(self, count: int) -> None:
        """Put so many keys into a store that no gateway holds yet, for `cold`."""
        entropies: Iterator[bytes] = (secrets.token_bytes(32) for _ in range(count))
        self._cold.extend(compose_secret("kh", entropy).reveal() for entropy in entropies)
        add_known(self.path, self._cold, SCOPES)

    def cold(self, count: int) -> list[str]:
        """So many keys that were never shown to the gateway; raises LoadError if there are no more."""
        if count > len(self._cold):
            raise LoadError(f"{len(self._cold)} keys were left that had not been shown before")
        taken, self._cold[:count] = self._cold[:count], []
        return taken

    def _answer(self, question: Coroutine[Any, Any, _Told]) -> _Told:
        try:
            return asyncio.run(question)
        except StoreUnavailable as error:
            # The report is for others: where the store was on this machine is nothing to them.
            said = str(error).replace(f"{self.path.parent}{os.sep}", "")
            raise LoadError(f"the keys could not be changed: {said}") from error
