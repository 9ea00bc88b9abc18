"""What answers say to browsers about pages of other origins. Which pages those are says `core.cors`.

1. Where a route answers CORS, what the upstream says of it (`Access-Control-*`) is replaced whole, so that
   there are never two words on it; and every answer varies by `Origin`, or a cache would mix them up.
2. Every answer has the fields, refusals above all: a page that may not read a refusal learns nothing of the
   reason, and its author looks for the fault in the wrong place. Refusals that no route was found for answer
   the origins that any route answers. They say nothing that `curl` could not read.
3. An origin that is not answered gets none of them. Nobody gets two.
4. Any origin (`*`) is answered without credentials. One that is listed by name is answered with them: it may
   ask for what its user's browser sends by itself, which sticky cookies need, and SignalR's client asks for.
5. Pages of the public web may call a private network only from an origin that is listed by name.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.core.cors import Cors
from gateway.core.credentials import KEY_HEADERS
from gateway.core.decision import Decision
from gateway.core.preflight import REQUEST_METHOD, only
from gateway.core.refusal import Deny
from gateway.core.request import Headers
from gateway.core.routes import Own, RouteTable
from gateway.wire.headers import tokens

MAX_AGE_S: Final = 600
ASKED_MAX: Final = 64

_OURS: Final = b"access-control-"
_EXPOSED: Final = (
    *(b"x-keyhatch-reason", b"x-keyhatch-key-expires", b"x-request-id"),
    *(b"retry-after", b"www-authenticate"),
)
_ALLOWED: Final = (b"authorization", *sorted(name for name in KEY_HEADERS if name != b"authorization"))
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]{1,64}")
_ANY: Final = b"*"
_VARY: Final = (b"vary", b"Origin")
_VARY_MORE: Final = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")


@dataclass(frozen=True, slots=True)
class Share:
    """Whom an answer may be shared with: an origin, `*` for any, nothing for one that is not answered."""

    origin: bytes

    def fields(self, named: tuple[bytes, ...] = ()) -> Headers:
        """The fields of an answer; `named` are those it has besides, which the page may read."""
        if not self.origin:
            return (_VARY,)
        exposed = dict.fromkeys((_ANY, *_EXPOSED) if self.origin == _ANY else (*_EXPOSED, *named))
        return (_VARY, *self._who(), (b"access-control-expose-headers", b", ".join(exposed)))

    def on_answer(self, fields: Headers) -> Headers:
        """An upstream's fields with ours in the place of its own (rule 1)."""
        kept = tuple(field for field in fields if not field[0].startswith(_OURS))
        ours = self.fields(tuple(name for name, _ in kept if name != b"set-cookie"))
        return (*kept, *(ours[1:] if b"origin" in tokens(kept, b"vary") else ours))

    def on_preflight(self, asked: Headers) -> Headers:
        """The fields of the answer to a preflight."""
        if not self.origin:
            return (_VARY_MORE,)
        names = tokens(asked, b"access-control-request-headers")[:ASKED_MAX]
        allowed = dict.fromkeys((*_ALLOWED, b"content-type", *filter(_TOKEN.fullmatch, names)))
        fields = (
            _VARY_MORE,
            *self._who(),
            (b"access-control-allow-methods", only(asked, REQUEST_METHOD) or b""),
            (b"access-control-allow-headers", b", ".join(allowed)),
            (b"access-control-max-age", str(MAX_AGE_S).encode("ascii")),
        )
        is_private = only(asked, b"access-control-request-private-network") == b"true"
        if self.origin == _ANY or not is_private:
            return fields
        return (*fields, (b"access-control-allow-private-network", b"true"))

    def _who(self) -> Headers:
        allowed = (b"access-control-allow-origin", self.origin)
        return (
            (allowed,) if self.origin == _ANY else (allowed, (b"access-control-allow-credentials", b"true"))
        )


def share_of(headers: Headers, decision: Decision | None, table: RouteTable) -> Share | None:
    """Whom the answer to a request is shared with; None where nobody answers CORS.

    Without a decision, or where it found no route, what any route answers counts (rule 2).
    """
    if table.cors is None:
        return None
    if isinstance(decision, Deny):
        route = table.by_id.get(decision.route_id or "")
    else:
        route = None if decision is None else decision.route
    cors = table.cors if route is None else table.cors_of(route)
    return None if cors is None else _with(cors, headers)


def own_fields(headers: Headers, decision: Decision | None, share: Share | None) -> Headers:
    """What an answer of the gateway's own says of it."""
    if share is None:
        return ()
    if decision is not None and not isinstance(decision, Deny) and decision.route.own is Own.PREFLIGHT:
        return share.on_preflight(headers)
    return share.fields()


def _with(cors: Cors, headers: Headers) -> Share:
    origin = only(headers, b"origin")
    if origin is not None and origin.decode("latin-1") in cors.origins:
        return Share(origin)
    return Share(_ANY if origin is not None and cors.any_origin else b"")
