"""Probes: requests that need no web server to be understood. Pure: bytes in, a `Probe` or a verdict out.

Health checks and scrapes are most of what an admin listener is ever asked, and all of them look alike: GET or
HEAD, one of three paths, a few plain fields, no body. Only a head of exactly that shape is a probe. Whatever
is different in any way, be it lawful, odd or broken, is foreign: the application judges it, by its own rules.
So nothing is refused here, and nothing that is read in two ways can be a probe:

1. The first line is one of twelve, byte for byte.
2. A field is a token, a colon and printable ASCII. No name comes twice, and none frames a body, asks for
   another protocol or expects anything.
3. `Host` may be missing before HTTP/1.1 alone; whether it is ours is not said here.
4. A head weighs at most `PROBE_BYTES_MAX`, and no more than the limits allow.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.admin.health import PATHS
from gateway.wire.request_head import Limits

PROBE_BYTES_MAX: Final = 4_096

_FIRST_LINES: Final = {
    f"{method} {path} HTTP/1.{minor}\r\n".encode("ascii"): (path, method == "HEAD", minor)
    for method in ("GET", "HEAD")
    for path in PATHS
    for minor in (0, 1)
}
_FIELDS: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)*")
_NOT_PLAIN: Final = frozenset({"transfer-encoding", "trailer", "upgrade", "expect"})
_CONNECTION: Final = {"": None, "close": False, "keep-alive": True}


@dataclass(frozen=True, slots=True)
class Probe:
    """A whole probe. `host` is None where it names none; `head_bytes` is its length."""

    path: str
    is_head: bool
    minor: int
    host: str | None
    accept: str
    keeps: bool
    head_bytes: int


class Verdict(Enum):
    """What is no probe: not yet, or never."""

    EARLY = "early"
    FOREIGN = "foreign"


def read_probe(said: bytes, limits: Limits) -> Probe | Verdict:
    """What a connection began to say."""
    first = next((line for line in _FIRST_LINES if said.startswith(line)), None)
    if first is None:
        return Verdict.EARLY if any(line.startswith(said) for line in _FIRST_LINES) else Verdict.FOREIGN
    end = _end_of_fields(said, len(first))
    is_whole = said.startswith(b"\r\n", end)
    is_heavy = (end if is_whole else len(said)) > min(PROBE_BYTES_MAX, limits.head_bytes_max)
    if is_heavy or (not is_whole and said.find(b"\n", end) >= 0):
        return Verdict.FOREIGN
    return _probe(first, said[len(first) : end], limits, end + 2) if is_whole else Verdict.EARLY


def _end_of_fields(said: bytes, at: int) -> int:
    """Where the whole, plain field lines that begin here end."""
    fields = _FIELDS.match(said, at)
    assert fields is not None  # noqa: S101 - it matches nothing at all as well
    return fields.end()


def _probe(first: bytes, lines: bytes, limits: Limits, head_bytes: int) -> Probe | Verdict:
    path, is_head, minor = _FIRST_LINES[first]
    pairs = [line.partition(":") for line in lines.decode("ascii").split("\r\n")[:-1]]
    fields = {name.lower(): value.strip(" \t") for name, _, value in pairs}
    host, wish = fields.get("host"), fields.get("connection", "").lower()
    is_plain = (
        len(fields) == len(pairs) <= limits.fields_max
        and not any(name in _NOT_PLAIN or name.startswith("content-") for name in fields)
        and wish in _CONNECTION
        and (host is not None or minor == 0)
    )
    if not is_plain:
        return Verdict.FOREIGN
    keeps = _CONNECTION[wish]
    return Probe(
        path,
        is_head,
        minor,
        host,
        fields.get("accept", ""),
        minor == 1 if keeps is None else keeps,
        head_bytes,
    )
