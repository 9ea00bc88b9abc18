"""Injection: the credential that the gateway holds for an upstream, put in the place of the caller's own.

An `Injection` belongs to an upstream. What it does to one request is a `Lent`, and it is worked out once for
each plan, never for each request. Rules:

1. Whatever of the caller's could be a credential of that upstream's is left out before ours is added:
   `Authorization`, every header of `PLACES` in any spelling, the header that ours stands in, the query
   parameters of `PARAMETERS` in any case and percent-encoded or not, and the subprotocol that carries a key.
   Nobody chooses by a credential of their own whose account is used.
2. Cookies go too where the upstream is a provider's (`keeps_cookies` is false): they are of no use there, and
   callers that share a gateway must not share a session. Elsewhere they pass.
3. Where callers may show a credential of their own (`passes_callers`), one that does is passed on untouched
   and nothing is added. The key of this gateway was judged and taken out before, so it never counts as one.
4. Where there is nothing to inject (the vault is locked, the credential is missing), the request is not sent
   on without: that is `Lent.fault`. It is met after the caller was let in, so no stranger learns of it.

No value of a credential is ever part of a `repr`. Loaded where an upstream asks for one.
"""

from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.credentials import KEY_HEADERS, SUBPROTOCOL_PREFIX, Strip, authorization_texts, forgive
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, RequestView
from gateway.wire.headers import reads_as

PLACES: Final = KEY_HEADERS | {b"authorization", b"ocp-apim-subscription-key"}
"""The headers in which providers look for a credential."""

PARAMETERS: Final = frozenset(
    {b"access_token", b"api-key", b"api_key", b"apikey", b"key", b"subscription-key", b"xi-api-key"}
)
"""The query parameters in which providers look for one. `token` is none: it names one file or session."""

_PROTOCOLS: Final = b"sec-websocket-protocol"
_KEY_PROTOCOL: Final = SUBPROTOCOL_PREFIX.encode("ascii")


@dataclass(frozen=True, slots=True)
class Injection:
    """What is put into each request to an upstream. `fields` empty: there is nothing that could be."""

    fields: Headers = field(repr=False)
    passes_callers: bool = False
    keeps_cookies: bool = True


@dataclass(frozen=True, slots=True)
class Lent:
    """What an injection comes to for one request: what to leave out, and the fields to add.

    `fault`: it must not be sent on. `is_ours`: the upstream's answer judges our credential, not the caller's.
    """

    strip: Strip
    fields: Headers = field(default=(), repr=False)
    fault: Deny | None = None

    @property
    def is_ours(self) -> bool:
        """Whether ours was put in."""
        return bool(self.fields)


def injected(value: str, place: str) -> Headers:
    """The header fields that carry a credential: as `bearer`, as `basic` (user:password), or in a header."""
    if place == "bearer":
        return ((b"authorization", b"Bearer " + value.encode("ascii")),)
    if place == "basic":
        return ((b"authorization", b"Basic " + b64encode(value.encode("ascii"))),)
    return ((place.encode("ascii"), value.encode("ascii")),)


def lend(view: RequestView, strip: Strip, injection: Injection) -> Lent:
    """What is left out of a request beside `strip`, and what is added (rules 1 to 4)."""
    own = frozenset(name for name, _ in injection.fields)
    query = view.target.query if strip.query is None else strip.query
    if injection.passes_callers and _shows_own(strip.apply(view.headers), query, own):
        return Lent(_without_cookies(view.headers, strip, injection))
    if not injection.fields:
        return Lent(strip, fault=Deny(Reason.UPSTREAM_CREDENTIAL_INVALID, {"problem": "locked"}))
    without = _without_cookies(view.headers, _without_own(view.headers, strip, own, query), injection)
    return Lent(without, injection.fields)


def _shows_own(headers: Headers, query: bytes, own: frozenset[bytes]) -> bool:
    """Whether a caller shows a credential that is not ours: more than an empty field."""
    for name, value in headers:
        read_as = reads_as(name)
        if read_as == b"authorization":
            if any(map(forgive, authorization_texts(value))):
                return True
        elif read_as in PLACES or read_as in own:
            if forgive(value.decode("utf-8", "surrogateescape")):
                return True
        elif read_as == _PROTOCOLS and _without_key(value) != value:
            return True
    return any(_is_key(part) and part.partition(b"=")[2] for part in query.split(b"&"))


def _without_own(headers: Headers, strip: Strip, own: frozenset[bytes], query: bytes) -> Strip:
    gone: dict[int, bytes | None] = dict(strip.headers)
    for index, (name, value) in enumerate(headers):
        read_as = reads_as(name)
        if read_as in PLACES or read_as in own:
            gone[index] = None
        elif read_as == _PROTOCOLS:
            left = gone.get(index, value)
            gone[index] = None if left is None else _without_key(left)
    parts = query.split(b"&")
    kept = b"&".join(part for part in parts if not _is_key(part))
    return replace(strip, headers=gone, query=strip.query if kept == query else kept)


def _without_cookies(headers: Headers, strip: Strip, injection: Injection) -> Strip:
    if injection.keeps_cookies:
        return strip
    cookies = {index: None for index, (name, _) in enumerate(headers) if reads_as(name) == b"cookie"}
    return replace(strip, headers={**strip.headers, **cookies})


def _without_key(protocols: bytes) -> bytes | None:
    """The subprotocols on offer, less those that carry a key; None if none is left."""
    offered = protocols.split(b",")
    kept = [each for each in offered if not each.strip(b" \t\"'").lower().startswith(_KEY_PROTOCOL)]
    if len(kept) == len(offered):
        return protocols
    return b",".join(kept).strip(b" \t") or None


def _is_key(parameter: bytes) -> bool:
    """Whether it is one, or holds one for a server that splits at `;` too."""
    names = (each.partition(b"=")[0] for each in parameter.split(b";"))
    return any(unquote_to_bytes(name).strip().lower() in PARAMETERS for name in names)
