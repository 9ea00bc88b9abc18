"""Credentials: every place a key may stand, which of them are ours, and what must not be passed on.

A text is ours if, after forgiving what people paste around a key (blanks, quotes, a doubled `Bearer`), it
carries our prefix, or its digest is among those of imported secrets (`core.ours`). Rules:

1. Accepted places: `Authorization` (Bearer, Basic user or password, or the key alone), `X-API-Key`,
   `api-key`, `xi-api-key`, `x-goog-api-key`; on WebSocket and event-stream requests also
   `?access_token=`, `?api_key=` and the subprotocol `openai-insecure-api-key.<KEY>`, because browsers
   cannot set headers there.
2. Exactly one of ours is judged. The same key in two places is one; two different ones are ambiguous.
3. Whatever is not ours stays where it is, so an upstream's own `Authorization` survives beside our key.
   A signed address (`core.signed_url`) is a credential of its own, beside which no key may stand.
4. What is ours is stripped wherever it stands: accepted places, and also a query parameter, a cookie, a
   subprotocol or any header that carries a well-formed key amid other text, percent-encoded or within
   Basic. No upstream and no upstream's log sees one.
5. No byte of a path is ever changed, so a request with a well-formed key in its path is refused (`in_path`).
   One at the very beginning is cut instead (`core.path_key`).
   Rules 4 and 5 know a key amid other text by its form. An imported secret has none: it is found, judged
   and stripped where it stands as a whole in an accepted place, and nowhere else. Whole is also: behind a
   scheme or within Basic in any header of rule 1 (with a colon within it as well, as user, as user and
   password), percent-encoded once more than the place wants, and behind that subprotocol's words in
   quotes or capitals. Encoded twice, cut, amid other text, or in another place, it passes like any text.
6. Only the digest leaves this room.
7. While nobody knows what was imported, whatever might be is `doubtful`, and the request may not pass.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.amid import keys_amid, mark_of
from gateway.core.keys import Shape, digest_of, secret_length, shape_of
from gateway.core.ours import Ours, could_be_imported
from gateway.core.providers import looks_like
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, Kind, RequestView
from gateway.core.signed_url import Signed, holds_signature, read_group

_PLACES: Final = {
    b"x-api-key": "X-API-Key",
    b"api-key": "api-key",
    b"xi-api-key": "xi-api-key",
    b"x-goog-api-key": "x-goog-api-key",
}
KEY_HEADERS: Final = frozenset(_PLACES)
_CREDENTIALS: Final = KEY_HEADERS | {b"authorization"}
_SHOWING: Final = _CREDENTIALS | {b"sec-websocket-protocol"}
_QUERY_PLACES: Final = {b"access_token": "?access_token=", b"api_key": "?api_key="}
SUBPROTOCOL_PREFIX: Final = "openai-insecure-api-key."

_SCHEMES: Final = frozenset({"bearer", "token", "apikey", "api-key", "key"})
_AROUND: Final = " \t\r\n\u00a0\udca0\u200b\ufeff\"'`“”‘’«»<>,;"  # U+DCA0: a no-break space in Latin-1
_BEFORE: Final = re.compile(rf"(?:[{_AROUND}]|bearer[\s:]+)*", re.IGNORECASE)
_TO_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Strip:
    """What to take out before forwarding: header index → new value (None drops it), and the new query.

    `path` is what is left of a path that a key led. `in_address`: the credential stood in the address.
    """

    headers: Mapping[int, bytes | None] = field(default_factory=dict, repr=False)
    query: bytes | None = field(default=None, repr=False)
    path: bytes | None = None
    in_address: bool = False

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
    """One credential as it was shown: in which place, the forgiven text, and whether the place counts.

    `imported` is the digest of an imported secret.
    """

    place: str
    text: str
    accepted: bool = True
    imported: bytes | None = None

    def __repr__(self) -> str:
        return f"Shown({self.place})"


@dataclass(frozen=True, slots=True)
class Findings:
    """All credentials of one request, and what forwarding must leave out.

    `is_signed`: parameters of a signed address are there (`core.signed_url`), and `signed` is what they say,
    None if that is nothing.
    """

    ours: tuple[Shown, ...]
    foreign: tuple[Shown, ...]
    strip: Strip
    in_path: bool = False
    kind: Kind = Kind.PLAIN
    doubtful: bool = False
    is_signed: bool = False
    signed: Signed | None = None


class _Scan:
    """Collects what one pass over a request finds."""

    def __init__(self, ours: Ours, kind: Kind) -> None:
        self.all_ours = ours
        self.prefix = prefix = ours.prefix
        self.begins = prefix + "_"
        self.kind = kind
        self.mark = mark_of(prefix)
        self.ours: list[Shown] = []
        self.foreign: list[Shown] = []
        self.doubtful = False

    def note(self, place: str, text: str, *, accepted: bool = True) -> bool:
        """File one text under ours or foreign; True if it is ours and has to go."""
        if not text.startswith(self.begins):
            text = forgive(text)
        if text.startswith(self.begins):
            text = text.rstrip(_AROUND)
            self.ours.append(Shown(place, text, accepted))
            return True
        if self.all_ours.asks and self.note_imported(place, text, accepted=accepted):
            return True
        if text and accepted:
            self.foreign.append(Shown(place, text))
        return False

    def note_imported(self, place: str, text: str, *, accepted: bool = True) -> bool:
        """File a text that is an imported secret under ours; it is doubtful while nobody knows those."""
        if self.all_ours.imported is None:
            self.doubtful = self.doubtful or could_be_imported(text)
            return False
        digest = self.all_ours.imported_digest(text)
        if digest is not None:
            self.ours.append(Shown(place, text, accepted, digest))
        return digest is not None

    def keys_in(self, value: bytes) -> list[str]:
        """The well-formed keys that stand anywhere in the value, percent-encoded or not."""
        return keys_amid(value, self.prefix)

    def hides_ours(self, value: bytes) -> bool:
        """Whether a well-formed key or the signature of an address stands anywhere in the value."""
        return bool(self.keys_in(value)) or holds_signature(value, self.prefix)


def find(view: RequestView, ours: Ours, led_by: str | None = None) -> Findings:
    """One pass over headers and query. It judges nothing; `choose` does.

    `led_by` is the key that led the path; the view's target is what it led to.
    """
    scan = _Scan(ours, view.kind)
    if led_by is not None:
        scan.ours.append(Shown("the path", led_by))
    changed: dict[int, bytes | None] = {}
    for index, (name, value) in enumerate(view.headers):
        if name in _SHOWING or scan.mark in value or b"%" in value:
            left = _left_of_header(scan, name, value)
            if left != value:
                changed[index] = left
    query = view.target.query
    group = None
    if query:
        if b"%" in query or scan.mark in query.lower():
            group = read_group(view.target.path, query, scan.prefix)
        query = _left_of_query(scan, query if group is None else group.rest)
    if changed or query != view.target.query or led_by is not None:
        path = None if led_by is None else view.target.path.encode("ascii")
        in_address = led_by is not None or group is not None
        strip = Strip(changed, None if query == view.target.query else query, path, in_address)
    else:
        strip = NOTHING_TO_STRIP
    raw = view.target.raw
    in_path = (scan.mark in raw or b"%" in raw) and bool(scan.keys_in(raw.partition(b"?")[0]))
    signed = None if group is None else group.signed
    is_signed, ours_shown, foreign = group is not None, tuple(scan.ours), tuple(scan.foreign)
    return Findings(ours_shown, foreign, strip, in_path, view.kind, scan.doubtful, is_signed, signed)


def may_show(raw_target: bytes, prefix: str) -> bool:
    """Whether a target could hold a credential, ours or not; if not, `find` is certain to see none there.

    An imported secret is looked for in the parameters of an accepted name alone, and those are seen here.
    """
    if b"%" in raw_target or mark_of(prefix) in raw_target.lower():
        return True
    return any(place in raw_target for place in _QUERY_PLACES)


def choose(findings: Findings, prefix: str) -> bytes | Deny:
    """The digest of the one key to be judged, or why there is none (rule 2)."""
    ours = findings.ours
    if not ours:
        return _without_ours(findings)
    if len(ours) > 1 and len({shown.text for shown in ours}) > 1:
        places = " and ".join(dict.fromkeys(shown.place for shown in ours))
        return Deny(Reason.CREDENTIAL_AMBIGUOUS, {"places": places})
    accepted = [shown for shown in ours if shown.accepted]
    if not accepted:
        return Deny(Reason.CREDENTIAL_MISSING, {"stray": ours[0].place})
    text = accepted[0].text
    if accepted[0].imported is not None:
        return accepted[0].imported
    shape = shape_of(text, prefix)
    if shape is not Shape.WELL_FORMED:
        expected = str(secret_length(prefix))
        facts = {"problem": shape.value, "length": str(len(text)), "expected": expected}
        return Deny(Reason.CREDENTIAL_MALFORMED, facts)
    return digest_of(text)


def forgive(text: str) -> str:
    """Take off what people paste around a key: blanks, quotes, brackets, one `Bearer` too many."""
    return _BEFORE.sub("", text, count=1).rstrip(_AROUND)


def authorization_texts(value: bytes) -> Iterator[str]:
    """The texts in an `Authorization` value that might be a key: both halves of Basic, else the rest."""
    text = _text(value)
    scheme, rest = (*text.split(maxsplit=1), "", "")[:2]
    name = scheme.lower().rstrip(":")
    if name == "basic":
        user, _, password = _basic(rest).partition(":")
        yield from (part for part in (password, user) if part)
    elif name in _SCHEMES:
        yield rest
    else:
        yield text


def _basic(encoded: str) -> str:
    """What the most lenient reader sees in it: either alphabet, no padding, strange characters left out."""
    padded = encoded.translate(_TO_STANDARD_ALPHABET).rstrip("=") + "=="
    try:
        return _text(base64.b64decode(padded))
    except ValueError:
        return ""


def _without_ours(findings: Findings) -> Deny:
    if not findings.foreign:
        is_websocket = findings.kind is Kind.WEBSOCKET  # a browser cannot set headers there
        return Deny(Reason.CREDENTIAL_MISSING, {"also": "?access_token="} if is_websocket else {})
    shown = findings.foreign[0]
    return Deny(Reason.CREDENTIAL_FOREIGN, {"place": shown.place, "looks_like": looks_like(shown.text)})


def _left_of_header(scan: _Scan, name: bytes, value: bytes) -> bytes | None:
    """What may be forwarded of one header: all of it, a part, or None."""
    if scan.all_ours.asks and name in _CREDENTIALS and _is_imported_in_disguise(scan, name, value):
        return None
    if name == b"authorization":
        return _left_of_credential(scan, "Authorization", value, tuple(authorization_texts(value)))
    if name in _PLACES:
        return _left_of_credential(scan, _PLACES[name], value, (_text(value),))
    if name == b"sec-websocket-protocol":
        return _left_of_list(scan, value, b",", lambda part: _is_key_protocol(scan, part))
    if name == b"cookie":
        return _left_of_list(scan, value, b";", lambda _: False)
    return None if scan.hides_ours(value) else value


def _is_imported_in_disguise(scan: _Scan, name: bytes, value: bytes) -> bool:
    """Whether an imported secret stands in a credential's header in a way that `note` would not read."""
    place = _PLACES.get(name, "Authorization")
    noted = [scan.note_imported(place, text) for text in set(_disguised(name, value))]
    return any(noted)


