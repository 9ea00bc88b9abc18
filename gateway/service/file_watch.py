"""Files that are watched by looking at them: which changed, once whoever writes them has come to rest.

A file that is being written, and a pair of which one half was replaced, look broken for a moment. So a change
counts once two looks in a row found the same. What is looked at is time, size and inode of what a path leads
to, so a link that is turned elsewhere (certbot, Kubernetes) counts as well.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 2.0

_log: Final = logging.getLogger("gateway.service")

Signature = tuple[tuple[int, int, int] | None, ...]


class FileWatch:
    """Some files as they were found last."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths: tuple[Path, ...] = ()
        self._known: Signature = ()
        self._seen: Signature = ()
        self.watch(paths)

    def watch(self, paths: Iterable[Path]) -> None:
        """From now on these, as they are now."""
        self._paths = tuple(dict.fromkeys(paths))
        self._known = self._seen = signature_of(self._paths)

    def has_changed(self) -> bool:
        """Look; True once for every change that has come to rest."""
        before, self._seen = self._seen, signature_of(self._paths)
        if self._seen == self._known or self._seen != before:
            return False
        self._known = self._seen
        return True


def signature_of(paths: Iterable[Path]) -> Signature:
    """What changes when any of the files is replaced or written to; None where one is not there."""
    return tuple(map(_signature, paths))


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


async def look_again_and_again(looks: Iterable[Callable[[], object]], every_s: float = LOOK_EVERY_S) -> None:
    """Take these looks, in turn, until cancelled; trouble ends none of them."""
    looks = tuple(looks)
    while True:
        await asyncio.sleep(every_s)
        for look in looks:
            try:
                look()
            except Exception:  # noqa: BLE001 - a watch that gave up would serve what is old
                _log.exception("looking for changed files met something unexpected; it goes on")
