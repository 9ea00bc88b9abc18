"""The request as the decision sees it, and the target: judged as received, or refused as ambiguous.

Gateways are broken open where they read a path one way and the upstream reads it another way (Envoy
CVE-2019-9901, Traefik CVE-2026-48020, Heimdall CVE-2026-42274, and many more). Two rules close that door:

1. **Authorise the bytes you forward.** Nothing in the target is ever rewritten (RFC 9110 §7.7): the path
   that the routes are matched against is the path the upstream receives, byte for byte.
2. **Deny if any variant would be denied.** `Target.readings` lists how else an upstream might read the
   path: percent-decoded once, twice, to the end; without `;parameters`; cut at a decoded `?` or `#`; in
   lower case and Unicode-normalised (before it is cut, and after); without trailing slash and dots,
   without spaces around a name. A route is granted only if every reading meets the same requirement (see
   `gateway.core.routes`).

What cannot be read safely at all is refused here, whatever the routes say: dot segments in any spelling,
empty segments, backslashes, control characters, fragments, bad percent-encoding, bytes outside visible
ASCII, encodings that are not UTF-8, and anything but origin-form. So are encoded slashes, unless a route
allows them: then the path is read with them as slashes and as parts of names, and all readings must agree.

The query is never part of the decision; it is checked for control bytes and passed on.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final

from gateway.core.refusal import Deny, Reason

Readings = tuple[tuple[str, ...], ...]
"""The ways in which upstreams may read a path, each as its segments."""

Headers = tuple[tuple[bytes, bytes], ...]
"""Ordered pairs of lower-case name and value without surrounding blanks."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that ask for no change (RFC 9110 §9.2.1), of those that are forwarded."""

_PATH: Final = re.compile(rb"/[!$%&'()*+,\-./0-9:;=@A-Z\[\]^_a-z|~]*")
_QUERY: Final = re.compile(rb"[!-\"$-~]*")
_SLASH: Final = re.compile("%2f", re.IGNORECASE)
_WITHIN: Final = "\ue000"  # a sign of nobody's, for a slash that is a part of a name
_TRIPLET: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_TRIPLET: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DECODINGS_MAX: Final = 4
_PATHS_KEPT_MAX: Final = 4_096
_PATH_BYTES_KEPT_MAX: Final = 256
_LIKE_A_KEY: Final = re.compile(rb"[0-9A-Za-z]{40}")


ENCODED_SLASH: Final = "an encoded '/' has two readings"


class Kind(Enum):
    """What the caller asks for, as far as it changes where a key may stand."""

    PLAIN = "plain"
    EVENT_STREAM = "event_stream"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Target:
    """A request target in origin-form: `raw` and `path` are exactly what was received.

    `has_slash`: an encoded slash stands in the path, and only a route that allows it may be granted.
    Its repr leaves out what may hold a key: the query.
    """

    raw: bytes = field(repr=False)
    path: str
    query: bytes = field(repr=False)
    readings: tuple[tuple[str, ...], ...]
    has_slash: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments as received: `/a/` has the segments `a` and the empty one."""
        return tuple(self.path[1:].split("/"))


@dataclass(frozen=True, slots=True)
class RequestView:
    """All that a decision may look at. `peer` is the caller's address in text form.

    `called`: the names by which the gateway was called, `Host` and what trusted proxies say that it was.
    Its repr leaves out what may hold a key: the headers and the query.
    """

    method: str
    target: Target
    headers: Headers = field(repr=False)
    peer: str
    kind: Kind = Kind.PLAIN
    called: tuple[bytes, ...] = ()


WHOLE_SERVER: Final = Target(b"*", "*", b"", ())
"""The target of `OPTIONS *`: the server itself (RFC 9110 §9.3.7). No upstream ever sees it."""


class _AmbiguousError(ValueError):
    """Carries the broken rule out of the reading functions; never leaves this module."""


def ambiguous(rule: str) -> Deny:
    """The refusal of a target that two servers could read in two ways."""
    return Deny(Reason.TARGET_AMBIGUOUS, {"rule": rule})


def read_target(raw: bytes, *, slashes: bool = False) -> Target | Deny:
    """Accept a target, or say which rule it breaks. Accepting it twice gives the same value.

    `slashes`: an encoded slash is no reason to refuse it; the routes will judge that (`has_slash`).
    """
    raw_path, _, query = raw.partition(b"?")
    if not raw_path.startswith(b"/"):
        return ambiguous("the target must begin with '/' (origin-form)")
    if b"#" in raw:
        return ambiguous("a target has no fragment ('#')")
    if query and _QUERY.fullmatch(query) is None:
        return ambiguous("the query holds a character that must be percent-encoded")
    is_known = may_be_kept(raw_path)
    read = _read_known_path(raw_path) if is_known else _read_path(raw_path, slashes=slashes)
    return read if isinstance(read, Deny) else Target(raw, read[0], query, *read[1:])


def may_be_kept(path: bytes) -> bool:
    """Whether a path may be remembered: it is short, plain, and holds nothing in the form of a key."""
    return len(path) <= _PATH_BYTES_KEPT_MAX and b"%" not in path and _LIKE_A_KEY.search(path) is None


def _read_path(raw_path: bytes, *, slashes: bool = False) -> tuple[str, Readings, bool] | Deny:
    if _PATH.fullmatch(raw_path) is None:
        return ambiguous("the path holds a character that must be percent-encoded")
    path = raw_path.decode("ascii")
    try:
        if slashes and _SLASH.search(path):
            return path, _readings_with_slashes(path), True
        return path, _readings(path), False
    except _AmbiguousError as broken:
        return ambiguous(str(broken))


_read_known_path: Final = lru_cache(_PATHS_KEPT_MAX)(_read_path)
"""Callers ask for the same few paths; reading one anew costs 17 µs, knowing it 1 µs."""


def fold(path: str) -> tuple[str, ...]:
    """One decoded path in its most forgiving reading, as segments: what a lenient upstream may see."""
    text = path.lower() if path.isascii() else _caseless(path)
    segments = text[1:].split("/")
    folded = [segment.rstrip(". ").lstrip(" ") for segment in segments]
    if folded[-1] == "":
        folded.pop()
    return tuple(folded)


def decode_once(path: str) -> str:
    """Percent-decode every well-formed triplet; raises `_AmbiguousError` if the result is not UTF-8."""
    encoded = path.encode("utf-8")
    decoded = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode("ascii")), encoded)
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise _AmbiguousError("the percent-encoding is not UTF-8") from None


def _caseless(text: str) -> str:
    """By way of capitals, as `ı` has no other way to `i`; `İ` is one letter, as Go and Java lower it."""
    lower = _normal(_normal(text).upper().lower())
    return lower.replace("i\u0307", "i")


def _normal(text: str) -> str:
    """NFKC without invisible characters, which some file systems ignore in names (CVE-2014-9390)."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", "".join(c for c in text if unicodedata.category(c) != "Cf"))


