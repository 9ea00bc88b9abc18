"""What is cut from the front of a path, and what is put there instead, on its way to the upstream and back.

An upstream that lives at `/` is offered under `/llm`, or one that lives under `/api` at `/`. Gateways were
broken open here (Traefik CVE-2026-48020: `/api../`), so:

1. The path that is judged is the one that was received. What is forwarded are its bytes, less the prefix,
   behind the other prefix; nothing is decoded, resolved or tidied on the way.
2. A prefix is whole segments of plain characters, which no server reads in two ways. A route that has one
   has a path under it, so what is cut was matched literally, and what is left begins at a segment.
3. What has no such prefix is not moved by guess: `moved` raises, and the request is refused.
4. `moved_back` undoes it for a path that the upstream names, and says None for one that it cannot undo.
"""

import re
from typing import Final

_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+")


def prefix_problem(prefix: str) -> str | None:
    """What is wrong with a prefix, or None."""
    if _PREFIX.fullmatch(prefix) is None:
        return "must be like /llm or /apps/voice: plain segments, no '/' at the end"
    return None


def lies_under(path: bytes, prefix: bytes) -> bool:
    """Whether a path, perhaps with a query or a fragment, is the prefix or lies below it."""
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?", b"#")


def moved(path: bytes, strip: bytes, add: bytes) -> bytes:
    """A target as the upstream is sent it. Raises `ValueError` if it does not lie under `strip`."""
    if not lies_under(path, strip):
        raise ValueError("a path that does not lie under its route's prefix")
    return _behind(add, path[len(strip) :])


def moved_back(path: bytes, strip: bytes, add: bytes) -> bytes | None:
    """A path of the upstream as its caller would ask for it, or None if no caller could by this route."""
    if not lies_under(path, add):
        return None
    return _behind(strip, path[len(add) :])


def _behind(prefix: bytes, rest: bytes) -> bytes:
    return prefix + rest if prefix or rest.startswith(b"/") else b"/" + rest
