"""Finding keys in files: which files there are below a path, and where in one a key stands.

Promises
1. A file is read in pieces of `PIECE_BYTES`, whatever its size; a key across two pieces is found once.
2. Symbolic links are not followed, but for one that was named itself; what is no regular file (a device, a
   pipe, a socket) is not read. So a search ends.
3. What cannot be read is told, and the search goes on.

Git's own objects are compressed, so there is nothing to find in `.git/objects`; the rest of `.git` is read,
because its `config` may hold a key in a URL. 400 MB of random bytes take 0.7 s.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from gateway.core.keys import BODY_CHARS, CHECKSUM_CHARS, Secret, Shape, digest_of, preview_of, shape_of
from gateway.store.system import READ

PIECE_BYTES: Final = 1024 * 1024
_CHARS: Final = BODY_CHARS + CHECKSUM_CHARS

Complain = Callable[[str, OSError], None]


@dataclass(frozen=True, slots=True)
class Found:
    """One key in one place: line and column count from 1, the column in bytes."""

    path: str
    line: int
    column: int
    preview: str
    digest: bytes = field(repr=False)


def pattern_of(prefixes: Sequence[str]) -> re.Pattern[bytes]:
    """What finds keys of these prefixes, amid other letters too: their checksum tells them from chance."""
    either = "|".join(map(re.escape, prefixes))
    return re.compile(rf"({either})_[0-9A-Za-z]{{{_CHARS}}}".encode())


def files_below(path: str, complain: Complain) -> Iterator[str]:
    """The regular files at and below a path, in the order of their names."""
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            yield path
        elif stat.S_ISDIR(mode):
            yield from _within(path, complain)
    except OSError as error:
        complain(path, error)


def keys_in_file(path: str, pattern: re.Pattern[bytes], marks: Sequence[bytes]) -> Iterator[Found]:
    """Every key in a file; raises `OSError`."""
    descriptor = os.open(path, READ)
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        yield from keys_in(source, path, pattern, marks)


def keys_in(
    source: IO[bytes], path: str, pattern: re.Pattern[bytes], marks: Sequence[bytes]
) -> Iterator[Found]:
    """Every key in a stream. `marks`: what keys begin with; a piece without any is not looked at twice."""
    longest = max(map(len, marks)) + _CHARS
    kept, lines, since = b"", 0, 0  # line breaks before `kept`, and bytes between the last of them and it
    while piece := source.read(PIECE_BYTES):
        text = kept + piece
        sure = max(0, len(text) - longest + 1)  # a key that begins before this ends in this text
        if any(mark in text for mark in marks):
            yield from _in_text(text, sure, path, pattern, (lines, since))
        lines, since = _moved(text, sure, lines, since)
        kept = text[sure:]
    yield from _in_text(kept, len(kept), path, pattern, (lines, since))


def _in_text(
    text: bytes, sure: int, path: str, pattern: re.Pattern[bytes], begin: tuple[int, int]
) -> Iterator[Found]:
    for match in pattern.finditer(text):
        at = match.start()
        key, prefix = match[0].decode("ascii"), match[1].decode("ascii")
        if at < sure and shape_of(key, prefix) is Shape.WELL_FORMED:
            line, column = _moved(text, at, *begin)
            yield Found(path, line + 1, column + 1, preview_of(Secret(key)), digest_of(key))


def _moved(text: bytes, to: int, lines: int, since: int) -> tuple[int, int]:
    """Line breaks up to a place in the text, and bytes since the last of them."""
    more = text.count(b"\n", 0, to)
    return (lines + more, to - text.rfind(b"\n", 0, to) - 1) if more else (lines, since + to)


def _within(folder: str, complain: Complain) -> Iterator[str]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        complain(folder, error)
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if not _is_gits_objects(entry):
                    yield from _within(entry.path, complain)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path
        except OSError as error:
            complain(entry.path, error)


def _is_gits_objects(entry: os.DirEntry[str]) -> bool:
    return entry.name == "objects" and Path(entry.path).parent.name == ".git"
