"""Two judges that share nothing with the gateway: the most forgiving reader of a path, and a plain matcher.

The reader gives every path that some upstream might make of the bytes: it decodes up to three times, in
well-formed UTF-8 or not, strips `;parameters`, lowers, normalises, merges slashes, takes backslashes for
slashes, resolves dot segments, cuts at `?` and `#`, drops blanks around a name, what Windows drops at its
end and what no one sees in it; each of these or not, in any order. The matcher ranks every route by the
documented rule and takes the best.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

from gateway.core.routes import Route

DECODINGS = 3
SHUT = 99


def decode(path: str) -> str:
    return unquote(re.sub("%c0%af", "%2f", path, flags=re.IGNORECASE), errors="replace")


def resolve(path: str) -> str:
    done: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            done = done[:-1] or [""]
        elif segment != ".":
            done.append(segment)
    return "/".join(done)


LENIENCES: tuple[Callable[[str], str], ...] = (
    lambda path: re.sub(r";[^/]*", "", path),
    str.lower,
    lambda path: unicodedata.normalize("NFKC", path),
    lambda path: "".join(char for char in path if unicodedata.category(char) != "Cf"),
    lambda path: path.replace("ı", "i").replace("İ", "i"),
    lambda path: re.sub(r"/+", "/", path),
    lambda path: path.replace("\\", "/"),
    resolve,
    lambda path: re.split(r"[?#]", path, maxsplit=1)[0],
    lambda path: re.sub(r"[. ]+(?=/|$)", "", path),
    lambda path: re.sub(r"[\x00-\x1f\x7f]+", "", path),
    lambda path: re.sub(r"(?<=/) +", "", path),
    lambda path: path.split("\0", 1)[0],
    lambda path: path.rstrip("/") or "/",
)


def every_reading(path: str) -> set[str]:
    """All paths that the lenient reader can arrive at, the one received included."""
    found = {path: 0}
    todo = [path]
    while todo:
        text = todo.pop()
        depth = found[text]
        fresh = [(change(text), depth) for change in LENIENCES]
        if depth < DECODINGS:
            fresh.append((decode(text), depth + 1))
        for reading, deep in fresh:
            if reading.startswith("/") and found.get(reading, DECODINGS + 1) > deep:
                found[reading] = deep
                todo.append(reading)
    return set(found)


def plain_match(routes: Iterable[Route], method: str, path: str) -> Route | str:
    """The documented rule, said plainly: rank what covers the path, best path first, then the method."""
    ranked = [(rank, route) for route in routes for rank in _rank(route.path, path)]
    if not ranked:
        return "no_route"
    best = min(rank for rank, _ in ranked)
    for rank, route in ranked:
        if rank == best and route.takes(method):
            return route
    return "method_not_allowed"


def _rank(pattern: str, path: str) -> Iterator[tuple[int, ...]]:
    parts, segments = pattern[1:].split("/"), path[1:].split("/")
    rest = parts[-1] == "**"
    if rest:
        parts.pop()
    if len(parts) > len(segments) or (len(parts) < len(segments) and not rest):
        return
    ranks = []
    for part, segment in zip(parts, segments, strict=False):
        if part != segment and not (part == "*" and segment):
            return
        ranks.append(1 if part == "*" else 0)
    yield (*ranks, 2) if rest else tuple(ranks)


def strictness(route: Route | str) -> int:
    """How much a caller must show: nothing, any key, a key with as many scopes; or nothing is enough."""
    if isinstance(route, str):
        return SHUT
    return 0 if route.public else 1 + len(route.scopes)
