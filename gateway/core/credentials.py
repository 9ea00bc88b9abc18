"""Credentials: every place a key may stand, which of them are ours, and what must not be passed on.

A text is ours if, after forgiving what people paste around a key (blanks, quotes, a doubled `Bearer`), it
carries our prefix. Rules:

1. Accepted places: `Authorization` (Bearer, Basic user or password, or the key alone), `X-API-Key`,
   `api-key`, `xi-api-key`, `x-goog-api-key`; on WebSocket and event-stream requests also
   `?access_token=`, `?api_key=` and the subprotocol `openai-insecure-api-key.<KEY>`, because browsers
   cannot set headers there.
2. Exactly one of ours is judged. The same key in two places is one; two different ones are ambiguous.
3. Whatever is not ours stays where it is, so an upstream's own `Authorization` survives beside our key.
4. What is ours is stripped wherever it stands: accepted places, and also a query parameter, a cookie or
   any other header that happens to carry a well-formed key. No upstream and no upstream's log sees one.
5. Only the digest leaves this room.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.keys import BODY_CHARS, CHECKSUM_CHARS, Shape, digest_of, secret_length, shape_of
from gateway.core.providers import looks_like
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind, RequestView

KEY_HEADERS: Final = frozenset({b"x-api-key", b"api-key", b"xi-api-key", b"x-goog-api-key"})
QUERY_NAMES: Final = frozenset({"access_token", "api_key"})
SUBPROTOCOL_PREFIX: Final = "openai-insecure-api-key."

_SCHEMES: Final = frozenset({"bearer", "token", "apikey", "api-key", "key"})
_AROUND: Final = " \t\r\n\u00a0\u200b\ufeff\"'`“”‘’«»<>,;"
_DOUBLED: Final = re.compile(r"bearer[\s:]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Strip:
    """What to take out before forwarding: header index → new value (None drops it), and the new query."""

    headers: Mapping[int, bytes | None] = field(default_factory=dict)
    query: bytes | None = None

    def apply(self, headers: Headers) -> Headers:
        """The headers without any credential of ours, order kept."""
        if not self.headers:
            return headers
        kept = []
        for index, (name, value) in enumerate(headers):
            new = self.headers.get(index, value)
            if new is not None:
                kept.append((name, new))
        return tuple(kept)


NOTHING_TO_STRIP: Final = Strip()


@dataclass(frozen=True, slots=True)
class Shown:
    """One credential as it was shown: in which place, the forgiven text, and whether the place counts."""

    place: str
    text: str
    accepted: bool = True

    def __repr__(self) -> str:
        return f"Shown({self.place})"


@dataclass(frozen=True, slots=True)
class Findings:
    """All credentials of one request, and what forwarding must leave out."""

    ours: tuple[Shown, ...]
    foreign: tuple[Shown, ...]
    strip: Strip


class _Scan:
    """Collects what one pass over a request finds."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix + "_"
        self.anywhere = _anywhere(prefix)
        self.ours: list[Shown] = []
        self.foreign: list[Shown] = []
        self.changed: dict[int, bytes | None] = {}

    def note(self, place: str, text: str, *, accepted: bool = True) -> bool:
        """File one text under ours or foreign; True if it is ours and has to go."""
        text = forgive(text)
        if text.startswith(self.prefix):
            self.ours.append(Shown(place, text, accepted))
            return True
        if text and accepted:
            self.foreign.append(Shown(place, text))
        return False

    def note_all(self, place: str, texts: Iterable[str]) -> bool:
        """File every text of one place; True if any of them is ours."""
        return sum(self.note(place, text) for text in texts) > 0

    def keys_in(self, value: bytes) -> list[str]:
        """The texts in key form that stand anywhere in the value, percent-encoded or not."""
        found = self.anywhere.findall(value)
        if not found and b"%" in value:
            found = self.anywhere.findall(unquote_to_bytes(value))
        return [text.decode("ascii") for text in found]


def find(view: RequestView, prefix: str) -> Findings:
    """One pass over headers and query. It judges nothing; `choose` does."""
    scan = _Scan(prefix)
    for index, (name, value) in enumerate(view.headers):
        if name == b"authorization":
            if scan.note_all("Authorization", authorization_texts(value)):
                scan.changed[index] = None
        elif name in KEY_HEADERS:
            if scan.note(_PLACES[name], _text(value)):
                scan.changed[index] = None
        elif name == b"sec-websocket-protocol":
            _scan_subprotocols(scan, index, value, accepted=view.kind is Kind.WEBSOCKET)
        elif name == b"cookie":
            _scan_cookie(scan, index, value)
        elif scan.keys_in(value):
            scan.changed[index] = None
    query = _scan_query(scan, view.target.query, accepted=view.kind is not Kind.PLAIN)
    strip = Strip(scan.changed, query) if scan.changed or query is not None else NOTHING_TO_STRIP
    return Findings(tuple(scan.ours), tuple(scan.foreign), strip)


