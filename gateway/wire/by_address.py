"""Answers to whoever showed a credential in the address: the address is a secret then, and stays one.

1. `Referrer-Policy: no-referrer`, last, so that it is the one that counts: no link in a page tells the
   address to another server.
2. `Cache-Control` is private whatever the upstream says: what a shared cache kept would outlive the key.
3. A `Location` on the same server leads back under `/k/<key>`, or whoever follows it would arrive without a
   key; as a path where it says `http://`, so that nobody who came by HTTPS is led out of it. Nothing else of
   an answer is rewritten: root-relative links in a page and paths of cookies stay.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.core.credentials import Strip
from gateway.core.request import Headers
from gateway.wire.request_head import Head

NO_REFERRER: Final = (b"referrer-policy", b"no-referrer")

_LEADS: Final = re.compile(r"(/k/[a-z][a-z0-9]{0,15}_)[0-9A-Za-z]{32,}")
_TOLD: Final = re.compile(r"/k/[a-z][a-z0-9]{0,15}_\*{4}(?=/|\Z)")
_SCHEMES: Final = (b"http://", b"https://")


@dataclass(frozen=True, slots=True)
class ByAddress:
    """How a request was addressed: `lead` is `/k/<key>` if that was there, `host` is as it was sent."""

    lead: bytes = field(default=b"", repr=False)
    host: bytes = b""

    def told(self, headers: Headers) -> Headers:
        """The upstream's headers as this caller may see them."""
        if self.lead:
            headers = tuple(
                (name, self._led_again(value) if name == b"location" else value) for name, value in headers
            )
        return (*_private(headers), NO_REFERRER)

    def _led_again(self, location: bytes) -> bytes:
        if location.startswith(b"/") and location[1:2] not in (b"/", b"\\"):
            return self.lead + location
        for scheme in _SCHEMES if self.host else ():
            own = scheme + self.host
            if location.lower().startswith(own.lower()) and location[len(own) : len(own) + 1] in b"/?#":
                before, rest = location[: len(own)], location[len(own) :]
                return self.lead + rest if scheme == b"http://" else before + self.lead + rest
        return location


def by_address(head: Head, strip: Strip) -> ByAddress | None:
    """How the request was addressed, if it showed its credential there."""
    if not strip.in_address:
        return None
    if strip.path is None:
        return ByAddress()
    path = head.view.target.path.encode("ascii")
    return ByAddress(path.removesuffix(strip.path), head.host)


def told_path(path: str) -> str:
    """A path as it may be told of: a key that leads it is blanked."""
    return _LEADS.sub(r"\1****", path, count=1) if path.startswith("/k/") else path


def path_behind(told: str) -> str:
    """What is asked for in a path as it is told of: what stands behind the key."""
    return _TOLD.sub("", told, count=1) if told.startswith("/k/") else told


def _private(headers: Headers) -> Headers:
    said = [value for name, value in headers if name == b"cache-control"]
    directives = [each.strip(b" \t") for value in said for each in value.split(b",")]
    kept = [each for each in directives if each and not _is_shared(each.lower())]
    if not {b"private", b"no-store"} & {each.lower() for each in kept}:
        kept.append(b"private")
    others = tuple(field for field in headers if field[0] != b"cache-control")
    return (*others, (b"cache-control", b", ".join(kept)))


def _is_shared(directive: bytes) -> bool:
    return directive == b"public" or directive.startswith(b"s-maxage")