def _disguised(name: bytes, value: bytes) -> Iterator[str]:
    """What else a header may say: a pair of Basic whole or as the user, what a scheme or a `%` hides."""
    text = _text(value)
    scheme, rest = (*text.split(maxsplit=1), "", "")[:2]
    if scheme.lower().rstrip(":") == "basic":
        pair = _basic(rest)
        user, _, _ = pair.rpartition(":")
        yield pair
        if ":" in user:
            yield user
    for each in authorization_texts(value):
        if "%" in each:
            yield forgive(_text(unquote_to_bytes(_raw(each))))
        if name in KEY_HEADERS and each != text:
            yield forgive(each)


def _left_of_credential(scan: _Scan, place: str, value: bytes, texts: tuple[str, ...]) -> bytes | None:
    ours = [scan.note(place, text) for text in texts]
    if any(ours):
        return None
    amid = any(scan.hides_ours(part) for part in {value, *map(_raw, texts)})
    return None if amid else value


def _left_of_list(scan: _Scan, value: bytes, separator: bytes, goes: Callable[[bytes], bool]) -> bytes | None:
    """A list without the parts that hold a key or otherwise go.

    Most hold none, and one look says so: to look at each of 15,000 parts costs 27 ms.
    """
    parts, hides = value.split(separator), scan.hides_ours(value)
    kept = [part for part in parts if not (goes(part) or (hides and scan.hides_ours(part)))]
    if len(kept) == len(parts):
        return value
    return separator.join(kept).strip(b" \t") or None


