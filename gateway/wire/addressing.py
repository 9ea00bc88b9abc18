"""Under which name an upstream is called, from which page it is told the call comes, and through whom.

No one answer is right for all servers: Ollama refuses names and origins that it does not know, ComfyUI an
`Origin` that is not its `Host`, Home Assistant every `X-Forwarded-For` from a stranger. So each upstream has
a policy for each of the three.

1. `Host`: the upstream's own (`UPSTREAM`), the caller's as received and judged (`PRESERVE`), or a text.
2. `Origin`: as it came (`PRESERVE`), that of what is sent as `Host` (`REWRITE`), or none (`STRIP`).
3. An upstream that gets another `Origin`, or none, has lost its own defence against pages of strangers, and
   must not need it: a foreign origin is only ever changed where the caller showed a key that no browser
   sends by itself, or where the route answers that origin by CORS. Otherwise it passes as it came, for the
   upstream to judge. Foreign is what is not the `Host` that the caller asked for; and where no key was
   shown, whatever comes with a `Host` that is not ours (`core.hosts`): a page can lead its own name here.
4. `X-Forwarded-*`: behind what a trusted proxy said (`APPEND`), only what this hop saw (`REPLACE`), or
   nothing at all (`OFF`). A caller's own claims pass by none of them (`wire.headers` rule 4).
"""

from typing import Final

from gateway.core.credentials import Strip
from gateway.core.request import Headers

UPSTREAM: Final = "upstream"
PRESERVE: Final = "preserve"
REWRITE: Final = "rewrite"
STRIP: Final = "strip"
APPEND: Final = "append"
REPLACE: Final = "replace"
OFF: Final = "off"

DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}


def host_sent(policy: str, authority: str, received: bytes) -> bytes:
    """What an upstream is called (rule 1). A caller that called nobody leaves the upstream's own name."""
    if policy == UPSTREAM or (policy == PRESERVE and not received):
        return authority.encode("ascii")
    return received if policy == PRESERVE else policy.encode("ascii")


def with_origin(headers: Headers, origin: bytes | None) -> Headers:
    """The headers with this in the place of every `Origin`; without any for None (rule 2)."""
    if origin is None:
        return tuple(field for field in headers if field[0] != b"origin")
    return tuple((name, origin if name == b"origin" else value) for name, value in headers)


def is_foreign(origins: list[bytes], asked: bytes) -> bool:
    """Whether one of these is the origin of a page that does not come from the host that was asked."""
    return any(authority_of(origin) != plain_authority(asked, origin[:5].lower()) for origin in origins)


def is_sent_by_itself(headers: Headers, strip: Strip) -> bool:
    """Whether the key may have been sent without anybody's doing: browsers remember Basic's, and send it."""
    if not strip.headers or strip.query is not None or strip.in_address:
        return False
    return all(
        headers[index][0] == b"authorization" and headers[index][1][:6].lower() == b"basic "
        for index in strip.headers
    )


def authority_of(origin: bytes) -> bytes:
    """The authority of an origin in its plain form; empty for `null` and whatever is none."""
    scheme, divided, rest = origin.partition(b"://")
    return plain_authority(rest, scheme.lower()) if divided else b""


def plain_authority(authority: bytes, scheme: bytes) -> bytes:
    """In lower case, without the scheme's own port."""
    plain = authority.lower().removesuffix(b":")
    port = DEFAULT_PORTS.get(b"https" if scheme == b"https" else b"http", b"")
    return plain.removesuffix(port)
