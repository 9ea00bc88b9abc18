"""The way back: what an upstream says about locations of its own, in the words of its caller.

An upstream knows itself by another address than its callers do, and perhaps by other paths. What it answers
is mapped where a caller would be led astray, and nowhere else (docs/decisions/0018):

1. `Location`, `Content-Location` and the address in `Refresh`. What names the upstream's own origin, or the
   one that it was told it is called by, becomes a path; a foreign address stays as it is.
2. Where the route moves paths (`core.prefixes`), such a path is moved back. One that no caller could reach
   by this route stays as it is, and so does one that stands under the caller's prefix already: the upstream
   was told of it (`X-Forwarded-Prefix`) and has heeded it.
3. There, a cookie's `Path` is moved back too, so that it returns to this upstream and to no other. A cookie
   of `__Host-` has no other path than `/`, by its definition.
4. Nothing becomes another site's address: what would begin with `//`, or a browser could read so, is left.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.prefixes import lies_under, moved_back
from gateway.core.request import Headers
from gateway.core.routes import Route
from gateway.wire.addressing import PRESERVE, plain_authority
from gateway.wire.headers import values
from gateway.wire.upstream import Upstream

if TYPE_CHECKING:
    from gateway.wire.cors import Share

NAMING: Final = frozenset({b"location", b"content-location", b"refresh", b"set-cookie"})
"""Fields that mean something else on another route: an answer that has one is one caller's alone."""

_LOCATION: Final = (  # compiled when it is needed: most answers name no place
    rb"(?i)(?:(?:(https?):)?//([A-Za-z0-9_.\-]+(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?))?([/?#][!-~\x80-\xff]*)?"
)
_REFRESH: Final = rb"(?i)([0-9.]+[ \t]*[;,][ \t]*url[ \t]*=[ \t]*)(['\"]?)([!-~]*?)\2"
_PATH: Final = rb"(?i)(;[ \t]*path[ \t]*=[ \t]*)([^; \t]*)"


@dataclass(frozen=True, slots=True)
class WayBack:
    """How one route's answers come back from one upstream. `told`: the prefix that it knows of.

    `share`: whom they may be shared with, where the route answers CORS (`wire.cors`).
    """

    strip: bytes
    add: bytes
    told: bytes
    origins: tuple[tuple[bytes, bytes], ...]
    share: "Share | None" = None

    def headers(self, fields: Headers) -> Headers:
        """The upstream's fields as the caller may understand them."""
        if any(name in NAMING for name, _ in fields):
            fields = tuple((name, self._value(name, value)) for name, value in fields)
        return fields if self.share is None else self.share.on_answer(fields)

    def location(self, value: bytes) -> bytes:
        """An address that the upstream names."""
        match = re.fullmatch(_LOCATION, value)
        if match is None:
            return value
        scheme, authority, rest = match.groups(b"")
        if authority and not self._is_own(scheme.lower(), authority):
            return value
        path = rest if rest.startswith(b"/") or not authority else b"/" + rest
        back = self._back(path) if path.startswith(b"/") else None
        return value if back is None or back[1:2] in (b"/", b"\\") else back

    def cookie(self, value: bytes) -> bytes:
        """A cookie that the upstream sets."""
        if not (self.strip or self.add) or value[:7].lower() == b"__host-":
            return value
        return re.sub(_PATH, lambda match: match[1] + self._cookie_path(match[2]), value)

    def _value(self, name: bytes, value: bytes) -> bytes:
        if name == b"set-cookie":
            return self.cookie(value)
        if name == b"refresh":
            match = re.fullmatch(_REFRESH, value)
            if match is None:
                return value
            return match[1] + match[2] + self.location(match[3]) + match[2]
        return self.location(value) if name in NAMING else value

    def _is_own(self, scheme: bytes, authority: bytes) -> bool:
        for own, named in self.origins:
            if scheme in (own, b"") and plain_authority(authority, own) == named:
                return True
        return False

    def _back(self, path: bytes) -> bytes | None:
        if self.told and lies_under(path, self.told):
            return path
        return moved_back(path, self.strip, self.add)

    def _cookie_path(self, path: bytes) -> bytes:
        """Rule 3. A cookie for more than what the caller can reach here is one for all of that."""
        if not path.startswith(b"/"):
            return path
        above = path.rstrip(b"/")
        if lies_under(self.add, above):
            return self.strip or b"/"
        return self._back(path) or path


def way_back(route: Route, upstream: Upstream, asked: Headers, share: "Share | None" = None) -> WayBack:
    """The way back for what was asked with these fields, the first of them `Host`."""
    scheme = upstream.scheme.encode("ascii")
    origins = [(each.scheme.encode("ascii"), each.authority.encode("ascii")) for each in upstream.targets]
    if upstream.host_policy != PRESERVE or scheme == b"http":
        origins.append((scheme, asked[0][1]))  # to be sent from http to https by one's own name is meant
    told = [
        _first(asked, name) for name in (b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix")
    ]
    if told[1]:
        origins.append((told[0].lower(), told[1]))
    return WayBack(
        route.strip_prefix.encode("ascii"),
        route.add_prefix.encode("ascii"),
        told[2] if route.strip_prefix else b"",
        tuple((scheme, plain_authority(authority, scheme)) for scheme, authority in origins),
        share,
    )


def _first(fields: Headers, name: bytes) -> bytes:
    return next(iter(values(fields, name)), b"")