def _is_key_protocol(scan: _Scan, part: bytes) -> bool:
    protocol = _text(part).strip()
    text = protocol.removeprefix(SUBPROTOCOL_PREFIX)
    accepted = scan.kind is Kind.WEBSOCKET
    if text != protocol:
        return scan.note("Sec-WebSocket-Protocol", text, accepted=accepted)
    if not scan.all_ours.asks:
        return False
    bare = forgive(protocol)
    begins, text = bare[: len(SUBPROTOCOL_PREFIX)], forgive(bare[len(SUBPROTOCOL_PREFIX) :])
    return begins.lower() == SUBPROTOCOL_PREFIX and scan.note_imported(
        "Sec-WebSocket-Protocol", text, accepted=accepted
    )


def _left_of_query(scan: _Scan, query: bytes) -> bytes:
    hides = scan.hides_ours(query)
    return b"&".join(part for part in query.split(b"&") if not _is_key_parameter(scan, part, hides=hides))


def _is_key_parameter(scan: _Scan, part: bytes, *, hides: bool) -> bool:
    raw_name, _, raw_value = part.partition(b"=")
    if b"%" in raw_name:
        raw_name = unquote_to_bytes(raw_name)
    place = _QUERY_PLACES.get(raw_name)
    if place is not None:
        accepted = scan.kind is not Kind.PLAIN
        if scan.all_ours.asks and _is_imported_parameter(scan, place, raw_value, accepted=accepted):
            return True
        text = _text(unquote_to_bytes(raw_value.replace(b"+", b" ")))
        if scan.note(place, text, accepted=accepted):
            return True
    if not hides or (scan.mark not in part and b"%" not in part):
        return False
    strays = scan.keys_in(part)
    scan.ours.extend(Shown("the query", stray, accepted=False) for stray in strays)
    return bool(strays) or holds_signature(part, scan.prefix)


def _is_imported_parameter(scan: _Scan, place: str, raw_value: bytes, *, accepted: bool) -> bool:
    """Whether an imported secret was put into the query as it is, with its `+`, or encoded twice."""
    texts = set()
    for spelled in {raw_value, raw_value.replace(b"+", b" ")}:
        once = unquote_to_bytes(spelled)
        texts |= {_text(once), forgive(_text(unquote_to_bytes(once)))}
    noted = [scan.note_imported(place, text, accepted=accepted) for text in texts]
    return any(noted)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