def _readings_with_slashes(path: str) -> Readings:
    """Those of an upstream that decodes before it splits, and of one that splits before it decodes.

    Whatever the first would not let stand is refused as if the slashes had come plain: dot segments, empty
    ones, and a slash that is encoded twice over, of which a decoding by the second would make another path.
    """
    split_late, split_early = _SLASH.sub("/", path), _SLASH.sub(_WITHIN, path)
    return tuple(dict.fromkeys((*_readings(split_late), *_readings(split_early))))


def _readings(path: str) -> Readings:
    if _BAD_TRIPLET.search(path):
        raise _AmbiguousError("'%' must be followed by two hexadecimal digits")
    found: dict[tuple[str, ...], None] = {}
    for text in _decodings(path):
        for form in dict.fromkeys((text, _normal(text))):
            for cut in _cuts(form):
                for variant in dict.fromkeys((cut, _without_parameters(cut))):
                    _check_segments(variant)
                    found[fold(variant)] = None
    return tuple(found)


def _decodings(path: str) -> list[str]:
    """The path decoded once, twice … until nothing changes. Undecoded bytes are judged by the routes."""
    slashes = path.count("/")
    texts = [decode_once(path)]
    while _TRIPLET.search(texts[-1]):
        if len(texts) == _DECODINGS_MAX:
            raise _AmbiguousError("the path is percent-encoded too many times over")
        texts.append(decode_once(texts[-1]))
    for text in texts:
        _check_characters(text, _normal(text), slashes)
    return texts


def _check_characters(text: str, normal: str, slashes: int) -> None:
    if normal.count("/") != slashes:
        raise _AmbiguousError(ENCODED_SLASH)
    if "\\" in normal:
        raise _AmbiguousError("a backslash has two readings")
    if _CONTROL.search(text):
        raise _AmbiguousError("control characters have no place in a path")
    if normal is not text and _TRIPLET.findall(normal) != _TRIPLET.findall(text):
        raise _AmbiguousError("a look-alike of '%' or of a digit after it has two readings")


def _cuts(text: str) -> list[str]:
    """An upstream that decodes before it splits sees the path end at a decoded `?` or `#`."""
    cut = re.split(r"[?#]", text, maxsplit=1)[0]
    return [text] if cut == text else [text, cut]


def _without_parameters(text: str) -> str:
    if ";" not in text:
        return text
    return "/".join(segment.partition(";")[0] for segment in text.split("/"))


def _check_segments(text: str) -> None:
    *inner, last = _normal(text)[1:].split("/")
    for segment in inner:
        if segment == "":
            raise _AmbiguousError("an empty segment ('//') has two readings")
    for segment in (*inner, last):
        if segment and not segment.strip(". "):
            raise _AmbiguousError("dot segments ('.', '..') have two readings")