def choose(findings: Findings, prefix: str) -> bytes | Deny:
    """The digest of the one key to be judged, or why there is none (rule 2)."""
    ours = findings.ours
    if not ours:
        return _without_ours(findings)
    if len({shown.text for shown in ours}) > 1:
        places = " and ".join(dict.fromkeys(shown.place for shown in ours))
        return Deny(Reason.CREDENTIAL_AMBIGUOUS, {"places": places})
    accepted = [shown for shown in ours if shown.accepted]
    if not accepted:
        return Deny(Reason.CREDENTIAL_MISSING, {"stray": ours[0].place})
    text = accepted[0].text
    shape = shape_of(text, prefix)
    if shape is not Shape.WELL_FORMED:
        expected = str(secret_length(prefix))
        facts = {"problem": shape.value, "length": str(len(text)), "expected": expected}
        return Deny(Reason.CREDENTIAL_MALFORMED, facts)
    return digest_of(text)


def forgive(text: str) -> str:
    """Take off what people paste around a key: blanks, quotes, brackets, one `Bearer` too many."""
    while True:
        trimmed = text.strip(_AROUND)
        doubled = _DOUBLED.match(trimmed)
        if doubled is None:
            return trimmed
        text = trimmed[doubled.end() :]


def authorization_texts(value: bytes) -> Iterator[str]:
    """The texts in an `Authorization` value that might be a key: both halves of Basic, else the rest."""
    text = _text(value).strip()
    scheme, _, rest = text.partition(" ")
    name = scheme.lower().rstrip(":")
    if name == "basic":
        user, _, password = _basic(rest).partition(":")
        yield from (part for part in (password, user) if part)
    elif name in _SCHEMES:
        yield rest
    else:
        yield text


def _basic(encoded: str) -> str:
    try:
        return _text(base64.b64decode(encoded.strip(), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _without_ours(findings: Findings) -> Deny:
    if not findings.foreign:
        return Deny(Reason.CREDENTIAL_MISSING)
    shown = findings.foreign[0]
    return Deny(Reason.CREDENTIAL_FOREIGN, {"place": shown.place, "looks_like": looks_like(shown.text)})


def _scan_subprotocols(scan: _Scan, index: int, value: bytes, *, accepted: bool) -> None:
    kept = []
    offered = [part.strip() for part in _text(value).split(",")]
    for protocol in offered:
        _, is_key, text = protocol.partition(SUBPROTOCOL_PREFIX)
        if not (is_key and scan.note("Sec-WebSocket-Protocol", text, accepted=accepted)):
            kept.append(protocol)
    if len(kept) < len(offered):
        scan.changed[index] = ", ".join(kept).encode("utf-8", "surrogateescape") if kept else None


def _scan_cookie(scan: _Scan, index: int, value: bytes) -> None:
    if not scan.keys_in(value):
        return
    kept = [pair for pair in value.split(b";") if not scan.keys_in(pair)]
    scan.changed[index] = b";".join(kept).strip() if kept else None


def _scan_query(scan: _Scan, query: bytes, *, accepted: bool) -> bytes | None:
    """The query without our keys, or None if it may stay as it is."""
    if not query:
        return None
    kept = []
    parts = query.split(b"&")
    for part in parts:
        raw_name, _, raw_value = part.partition(b"=")
        name = _text(unquote_to_bytes(raw_name))
        text = _text(unquote_to_bytes(raw_value.replace(b"+", b" ")))
        if name in QUERY_NAMES and scan.note(f"?{name}=", text, accepted=accepted):
            continue
        strays = scan.keys_in(part)
        scan.ours.extend(Shown("the query", stray, accepted=False) for stray in strays)
        if not strays:
            kept.append(part)
    return b"&".join(kept) if len(kept) < len(parts) else None


@lru_cache(maxsize=16)
def _anywhere(prefix: str) -> re.Pattern[bytes]:
    body = BODY_CHARS + CHECKSUM_CHARS
    return re.compile(rf"(?<![0-9A-Za-z]){prefix}_[0-9A-Za-z]{{{body}}}(?![0-9A-Za-z])".encode())


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


_PLACES: Final = {
    b"x-api-key": "X-API-Key",
    b"api-key": "api-key",
    b"xi-api-key": "xi-api-key",
    b"x-goog-api-key": "x-goog-api-key",
}
