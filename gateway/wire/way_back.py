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
from gateway.wire.upstream import PREFIX, Upstream

if TYPE_CHECKING:
    from gateway.wire.cors import Share

NAMING: Final = frozenset({b"location", b"content-location", b"refresh", b"set-cookie"})
"""Fields that mean something else on another route: an answer that has one is one caller's alone."""

_LOCATION: Final = (  # compiled when it is needed: most answers name no place
    rb"(?i)(?:(?:(https?):)?//([A-Za-z0-9_.\-]+(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?))?([/?#][!-~\x80-\xff]*)?"
)
_REFRESH: Final = rb"(?i)([0-9.]+[ \t]*[;,][ \t]*url[ \t]*=[ \t]*)(['\"]?)([!-~]*?)\2"
_PATH: Final = rb"(?i)(;[ \t]*path[ \t]*=[ \t]*)([^; \t]*)"


class WayBack:
    """How answers come back by one route from one upstream, which was asked with these lines.

    `share`: whom they may be shared with, where the route answers CORS (`wire.cors`). There is one for each
    head that comes for the first time, and few answers name a location: so it is worked out only for those.
    """

    __slots__ = ("_asked", "_route", "_upstream", "share")

    def __init__(self, route: Route, upstream: Upstream, asked: bytes, share: "Share | None" = None) -> None:
        self._route = route
        self._upstream = upstream
        self._asked = asked
        self.share = share

    def headers(self, fields: Headers) -> Headers:
        """The upstream's fields as the caller may understand them."""
        if any(name in NAMING for name, _ in fields):
            known = known_by(self._route, self._upstream, self._asked)
            fields = tuple((name, known.told(name, value)) for name, value in fields)
        return fields if self.share is None else self.share.on_answer(fields)


@dataclass(frozen=True, slots=True)
class Known:
    """By which origins and paths an upstream is known. `prefix`: the one that it was told of."""

    strip: bytes
    add: bytes
    prefix: bytes
    origins: tuple[tuple[bytes, bytes], ...]

    def told(self, name: bytes, value: bytes) -> bytes:
        """A field's value as the caller is told it."""
        if name == b"set-cookie":
            return self.cookie(value)
        if name == b"refresh":
            match = re.fullmatch(_REFRESH, value)
            if match is None:
                return value
            return match[1] + match[2] + self.location(match[3]) + match[2]
        return self.location(value) if name in NAMING else value

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

    def _is_own(self, scheme: bytes, authority: bytes) -> bool:
        for own, named in self.origins:
            if scheme in (own, b"") and plain_authority(authority, own) == named:
                return True
        return False

    def _back(self, path: bytes) -> bytes | None:
        if self.prefix and lies_under(path, self.prefix):
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


def known_by(route: Route, upstream: Upstream, asked: bytes) -> Known:
    """How the upstream of a route is known to itself, by what it was asked with."""
    lines = (line.partition(b": ") for line in asked.split(b"\r\n"))
    said = {name: value for name, _, value in lines}
    scheme = upstream.scheme.encode("ascii")
    origins = [(each.scheme.encode("ascii"), each.authority.encode("ascii")) for each in upstream.targets]
    if upstream.host_policy != PRESERVE or scheme == b"http":
        origins.append((scheme, said[b"host"]))  # to be sent from http to https by one's own name is meant
    if b"x-forwarded-host" in said:
        origins.append((said[b"x-forwarded-proto"].lower(), said[b"x-forwarded-host"]))
    return Known(
        route.strip_prefix.encode("ascii"),
        route.add_prefix.encode("ascii"),
        said.get(PREFIX, b"") if route.strip_prefix else b"",
        tuple((scheme, plain_authority(authority, scheme)) for scheme, authority in origins),
    )
