"""The Dockerfile as the tests read it: its instructions in order, each in one line, without comments."""

import re
from collections.abc import Iterator

from tests.arch.sources import text


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction and what stands behind it, in one line."""
    lines = [line for line in text("Dockerfile").splitlines() if line and not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        yield word, rest


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage; those before the first are left out."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        elif found:
            found[-1].append((word, rest))
    return found
